// Package terminal reads lines that a person types.
package terminal

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
)

// A Line is a line of an input without space around it, or the input's end.
type Line struct {
	Text string
	Err  error // io.EOF at the end
}

// Read sends the lines of in until ctx ends, and last the error that ended them.
// A pending read of a terminal cannot be canceled; its goroutine ends with the
// program.
func Read(ctx context.Context, in io.Reader) <-chan Line {
	lines := make(chan Line)
	send := func(l Line) bool {
		select {
		case lines <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		s := bufio.NewScanner(in)
		for s.Scan() {
			if !send(Line{Text: strings.TrimSpace(s.Text())}) {
				return
			}
		}
		err := s.Err()
		if err == nil {
			err = io.EOF
		}
		send(Line{Err: err})
	}()
	return lines
}

// Is reports whether in is a terminal, where a person types.
func Is(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
