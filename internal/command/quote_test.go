package command_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

// The first vectors are those of the reader that bots written in Python are used
// to. Where a word is read otherwise here, the comment says how it was and why.
func TestQuotedWords(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []string // nil: ErrBadQuote
	}{
		{"two words", `a b`, []string{"a", "b"}},
		{"quoted", `"a b" c`, []string{"a b", "c"}},
		{"empty", `""`, []string{""}},
		{"empty, then another", `"" x`, []string{"", "x"}},
		{"text behind the closing mark", `"a"b`, nil},
		{"mark inside a bare word", `a"b`, nil},
		{"escaped mark in a bare word", `a\"b`, []string{`a"b`}},
		{"escaped mark in a quoted word", `"a\"b"`, []string{`a"b`}},
		{"never closed", `"abc`, nil},
		{"backslash, never closed", `"a\`, nil},
		{"guillemets", `«привет мир» x`, []string{"привет мир", "x"}},
		{"apostrophe", `don't`, []string{"don't"}},
		{"single typographic marks", `‘x y’`, []string{"x y"}},

		// Was an error: the escape was not seen in the first place of a word.
		{"escaped mark in front", `\"a`, []string{`"a`}},
		// Both were kept, and the quoted word had no end: a quoted word could
		// not end in a backslash. Here a backslash escapes itself, in both
		// kinds of words.
		{"two backslashes in a bare word", `a\\b`, []string{`a\b`}},
		{"two backslashes in front of the closing mark", `"a\\"`, []string{`a\`}},
		// Was dropped: what is written is kept, if it means nothing.
		{"backslash at the end", `a\`, []string{`a\`}},
		// Was an error: the usual Russian and German pair was not known.
		{"low marks, closed as in Russian", `„привет“`, []string{"привет"}},
		// Were errors: marks that only close, or stand for an apostrophe, are
		// characters like any other within a bare word.
		{"typographic apostrophe", `don’t`, []string{"don’t"}},
		{"closing marks only", `”x”`, []string{"”x”"}},
		{"closing guillemet in front", `»x« y`, nil}, // the second mark opens
		{"opening single mark inside", `rock‘n‘roll`, []string{"rock‘n‘roll"}},
		{"opening low single mark inside", `a‚b`, nil}, // stands for no apostrophe
		{"every closing mark inside", "a’‛”‟」』〞﹂﹄｣»›》〉b", []string{"a’‛”‟」』〞﹂﹄｣»›》〉b"}},
		{"opening mark inside", `a«b»`, nil},

		{"space of any kind", "a\u00a0b\nc\u2003d", []string{"a", "b", "c", "d"}},
		{"space of any kind behind the closing mark", "\"a\"\u00a0b", []string{"a", "b"}},
		{"space inside is kept", "\" a\n b \"", []string{" a\n b "}},
		{"line break inside", "\"a\nb\"", []string{"a\nb"}},
		{"backslash before anything else", `a\b "c\d" \ e`, []string{`a\b`, `c\d`, `\`, "e"}},
		{"backslash does not escape a space", `a\ b`, []string{`a\`, "b"}},
		{"escaped marks of other kinds in a bare word", `a\«b\»c\’`, []string{"a«b»c’"}},
		{"escaped mark of another kind in a quoted word", `"a\»b"`, []string{`a\»b`}},
		{"mark of another kind in a quoted word", `"a «b» c’s"`, []string{"a «b» c’s"}},
		{"opening mark within its pair", `«a «b»`, []string{"a «b"}},
		{"escaped pair", `«a \«b\» c»`, []string{"a «b» c"}},
		{"three backslashes", `"a\\\"b"`, []string{`a\"b`}},
		{"not UTF-8", "\"a\xff\" \xfeb", []string{"a\xff", "\xfeb"}},
		{"opens later and never closes", `a "b c`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := splitWords(tt.text)
			if tt.want == nil {
				if !errors.Is(err, command.ErrBadQuote) {
					t.Errorf("%s: %q, %v, want ErrBadQuote", tt.text, got, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.text, err, diff)
			}
		})
	}
}

// The names are those of the exceptions that bots written in Python are used to.
func TestQuoteErrorTellsWhatAndWhere(t *testing.T) {
	tests := []struct {
		name, text string
		want       command.QuoteError
	}{
		{"UnexpectedQuoteError", `a"b`, command.QuoteError{Kind: command.QuoteInside, Rune: '"', Offset: 1}},
		{"behind an escape", `я\"«b y`, command.QuoteError{Kind: command.QuoteInside, Rune: '«', Offset: 4}},
		{"InvalidEndOfQuotedStringError", `"a"b`, command.QuoteError{Kind: command.QuoteNoSpace, Rune: 'b', Offset: 3}},
		{"of more bytes", `«я»ж`, command.QuoteError{Kind: command.QuoteNoSpace, Rune: 'ж', Offset: 6}},
		{"ExpectedClosingQuoteError", `"abc`, command.QuoteError{Kind: command.QuoteUnclosed, Rune: '"', Offset: 0}},
		{"of another pair", `„a "b`, command.QuoteError{Kind: command.QuoteUnclosed, Rune: '„', Offset: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, rest, err := command.NextWord(tt.text)
			var quote *command.QuoteError
			if !errors.As(err, &quote) || !errors.Is(err, command.ErrBadQuote) || rest != tt.text {
				t.Fatal(rest, err)
			}
			if *quote != tt.want || !strings.ContainsRune(quote.Error(), quote.Rune) {
				t.Errorf("%+v, want %+v", *quote, tt.want)
			}
			if !strings.HasPrefix(tt.text[quote.Offset:], string(quote.Rune)) {
				t.Errorf("%c is not at %d", quote.Rune, quote.Offset)
			}
		})
	}
}

func TestQuotePairs(t *testing.T) {
	pairs := []string{
		`""`, "‘’", "‚‛", "‚’", "‚‘", "“”", "„‟", "„“", "„”", "⹂⹂", "「」", "『』", "〝〞", "﹁﹂", "﹃﹄",
		"＂＂", "｢｣", "«»", "‹›", "《》", "〈〉",
	}
	known := command.QuotePairs()
	slices.Sort(known)
	if diff := cmp.Diff(slices.Sorted(slices.Values(pairs)), known); diff != "" {
		t.Errorf("other pairs (-want +got):\n%s", diff)
	}
	for _, pair := range pairs {
		t.Run(pair, func(t *testing.T) {
			marks := []rune(pair)
			open, end := string(marks[0]), string(marks[1])
			for text, want := range map[string][]string{
				open + "a b" + end + " c":                     {"a b", "c"},
				open + end:                                    {""},
				open + `a\` + end + " " + end:                 {"a" + end + " "},
				open + `\` + open + " b" + end:                {open + " b"},
				`a\` + open + `b\` + end + `c \` + open + "d": {"a" + open + "b" + end + "c", open + "d"},
			} {
				if got, err := splitWords(text); err != nil || !cmp.Equal(got, want) {
					t.Errorf("%s: %q, %v, want %q", text, got, err, want)
				}
			}
			for _, text := range []string{open + "a b", open + "a" + end + "b", open} {
				if got, err := splitWords(text); err == nil {
					t.Errorf("%s: %q, want ErrBadQuote", text, got)
				}
			}
		})
	}
}

// FuzzAppendWord: every word can be quoted, and reads back.
func FuzzAppendWord(f *testing.F) {
	for _, s := range []string{"", "a", "green tea", `a\"b`, `\`, "„x“", "\u00a0", "\xff «»", "it’s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		for _, line := range []string{string(command.AppendWord(nil, s)), quoted} {
			if word, rest, err := command.NextWord(line + " x"); err != nil || word != s || rest != " x" {
				t.Errorf("%s is read as %q, %q, %v", line, word, rest, err)
			}
		}
	})
}

// splitWords reads all words of a text.
func splitWords(s string) (words []string, err error) {
	for s = command.SkipSpace(s); s != ""; s = command.SkipSpace(s) {
		var word string
		if word, s, err = command.NextWord(s); err != nil {
			return words, err
		}
		words = append(words, word)
	}
	return words, nil
}
