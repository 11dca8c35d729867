package command_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/versus"
)

// treeOf returns a tree of commands by their words, each of which leads to its
// own words, and those of the fallbacks with "?" behind them.
func treeOf(fold bool, commands, fallbacks []string) *command.Tree[string] {
	tree := &command.Tree[string]{Fold: fold}
	for _, words := range commands {
		tree.Add(strings.Fields(words), &words)
	}
	for _, words := range fallbacks {
		to := words + "?"
		tree.AddFallback(strings.Fields(words), &to)
	}
	return tree
}

// found shows the results of Find.
func found(to *string, rest string) string {
	if to == nil {
		return "nothing"
	}
	return *to + "|" + rest
}

func TestTreeFindsLongestWords(t *testing.T) {
	commands := []string{"foo", "foo bar", "foo bar baz qux", "fb x y", "in deep", "in deep er", "all", "Ёж"}
	long := strings.Repeat("w", 64)
	for _, tt := range []struct {
		name      string
		fold      bool
		fallbacks []string
		text      string
		want      string // what it leads to, and the rest; or "nothing"
	}{
		{"one word", false, nil, "foo", "foo|"},
		{"one word and more", false, nil, "foo  x y", "foo|  x y"},
		{"two words", false, nil, "foo bar baz", "foo bar| baz"},
		{"any space between words", false, nil, "foo\u00a0\n bar\tbaz", "foo bar|\tbaz"},
		{"back to the last command", false, nil, "foo bar baz quux", "foo bar| baz quux"},
		{"beginning of a command", false, nil, "fb x", "nothing"},
		{"part of a word", false, nil, "foobar", "nothing"},
		{"no words", false, nil, "", "nothing"},
		{"in other case", false, nil, "FOO", "nothing"},
		{"in other case, folded", true, nil, "FOO Bar x", "foo bar| x"},
		{"folded ё", true, nil, "еЖ", "Ёж|"},
		{"quoted word", false, nil, `foo "bar"`, `foo| "bar"`},
		{"word too long", false, nil, "foo " + long + "w", "foo| " + long + "w"},

		{"fallback for all", false, []string{""}, "nope x", "?|nope x"},
		{"fallback for all, and no text", false, []string{""}, "", "?|"},
		{"command beside a fallback", false, []string{""}, "foo x", "foo| x"},
		{"fallback with the words of a command", false, []string{"foo"}, "foo x", "foo| x"},
		{"fallback with more words", false, []string{"foo bar baz"}, "foo bar baz quux", "foo bar baz?|foo bar baz quux"},
		{"command with more words yet", false, []string{"foo bar baz"}, "foo bar baz qux 1", "foo bar baz qux| 1"},
		{"fallback inside of a fallback", false, []string{"", "in"}, "in shallow", "in?|in shallow"},
		{"command behind a fallback", false, []string{"", "in"}, "in deep", "in deep|"},
		{"fallback without commands", false, []string{"", "out side"}, "out side x", "out side?|out side x"},
		{"half of a fallback", false, []string{"", "out side"}, "out x", "?|out x"},
		{"folded fallback", true, []string{"In"}, "iN x", "In?|iN x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := found(treeOf(tt.fold, commands, tt.fallbacks).Find(tt.text)); got != tt.want {
				t.Errorf("%q leads to %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestTreeWordless(t *testing.T) {
	tree := treeOf(false, []string{"foo"}, []string{""})
	if to := tree.Wordless(); to != nil {
		t.Error(*to)
	}
	tree = treeOf(false, []string{"", "foo"}, nil)
	if to := tree.Wordless(); to == nil || *to != "" {
		t.Error(to)
	}
	for _, text := range []string{"", "nope"} {
		if got := found(tree.Find(text)); got != "nothing" {
			t.Errorf("%q finds %q", text, got)
		}
	}
	if got := found(new(command.Tree[string]).Find("foo")); got != "nothing" {
		t.Errorf("the zero Tree finds %q", got)
	}
}

// Texts are cut into words where patterns are.
func TestTreeCutsWords(t *testing.T) {
	long := func(n int) string { return strings.Repeat("w", n) }
	tree := treeOf(false, []string{"a", "я", "\xffa", long(64), long(65), long(63) + "я"}, nil)
	for _, tt := range []struct{ text, want string }{
		{" \n", "nothing"},
		{"a", "a|"},
		{" a b", "a| b"},
		{"\u00a0a", "a|"},
		{"a\u00a0b", "a|\u00a0b"},
		{"я\u2003б", "я|\u2003б"},
		{"\xffa \xfe", "\xffa| \xfe"},
		{long(64) + " x", long(64) + "| x"},
		{long(65) + " x", "nothing"}, // is not looked up
		{long(63) + "я", "nothing"},
		{long(9000), "nothing"},
	} {
		if got := found(tree.Find(tt.text)); got != tt.want {
			t.Errorf("%.70q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	for _, fold := range []bool{false, true} {
		tree := treeOf(fold, []string{"command500", "Привет Мир"}, nil)
		for _, text := range []string{"command500", "command500 x", "nope", "command500 \u00a0я", "пРИВЕТ мИР и все"} {
			if n := testing.AllocsPerRun(100, func() { tree.Find(text) }); n != 0 {
				t.Errorf("%q, folded %v: %v allocations", text, fold, n)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { command.FoldPrefix("БОТ, привет", "бот, ") }); n != 0 {
		t.Errorf("FoldPrefix: %v allocations", n)
	}
}

// BenchmarkFind is the lookup of a command of two words at the beginning of a
// text: against a map with the two words as its key, which a program without a
// tree would cut from the text as well; against that map's lookup alone, with
// keys that nobody has to cut; and against a tree of ten commands.
func BenchmarkFind(b *testing.B) {
	const known = 10 // are asked for: it is not the size of the cache that is measured
	commands := func(n int) (tree *command.Tree[int], bare map[string]*int) {
		tree, bare = new(command.Tree[int]), make(map[string]*int)
		for i := range n {
			words := fmt.Sprintf("shop%d buy%d", i/10, i)
			tree.Add(strings.Fields(words), new(int))
			bare[words] = new(int)
		}
		return tree, bare
	}
	var texts, keys []string
	for i := range known {
		keys = append(keys, fmt.Sprintf("shop%d buy%d", i/10, i))
		texts = append(texts, keys[i]+" 2 of them")
	}
	find := func(b *testing.B, ok func(i int) bool) func() {
		return func() {
			for i := range known {
				if !ok(i) {
					b.Fatal(texts[i])
				}
			}
		}
	}
	ten, _ := commands(10)
	for _, n := range []int{10, 1_000, 10_000} {
		tree, bare := commands(n)
		for against, ok := range map[string]func(i int) bool{
			"cut+map": func(i int) bool { return bare[firstTwo(texts[i])] != nil },
			"map":     func(i int) bool { return bare[keys[i]] != nil },
			"ten":     func(i int) bool { to, _ := ten.Find(texts[i]); return to != nil },
		} {
			b.Run(fmt.Sprintf("commands=%d/against=%s", n, against), func(b *testing.B) {
				versus.Run(b, against, known, find(b, func(i int) bool { to, _ := tree.Find(texts[i]); return to != nil }), find(b, ok))
			})
		}
	}
}

// firstTwo returns the first two words of a text, of which one space parts them.
func firstTwo(s string) string {
	_, rest := command.CutSpace(s)
	_, rest = command.CutSpace(rest[1:])
	return s[:len(s)-len(rest)]
}

// BenchmarkFindFolded is the lookup of a command whatever its case, against
// that of a key in a map: of one word and of two, in Latin and in Cyrillic.
func BenchmarkFindFolded(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		for _, word := range []string{"command", "command ban", "команда"} {
			tree := &command.Tree[int]{Fold: true}
			var typed []string
			bare := make(map[string]*int)
			for i := range n {
				words := fmt.Sprint(word, i)
				tree.Add(strings.Fields(words), new(int))
				bare[words] = new(int)
				typed = append(typed, words)
			}
			b.Run(fmt.Sprintf("tree/%s/commands=%d", word, n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if to, _ := tree.Find(typed[i]); to == nil {
						b.Fatal(typed[i])
					}
					if i++; i == 10 {
						i = 0
					}
				}
			})
			b.Run(fmt.Sprintf("map/%s/commands=%d", word, n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if bare[typed[i]] == nil {
						b.Fatal(typed[i])
					}
					if i++; i == 10 {
						i = 0
					}
				}
			})
		}
	}
}
