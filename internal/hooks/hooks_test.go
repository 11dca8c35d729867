package hooks

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

var errStop = errors.New("stop")

// A run describes the behavior of the functions of one run.
type run struct {
	log []string
}

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

func TestRun(t *testing.T) {
	ends := &Ends{Caught: func(v any) error { return fmt.Errorf("panic: %v", v) }, Goexit: errors.New("exit")}
	before := func(name string, err error) func(*Hooks[*run]) {
		return func(h *Hooks[*run]) { h.Before(func(r *run) error { r.note("%s", name); return err }) }
	}
	after := func(name string) func(*Hooks[*run]) {
		return func(h *Hooks[*run]) {
			h.After(func(r *run, err error) error { r.note("%s:%v", name, err); return nil })
		}
	}
	claim := func(name string, err error) func(*Hooks[*run]) {
		return func(h *Hooks[*run]) {
			h.Claim(func(r *run) (func(), error) {
				r.note("%s", name)
				return func() { r.note("back %s", name) }, err
			})
		}
	}
	for _, tt := range []struct {
		name string
		add  []func(*Hooks[*run])
		f    func(*run) error
		want string
		err  string
	}{
		{"in order", []func(*Hooks[*run]){before("b1", nil), after("a1"), claim("c", nil), before("b2", nil), after("a2")}, nil, "c b1 b2 f a2:<nil> a1:<nil>", ""},
		{"a claim refuses", []func(*Hooks[*run]){claim("c1", nil), claim("c2", errStop), before("b", nil)}, nil, "c1 c2 back c1", "stop"},
		{"a hook refuses", []func(*Hooks[*run]){claim("c", nil), after("a1"), before("b", errStop), after("a2")}, nil, "c b a1:stop back c", "stop"},
		{"a failure costs", []func(*Hooks[*run]){claim("c", nil), after("a")}, func(*run) error { return errStop }, "c a:stop", "stop"},
		{"a panic", []func(*Hooks[*run]){after("a")}, func(*run) error { panic("x") }, "a:panic: x", "panic: x"},
		{"a hook that panics", []func(*Hooks[*run]){func(h *Hooks[*run]) { h.After(func(*run, error) error { panic("y") }) }, claim("c", nil)},
			func(*run) error { return errStop }, "c", "stop\npanic: y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Hooks[*run]
			for _, add := range tt.add {
				add(&h)
			}
			r := new(run)
			f := tt.f
			if f == nil {
				f = func(r *run) error {
					if h.Claim(nil) || h.Before(nil) {
						t.Error("a hook can be added in the run")
					}
					r.note("f")
					return nil
				}
			}
			err := h.Run(r, f, nil, ends)
			if got := strings.Join(r.log, " "); got != tt.want || err == nil && tt.err != "" || err != nil && err.Error() != tt.err {
				t.Errorf("%s: %v\nwant %s: %s", got, err, tt.want, tt.err)
			}
		})
	}
	t.Run("the goroutine ends", func(t *testing.T) {
		var h Hooks[*run]
		r, done := new(run), make(chan struct{})
		after("a")(&h)
		go func() {
			defer close(done)
			h.Run(r, func(*run) error { runtime.Goexit(); return nil }, nil, ends)
		}()
		<-done
		if got := strings.Join(r.log, " "); got != "a:exit" {
			t.Error(got)
		}
	})
	t.Run("around", func(t *testing.T) {
		var h, outer, begun Hooks[*run]
		claim("in", nil)(&h)
		claim("out", nil)(&outer)
		claim("begun", nil)(&begun)
		begun.Run(new(run), func(*run) error { return nil }, nil, ends)
		r := new(run)
		for range 2 { // a claim is not called twice
			if err := h.Run(r, func(r *run) error { r.note("f"); return nil }, []*Hooks[*run]{&outer, &begun}, ends); err != nil {
				t.Error(err)
			}
		}
		if got := strings.Join(r.log, " "); got != "out in f f" {
			t.Error(got)
		}
	})
	t.Run("mark", func(t *testing.T) {
		var h Hooks[*run]
		before("kept", nil)(&h)
		m := h.Mark()
		before("gone", nil)(&h)
		h.Return(m)
		r := new(run)
		h.Run(r, func(*run) error { return nil }, nil, ends)
		if got := strings.Join(r.log, " "); got != "kept" {
			t.Error(got)
		}
	})
}
