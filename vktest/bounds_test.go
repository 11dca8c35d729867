package vktest

import (
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/fakevk"
)

// TestNotesBounded checks that only the last of very many presses are in the
// transcript.
func TestNotesBounded(t *testing.T) {
	s := New(t)
	anna := s.User("Anna")
	anna.Says("hi")
	for range kept + 10 {
		s.noted(note{peer: anna.ID, after: 1, text: "Anna presses [A]"})
	}
	if n := strings.Count(s.Transcript(), "presses [A]"); n != kept || len(s.notes) != kept {
		t.Errorf("%d presses, %d notes", n, len(s.notes))
	}
}

// TestHearingBounded checks that heard messages take no memory, and that edits
// are remembered only as long as the conversation keeps the message.
func TestHearingBounded(t *testing.T) {
	s := New(t)
	anna := s.User("Anna")
	anna.Says("hi")
	for range 3 {
		if err := s.Client().Send(t.Context(), anna.ID, "hello"); err != nil {
			t.Fatal(err)
		}
		anna.Hears("hello")
	}
	if h := s.heard(anna); len(h.edits) != 0 {
		t.Errorf("%d edits, of none", len(h.edits))
	}
	h := &hearing{edits: make(map[int64]int64)}
	for cmid := range int64(kept + 500) {
		m := fakevk.Message{CMID: cmid, Edition: 1}
		h.see(m, []fakevk.Message{{CMID: max(cmid-kept+1, 0)}, m})
	}
	if len(h.edits) > kept || h.edits[kept+499] != 1 || h.edits[500] != 1 {
		t.Errorf("%d edits", len(h.edits))
	}
}
