package trail

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

const here = Key(7)

// dialogue runs a script of lines against a trail: "A" says A, "Q?" asks Q, and
// "name=Q?" asks it under a name. It returns the newly sent lines, and stops at
// the first question without an answer.
func dialogue(t *testing.T, tr *Trail, answers map[string]string, script ...string) (shown []string, got map[string]string) {
	t.Helper()
	got = make(map[string]string)
	for _, text := range script {
		line := Line{Words: text}
		if name, words, ok := strings.Cut(text, "="); ok {
			line.Name, line.Words = name, words
		}
		line.Words, line.Ask = strings.CutSuffix(line.Words, "?")
		s := tr.Say(here, line)
		if !s.Found && !s.Past {
			shown = append(shown, text)
			if err := tr.KeepSaid(s, []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
		if !line.Ask {
			continue
		}
		if a, ok := tr.Get(s.AnswerKey()); ok {
			got[text] = string(a)
			continue
		}
		a, ok := answers[line.Words]
		if !ok {
			break
		}
		got[text] = a
		if err := tr.Keep(s.AnswerKey(), []byte(a)); err != nil {
			t.Fatal(err)
		}
	}
	return shown, got
}

func reload(t *testing.T, tr *Trail, version uint64) *Trail {
	t.Helper()
	return reloadFrom(t, tr, version, version)
}

// reloadFrom is reload for a trail written by code of another version.
func reloadFrom(t *testing.T, tr *Trail, from, version uint64) *Trail {
	t.Helper()
	b, _ := tr.Encode(from)
	tr, err := Load(b, version)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestCodeChanges is the table of the effects of changed code: no text is sent
// twice, no question gets the answer of another one, and the lines after the
// past ones are sent.
func TestCodeChanges(t *testing.T) {
	for _, test := range []struct {
		name    string
		before  string // the script of the first run, with its answers
		answers string
		after   string // the script of the second run
		live    string // answers given in the second run
		shown   string // lines sent in the second run
		got     string // answers that its questions get
	}{
		{"nothing changes", "A Q? B R?", "Q=1", "A Q? B R?", "R=2", "", "Q?=1 R?=2"},
		{"a line is appended", "A Q?", "", "A Q? B", "Q=1", "B", "Q?=1"},
		{"a typo is corrected", "A Q?", "", "A' Q? B", "Q=1", "B", "Q?=1"},
		{"a text is inserted in front", "A Q?", "", "X A Q? B", "Q=1", "B", "Q?=1"},
		{"a text is removed", "A B Q?", "", "B Q? C", "Q=1", "C", "Q?=1"},
		{"texts change places", "A B Q?", "", "B A Q? C", "Q=1", "C", "Q?=1"},
		{"a question is inserted before the open one", "A Q?", "", "A P? Q? B", "P=0 Q=1", "P? Q? B", "P?=0 Q?=1"},
		{"a question is inserted before an answered one", "A Q? B R?", "Q=1", "A P? Q? B R? C", "P=0 R=2", "P? R? C", "P?=0 Q?=1 R?=2"},
		{"the open question is changed", "A Q?", "", "A Q'? B", "Q'=1", "Q'? B", "Q'?=1"},
		{"an answered question is changed", "A Q? R?", "Q=1", "A Q'? R? B", "Q'=3 R=2", "Q'? R? B", "Q'?=3 R?=2"},
		{"an answered question is removed", "A Q? R?", "Q=1", "A R? B", "R=2", "B", "R?=2"},
		{"the open question is removed", "A Q?", "", "A B C", "", "C", ""},
		{"a named question is changed", "A n=Q?", "", "A n=Q'? B", "Q'=1", "B", "n=Q'?=1"},
		{"a question gets a name", "A Q?", "", "A n=Q? B", "Q=1", "B", "n=Q?=1"},
		{"equal texts", "A A Q?", "", "A A A Q? B", "Q=1", "B", "Q?=1"},
		{"equal questions", "Q? Q?", "Q=1", "Q? Q? B", "", "", "Q?=1"},
		{"a text becomes a question", "A B Q?", "", "A B? Q? C", "B=0 Q=1", "B? Q? C", "B?=0 Q?=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := New()
			answers := pairs(test.answers)
			if test.name == "equal questions" {
				first = New()
				s := first.Say(here, Line{Ask: true, Words: "Q"})
				first.KeepSaid(s, nil)
				first.Keep(s.AnswerKey(), []byte("1"))
				first.KeepSaid(first.Say(here, Line{Ask: true, Words: "Q"}), nil)
			} else {
				dialogue(t, first, answers, strings.Fields(test.before)...)
			}
			version := uint64(2)
			if test.before == test.after {
				version = 1
			}
			second := reloadFrom(t, first, 1, version)
			shown, got := dialogue(t, second, pairs(test.live), strings.Fields(test.after)...)
			if s := strings.Join(shown, " "); s != test.shown {
				t.Errorf("shown %q, want %q", s, test.shown)
			}
			if g := joined(got); g != test.got {
				t.Errorf("answers %q, want %q", g, test.got)
			}
			// A third run of the same code sends nothing.
			third := reload(t, second, version)
			shown, again := dialogue(t, third, nil, strings.Fields(test.after)...)
			if len(shown) > 0 || joined(again) != test.got {
				t.Errorf("the third run shows %q and has %q", shown, joined(again))
			}
		})
	}
}

func pairs(s string) map[string]string {
	m := make(map[string]string)
	for _, f := range strings.Fields(s) {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return m
}

func joined(m map[string]string) string {
	var all []string
	for k, v := range m {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestSameCode: texts that differ each time are recognized by their places, and
// named questions by their names.
func TestSameCode(t *testing.T) {
	first := New()
	first.KeepSaid(first.Say(here, Line{Words: "it is 10:01"}), []byte("a"))
	failed := first.Say(here, Line{Words: "fails"})
	first.KeepSaid(first.Say(here, Line{Words: "it is 10:02", Name: "n"}), []byte("b"))
	first.KeepSaid(first.Say(here, Line{Words: "it is 10:03"}), []byte("c"))
	second := reload(t, first, 1)
	for _, test := range []struct {
		line  Line
		found bool
		value string
	}{
		{Line{Words: "it is 11:02", Name: "n"}, true, "b"},
		{Line{Words: "it is 11:01"}, true, "a"},
		{Line{Words: "fails no more"}, false, ""},
		{Line{Words: "it is 11:03"}, true, "c"},
		{Line{Words: "new"}, false, ""},
	} {
		s := second.Say(here, test.line)
		if s.Found != test.found || string(s.Value) != test.value || s.Past {
			t.Errorf("%v: %+v", test.line, s)
		}
		if test.line.Words == "fails no more" && s.Number != failed.Number {
			t.Error("the line that failed has another number, so it could show twice")
		}
	}
}

// TestNumbers: no new line has the number of an old one, over several versions.
func TestNumbers(t *testing.T) {
	used := make(map[uint64]string)
	tr := New()
	for version := uint64(1); version < 6; version++ {
		for i := range 4 {
			words := fmt.Sprint("v", version, " ", i)
			s := tr.Say(here, Line{Ask: true, Words: words})
			if old, ok := used[s.Number]; ok {
				t.Fatalf("%q has the number of %q", words, old)
			}
			used[s.Number] = words
			if i%2 == 0 {
				tr.KeepSaid(s, nil)
			}
		}
		tr = reloadFrom(t, reload(t, tr, version), version, version+1)
	}
}

func TestSteps(t *testing.T) {
	tr := New()
	call := KeyOf("call", "users.get")
	for i := range 3 {
		key, _, found := tr.Step(call)
		if found {
			t.Error("found in the first run")
		}
		if i != 1 { // the second one failed
			tr.Keep(key, []byte{byte(i)})
		}
	}
	if !tr.Dirty() || tr.Again() {
		t.Error("not dirty, or again")
	}
	_, mark := tr.Encode(1)
	tr.Saved(mark)
	if tr.Dirty() {
		t.Error("dirty once it is saved")
	}
	tr = reloadFrom(t, tr, 1, 2)
	for i := range 4 {
		_, value, found := tr.Step(call)
		if want := i == 0 || i == 2; found != want || found && value[0] != byte(i) {
			t.Errorf("step %d: %v %v", i, value, found)
		}
	}
	if !tr.Again() {
		t.Error("not again")
	}
}

func TestBounds(t *testing.T) {
	tr := New()
	if err := tr.Keep(1, make([]byte, MaxStep+1)); !errors.Is(err, ErrStepTooLarge) {
		t.Error(err)
	}
	if err := tr.KeepSaid(tr.Say(here, Line{}), make([]byte, MaxStep+1)); !errors.Is(err, ErrStepTooLarge) {
		t.Error(err)
	}
	if err := tr.KeepLarge(2, make([]byte, MaxStep+1)); err != nil {
		t.Error(err)
	}
	var err error
	for i := Key(10); err == nil; i++ {
		err = tr.Keep(i, make([]byte, MaxStep))
	}
	if !errors.Is(err, ErrTrailFull) || !tr.Full() || tr.Full() {
		t.Error(err)
	}
	if b, _ := tr.Encode(1); len(b) > MaxTrail+100 {
		t.Error(len(b))
	}
}

func TestLoadErrors(t *testing.T) {
	good, _ := New().Encode(1)
	for name, b := range map[string][]byte{
		"empty":        nil,
		"short":        good[:5],
		"other format": append([]byte{9}, good[1:]...),
		"cut key":      append(slices.Clone(good), 1, 2, 3),
		"cut value":    append(slices.Clone(good), 1, 2, 3, 4, 5, 6, 7, 8, 200, 1, 1),
		"empty line":   append(slices.Clone(good), 1, 2, 3, 4, 5, 6, 7, 8, 1),
	} {
		if _, err := Load(b, 1); err == nil {
			t.Error(name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	tr := New()
	tr.Keep(KeyOf("a"), []byte("b"))
	tr.KeepSaid(tr.Say(here, Line{Ask: true, Words: "w"}), []byte("v"))
	b, _ := tr.Encode(1)
	f.Add(b)
	b, _ = reload2(b, 2).Encode(2)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := Load(b, 1)
		if err != nil {
			return
		}
		tr.Say(here, Line{Words: "w"})
		tr.Say(here, Line{Ask: true, Name: "n"})
		again, _ := tr.Encode(1)
		tr, err = Load(again, 1)
		if err != nil {
			t.Fatal(err)
		}
		if once, _ := tr.Encode(1); len(once) > len(again) {
			t.Errorf("%d bytes grow to %d", len(again), len(once))
		}
	})
}

func reload2(b []byte, version uint64) *Trail {
	tr, err := Load(b, version)
	if err != nil {
		panic(err)
	}
	return tr
}

func TestConcurrent(t *testing.T) {
	tr := New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				key, _, _ := tr.Step(Key(i))
				tr.Keep(key, []byte{1})
				tr.KeepSaid(tr.Say(Key(i), Line{Words: fmt.Sprint(n)}), nil)
				b, mark := tr.Encode(1)
				tr.Saved(mark)
				if !bytes.HasPrefix(b, []byte{format}) {
					t.Error(b)
				}
			}
		})
	}
	wg.Wait()
	if _, err := Load(first(tr.Encode(1)), 1); err != nil {
		t.Error(err)
	}
}

func first(b []byte, _ uint64) []byte { return b }

// BenchmarkSend measures a handler that sends one message.
func BenchmarkSend(b *testing.B) {
	b.ReportAllocs()
	value := []byte("12345")
	for b.Loop() {
		tr := New()
		tr.KeepSaid(tr.Say(KeyOf("scope", "say", "1"), Line{Words: "hello"}), value)
	}
}

// BenchmarkDialogue measures a handler that asks, and is run again.
func BenchmarkDialogue(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		tr := New()
		tr.KeepSaid(tr.Say(here, Line{Words: "hello"}), []byte("12345"))
		s := tr.Say(here, Line{Ask: true, Words: "which?"})
		tr.KeepSaid(s, []byte("12346"))
		tr.Keep(s.DueKey(), make([]byte, 8))
		b, _ := tr.Encode(1)
		tr, _ = Load(b, 1)
		tr.Say(here, Line{Words: "hello"})
		tr.Say(here, Line{Ask: true, Words: "which?"})
	}
}

// TestNesting: steps inside a step that is not repeated do not shift the steps
// after it.
func TestNesting(t *testing.T) {
	tr := New()
	before := tr.Counts()
	inner, _, _ := tr.Step(5)
	tr.Keep(inner, []byte("inner"))
	tr.KeepSaid(tr.Say(here, Line{Words: "inner"}), []byte("inner"))
	tr.Keep(6, tr.Since(before))
	outer, _, _ := tr.Step(5)
	tr.Keep(outer, []byte("outer"))
	tr.KeepSaid(tr.Say(here, Line{Words: "outer"}), []byte("outer"))
	tr = reload(t, tr, 1)
	skipped, ok := tr.Get(6)
	if !ok {
		t.Fatal("no counts")
	}
	tr.Skip(skipped)
	tr.Skip([]byte{1, 2, 3})
	if _, value, _ := tr.Step(5); string(value) != "outer" {
		t.Errorf("%q", value)
	}
	if s := tr.Say(here, Line{Words: "outer, later"}); string(s.Value) != "outer" {
		t.Errorf("%+v", s)
	}
	if b := tr.Since(tr.Counts()); b != nil {
		t.Error(b)
	}
}

// TestValue: a step is found in an encoded trail, whatever else is there.
func TestValue(t *testing.T) {
	tr := New()
	tr.Keep(1, []byte("one"))
	tr.KeepSaid(tr.Say(here, Line{Words: "hello"}), []byte("12345"))
	tr.Keep(2, nil)
	tr.Keep(here, []byte("plain"))
	b, _ := tr.Encode(1)
	for _, test := range []struct {
		name  string
		b     []byte
		key   Key
		want  string
		found bool
	}{
		{"the first", b, 1, "one", true},
		{"an empty one", b, 2, "", true},
		{"one with the key of a line that was said", b, here, "plain", true},
		{"none", b, 3, "", false},
		{"one that is cut off", b[:len(b)-1], here, "", false},
		{"no trail", []byte("{}"), 1, "", false},
		{"another format", append([]byte{9}, b[1:]...), 1, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			value, found := Value(test.b, test.key)
			if string(value) != test.want || found != test.found {
				t.Errorf("%q, %v, want %q, %v", value, found, test.want, test.found)
			}
		})
	}
}
