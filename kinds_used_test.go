package vk

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKindsOf: what a handler has handlers for.
func TestKindsOf(t *testing.T) {
	h := func(*Context) error { return nil }
	messages := []string{"message_event", "message_new"}
	for _, tt := range []struct {
		name string
		add  func(r *Router)
		want []string
	}{
		{"nothing", func(r *Router) {}, nil},
		{"command", func(r *Router) { r.Handle("a", h) }, messages},
		{"nested command", func(r *Router) { r.Route("a", func(r *Router) { r.Handle("b", h) }) }, messages},
		{"text", func(r *Router) { r.Text("a", h) }, messages},
		{"press", func(r *Router) { Press(r, "a", func(*Context, int) error { return nil }) }, messages},
		{"condition", func(r *Router) { r.When(Has("photo"), h) }, messages},
		{"not found", func(r *Router) { r.NotFound(h) }, []string{"message_new"}},
		{"module", func(r *Router) { r.Mount("m", func(r *Router) error { r.Handle("a", h); return nil }) }, messages},
		{"gone", func(r *Router) { r.Remove(r.Handle("a", h)) }, nil},
		{"listener", func(r *Router) { On(r, EventLikeAdd, func(*Context, *Like) error { return nil }) }, []string{"like_add"}},
		{"derived, and its own", func(r *Router) {
			On(r, EventStart, func(*Context, *MessageNew) error { return nil })
			On(r, EventMessageNew, func(*Context, *MessageNew) error { return nil })
		}, []string{"message_new"}},
		{"unknown kind", func(r *Router) { On(r, Kind[struct{}]("brand_new"), func(*Context, *struct{}) error { return nil }) }, []string{"brand_new"}},
		{"listener of all", func(r *Router) { r.Listen(h) }, nil},
		{"listener of all, and one of its own", func(r *Router) {
			r.Listen(h)
			On(r, EventLikeAdd, func(*Context, *Like) error { return nil })
		}, []string{"like_add"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := new(Router)
			tt.add(r)
			got, known := kindsOf(r)
			if diff := cmp.Diff(tt.want, got); diff != "" || known == (tt.name == "listener of all") {
				t.Errorf("known %t (-want +got):\n%s", known, diff)
			}
		})
	}
	r := new(Router)
	r.Handle("a", h)
	same := func(next HandlerFunc) HandlerFunc { return next }
	if kinds, known := kindsOf(Wrap(Wrap(r, same), same, same)); !slices.Equal(kinds, messages) || !known {
		t.Errorf("wrapped: %v, %t", kinds, known)
	}
	if kinds, known := kindsOf(HandlerFunc(h)); kinds != nil || known {
		t.Errorf("a function: %v, %t", kinds, known)
	}
	if kinds, known := kindsOf(nil); kinds != nil || known {
		t.Errorf("nil: %v, %t", kinds, known)
	}
}
