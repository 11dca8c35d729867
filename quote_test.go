package vk

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The vectors of vk_botting's StringView, which bots that come from there are
// used to. Where a word is read otherwise here, the comment says how it was
// and why.
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
				if !errors.Is(err, ErrBadQuote) {
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

// What vk_botting has three exceptions for.
func TestQuoteErrorTellsWhatAndWhere(t *testing.T) {
	tests := []struct {
		name, text string
		value      string // ArgError.Value
		want       QuoteError
	}{
		{"UnexpectedQuoteError", `a"b`, `a"b`, QuoteError{QuoteInside, '"', 1}},
		{"behind an escape", `x я\"«b y`, `я\"«b y`, QuoteError{QuoteInside, '«', 4}},
		{"InvalidEndOfQuotedStringError", `"a"b`, `"a"b`, QuoteError{QuoteNoSpace, 'b', 3}},
		{"of more bytes", `x «я»ж`, `«я»ж`, QuoteError{QuoteNoSpace, 'ж', 6}},
		{"ExpectedClosingQuoteError", `"abc`, `"abc`, QuoteError{QuoteUnclosed, '"', 0}},
		{"of another pair", `x „a "b`, `„a "b`, QuoteError{QuoteUnclosed, '„', 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Router)
			r.Handle("a {x} {y?}", func(*Context) error { return nil })
			err := r.Serve(newMessage(t, "a "+tt.text))
			var wrong *ArgError
			var quote *QuoteError
			if !errors.As(err, &wrong) || !errors.As(err, &quote) || !errors.Is(err, ErrBadQuote) {
				t.Fatal(err)
			}
			if *quote != tt.want || wrong.Value != tt.value || quote.Error() == "" {
				t.Errorf("%q: %+v, want %q: %+v", wrong.Value, *quote, tt.value, tt.want)
			}
			if quote.Kind != QuoteNoSpace && !strings.HasPrefix(wrong.Value[quote.Offset:], string(quote.Rune)) {
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
	opening := make(map[rune]bool)
	for _, pair := range pairs {
		t.Run(pair, func(t *testing.T) {
			marks := []rune(pair)
			opening[marks[0]] = true
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
	// Nothing in the tables that is not tested above.
	for r, ends := range quotes {
		if !opening[r] {
			t.Errorf("%c is not tested", r)
		}
		for _, end := range ends {
			if quotes[end] == "" && !strings.ContainsRune(closing, end) {
				t.Errorf("%c ends a word, but is not known to", end)
			}
		}
	}
	for _, r := range closing {
		if quotes[r] != "" {
			t.Errorf("%c also begins a word", r)
		}
	}
}

// splitWords reads all words of a text.
func splitWords(s string) (words []string, err error) {
	for s = trimLeft(s); s != ""; s = trimLeft(s) {
		var word string
		if word, s, err = nextWord(s); err != nil {
			return words, err
		}
		words = append(words, word)
	}
	return words, nil
}
