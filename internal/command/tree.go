package command

import (
	"unicode"
	"unicode/utf8"
)

// A Tree finds commands by the words at the beginning of a text. The zero Tree
// is empty. It must not be changed once it is in use; any number of goroutines
// may search it.
type Tree[T any] struct {
	// Fold makes words that differ in case alone the same. It must be set
	// before anything is added.
	Fold bool

	root node[T]
}

// A node is a place in the tree: the words on the way to it are the beginning
// of a command.
type node[T any] struct {
	next     map[string]*node[T]
	command  *T // that has exactly these words
	fallback *T // for texts that begin with these words
}

// Add adds a command: a text that begins with its words leads to it, unless a
// command with more words takes the text.
func (t *Tree[T]) Add(words []string, to *T) { t.node(words).command = to }

// AddFallback adds a target for the texts that begin with the given words, but
// lead to no command that has as many. Without words it is for all texts.
func (t *Tree[T]) AddFallback(words []string, to *T) { t.node(words).fallback = to }

// node returns the node at the end of the words.
func (t *Tree[T]) node(words []string) *node[T] {
	n := &t.root
	for _, word := range words {
		if t.Fold {
			word = Fold(word)
		}
		next := n.next[word]
		if next == nil {
			if n.next == nil {
				n.next = make(map[string]*node[T])
			}
			next = new(node[T])
			n.next[word] = next
		}
		n = next
	}
	return n
}

// Wordless returns the command that was added without words, or nil. Find does
// not find it, for every text begins with no words.
func (t *Tree[T]) Wordless() *T { return t.root.command }

// Find returns the command with the most words that the text begins with, and
// the rest of the text. Where a fallback has more words than that command, Find
// returns the fallback, with all of the text. If there is neither, it returns
// nil.
func (t *Tree[T]) Find(text string) (to *T, rest string) {
	to, rest = t.root.fallback, text
	n := &t.root
	for at := text; n.next != nil; {
		var word string
		word, at = cutWord(at)
		if n = n.get(word, t.Fold); n == nil {
			break
		}
		switch {
		case n.command != nil:
			to, rest = n.command, at
		case n.fallback != nil:
			to, rest = n.fallback, text
		}
	}
	return to, rest
}

// get returns the node that a word leads to, or nil. The word comes from
// cutWord: it has at most maxWord bytes, and folding makes no more of them.
func (n *node[T]) get(word string, fold bool) *node[T] {
	if !fold {
		return n.next[word]
	}
	var b [maxWord]byte
	return n.next[string(AppendFold(b[:0], word))]
}

// cutWord cuts the first word off. One that is longer than any in a tree comes
// back empty.
func cutWord(s string) (word, rest string) {
	if s != "" && s[0] == ' ' {
		s = s[1:] // the usual case, faster
	}
	if s != "" && (s[0] <= ' ' || s[0] >= utf8.RuneSelf) {
		s = SkipSpace(s)
	}
	for i := 0; i < len(s); {
		if ' ' < s[i] && s[i] < utf8.RuneSelf {
			i++ // likewise
		} else {
			r, n := utf8.DecodeRuneInString(s[i:])
			if unicode.IsSpace(r) {
				return s[:i], s[i:]
			}
			i += n
		}
		if i > maxWord {
			return "", s
		}
	}
	return s, ""
}
