package terminal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

var errStub = errors.New("stub")

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   io.Reader
		want []string
		err  error
	}{
		{"lines", strings.NewReader("one\n\n  two \r\nthree"), []string{"one", "", "two", "three"}, io.EOF},
		{"nothing", strings.NewReader(""), nil, io.EOF},
		{"fails", io.MultiReader(strings.NewReader("one\n"), iotest.ErrReader(errStub)), []string{"one"}, errStub},
		{"too long", strings.NewReader("one\n" + strings.Repeat("a", 100_000)), []string{"one"}, bufio.ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := Read(t.Context(), tt.in)
			var got []string
			l := <-lines
			for ; l.Err == nil; l = <-lines {
				got = append(got, l.Text)
			}
			if !slices.Equal(got, tt.want) || !errors.Is(l.Err, tt.err) {
				t.Errorf("%q, %v, want %q, %v", got, l.Err, tt.want, tt.err)
			}
		})
	}
}

// TestReadEnds: the goroutine ends with ctx, even if nobody receives its line.
func TestReadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		if l := <-Read(ctx, strings.NewReader("one\ntwo\n")); l.Text != "one" {
			t.Errorf("%+v", l)
		}
		cancel() // the bubble fails if the goroutine stays
	})
}

func TestIs(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Is(f) || Is(strings.NewReader("")) {
		t.Error("a file or a text is a terminal")
	}
	null, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if !Is(null) {
		t.Error("a character device is no terminal")
	}
}
