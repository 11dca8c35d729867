package lazyctx

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A told notes the causes with which it was canceled.
type told struct{ causes []error }

func (w *told) Cancel(cause error) { w.causes = append(w.causes, cause) }

// contexts are the kinds of contexts of TestNotify and TestBrief. outer ends
// the parent, or one further up.
var contexts = map[string]func(t *testing.T) (c context.Context, cancel, outer context.CancelCauseFunc){
	"alone": func(*testing.T) (context.Context, context.CancelCauseFunc, context.CancelCauseFunc) {
		c := new(Context)
		c.Init(context.Background())
		return c, c.Cancel, c.Cancel
	},
	"within two others": func(*testing.T) (context.Context, context.CancelCauseFunc, context.CancelCauseFunc) {
		first, second, c := new(Context), new(Context), new(Context)
		first.Init(context.Background())
		second.Init(first)
		c.Init(second)
		return c, c.Cancel, first.Cancel
	},
	"within one that may end": func(t *testing.T) (context.Context, context.CancelCauseFunc, context.CancelCauseFunc) {
		parent, cancel := context.WithCancelCause(t.Context())
		c := new(Context)
		c.Init(parent)
		return c, c.Cancel, cancel
	},
	"of another type": func(t *testing.T) (context.Context, context.CancelCauseFunc, context.CancelCauseFunc) {
		parent := new(Context)
		parent.Init(context.Background())
		c, cancel := context.WithCancelCause(parent)
		return c, cancel, parent.Cancel
	},
}

// TestNotify: a Canceler is told the cause of the end, until Release.
func TestNotify(t *testing.T) {
	steps := map[string]func(b Bond, cancel, outer context.CancelCauseFunc){
		"cancel":            func(_ Bond, cancel, _ context.CancelCauseFunc) { cancel(errEnd) },
		"end the outer one": func(_ Bond, _, outer context.CancelCauseFunc) { outer(errEnd) },
		"release and cancel": func(b Bond, cancel, _ context.CancelCauseFunc) {
			b.Release()
			cancel(errEnd)
		},
		"release and end the outer one": func(b Bond, _, outer context.CancelCauseFunc) {
			b.Release()
			outer(errEnd)
		},
	}
	for kind, newContext := range contexts {
		for name, step := range steps {
			t.Run(kind+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, cancel, outer := newContext(t)
					var other, w told
					otherBond := Notify(c, &other)
					b := Notify(c, &w)
					step(b, cancel, outer)
					synctest.Wait()
					if len(other.causes) == 0 || other.causes[0] != errEnd {
						t.Errorf("one that stays is told %v", other.causes)
					}
					released := name != "cancel" && name != "end the outer one"
					if released != (len(w.causes) == 0) || !released && w.causes[0] != errEnd {
						t.Errorf("released %v: it is told %v", released, w.causes)
					}
					late := new(told)
					lateBond := Notify(c, late)
					synctest.Wait()
					if len(late.causes) == 0 || late.causes[0] != errEnd {
						t.Errorf("one that comes after the end is told %v", late.causes)
					}
					for _, b := range []Bond{otherBond, b, lateBond} {
						b.Release()
					}
					cancel(nil)
				})
			})
		}
	}
}

// TestBrief: a brief context ends with its context, and when it is released.
func TestBrief(t *testing.T) {
	for kind, newContext := range contexts {
		for _, end := range []string{"cancel", "end the outer one", "release"} {
			t.Run(kind+", "+end, func(t *testing.T) {
				c, cancel, outer := newContext(t)
				defer cancel(nil)
				brief, release := Brief(c)
				child, cancelChild := context.WithTimeout(brief, time.Hour)
				defer cancelChild()
				if err := child.Err(); err != nil {
					t.Fatal(err)
				}
				want := errEnd
				switch end {
				case "cancel":
					cancel(errEnd)
				case "end the outer one":
					outer(errEnd)
				default:
					release()
					if want = context.Canceled; brief == c {
						want = nil // there is no context of its own
					}
				}
				if got := context.Cause(child); got != want {
					t.Errorf("it has ended with %v, want %v", got, want)
				}
				release()
			})
		}
	}
}

// TestNothingLeft: neither a released brief context with derived ones nor a
// released Bond leaves anything behind.
func TestNothingLeft(t *testing.T) {
	var outer, c Context
	outer.Init(context.WithValue(context.Background(), key{}, "v"))
	c.Init(&outer)
	brief, release := Brief(&c)
	_, cancel := context.WithTimeout(brief, time.Hour)
	if brief.Value(key{}) != "v" {
		t.Error("it lacks the value")
	}
	b := Notify(&c, new(told))
	cancel()
	release()
	b.Release()
	for _, c := range []*Context{&outer, &c} {
		if c.whole != nil || c.links != nil {
			t.Errorf("left: %v, %v", c.whole, c.links)
		}
	}
}
