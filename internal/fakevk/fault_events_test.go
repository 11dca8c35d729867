package fakevk

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// texts returns the texts of the messages in a poll's response.
func (r pollReply) texts() []string {
	out := []string{}
	for _, u := range r.Updates {
		var o struct{ Message struct{ Text string } }
		json.Unmarshal(u.Object, &o)
		out = append(out, o.Message.Text)
	}
	return out
}

func TestFaultEvents(t *testing.T) {
	tests := []struct {
		name  string
		fault Fault
		want  []string // the texts that polls return; / is a minute
	}{
		{"duplicate", Fault{Effect: Duplicate{}}, []string{"a", "a", "b", "c"}},
		{"duplicate after a while", Fault{Effect: Duplicate{30 * time.Second}}, []string{"a", "b", "c", "/", "a"}},
		{"late", Fault{Effect: Late{30 * time.Second}}, []string{"b", "c", "/", "a"}},
		{"delay is late", Fault{On: "message_new", Delay: 30 * time.Second}, []string{"b", "c", "/", "a"}},
		{"delay of any event", Fault{On: OnEvent, Delay: 30 * time.Second}, []string{"b", "c", "/", "a"}},
		{"a delay elsewhere", Fault{Delay: 30 * time.Second}, []string{"a", "b", "c"}},
		{"overtaken", Fault{Effect: Overtaken{}}, []string{"b", "a", "c"}},
		{"lost", Fault{Effect: Lost{}}, []string{"b", "c"}},
		{"of another type", Fault{On: "message_event", Effect: Lost{}}, []string{"a", "b", "c"}},
		{"of a peer", Fault{Peer: firstUser, Effect: Lost{}}, []string{"b", "c"}},
		{"of another peer", Fault{Peer: firstUser + 1, Effect: Lost{}}, []string{"a", "b", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{})
				p := s.poller()
				tt.fault.Times = 1
				s.Fail(tt.fault)
				for _, text := range []string{"a", "b", "c"} {
					s.says(text)
				}
				got := p.poll(0).texts()
				time.Sleep(time.Minute)
				if more := p.poll(0).texts(); len(more) > 0 {
					got = append(append(got, "/"), more...)
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

func TestFaultNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		p := s.poller()
		s.Fail(Fault{Effect: Overtaken{}})
		s.says("a")
		start := time.Now()
		if d := cmp.Diff([]string{"a"}, p.poll(90).texts()); d != "" || time.Since(start) != time.Minute {
			t.Errorf("after %v %s", time.Since(start), d)
		}
	})
}

func TestFaultDuplicateID(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	p := s.poller()
	taps := 0
	s.OnEvent(func(Event) { taps++ })
	s.Fail(Fault{Effect: Duplicate{}})
	s.says("a")
	r := p.poll(0)
	if len(r.Updates) != 2 || r.Updates[0].EventID != r.Updates[1].EventID || taps != 1 {
		t.Errorf("%d taps, got %+v", taps, r.Updates)
	}
}

func TestFaultPoison(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	p := s.poller()
	s.Fail(Fault{Times: 1, Effect: Poison{}})
	s.Fail(Fault{Times: 1, Effect: Poison{json.RawMessage(`{"type":5}`)}})
	s.says("a")
	s.says("b")
	s.Inject(s.group.ID, json.RawMessage(`"x"`))
	var got struct{ Updates []json.RawMessage }
	json.Unmarshal(p.raw(0), &got)
	var kinds []string
	for _, u := range got.Updates {
		kind, _, _ := strings.Cut(string(u), ":")
		kinds = append(kinds, kind)
	}
	if d := cmp.Diff([]string{"null", `{"group_id"`, `{"type"`, `{"group_id"`, `"x"`}, kinds); d != "" {
		t.Error(d)
	}
}

func TestFaultLateAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		s.Fail(Fault{Effect: Late{time.Hour}})
		s.says("a")
		s.Close()
		time.Sleep(2 * time.Hour)
		if _, head := s.Delivered(s.group.ID); head != 2 {
			t.Errorf("head %d: the event came after the end", head)
		}
	})
}
