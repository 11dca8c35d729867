package vktest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestKillQueue checks that the Queue hears nothing of a kill, but of a stop: other
// processes take over when the lease has ended, or at once.
func TestKillQueue(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(s *vktest.Server)
		soon bool
	}{
		{"a kill", func(s *vktest.Server) { s.Kill() }, false},
		{"a stop", func(s *vktest.Server) { s.Stop() }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queue := new(vktest.Queue)
				r := vk.NewRouter("!")
				r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
				s := vktest.Config{Dispatcher: &vk.Dispatcher{Queue: queue, Store: new(vk.MemoryStore)}}.Start(t, r)
				anna := s.User("Anna")
				anna.Says("!ping")
				anna.Hears("pong")
				other := vk.QueueWorker{Group: s.GroupID, ID: "other"}
				leads := func() bool {
					_, err := queue.Beat(t.Context(), other, nil)
					_, leads, err2 := queue.Lead(t.Context(), other, "poll")
					if err != nil || err2 != nil {
						t.Fatal(err, err2)
					}
					return leads
				}
				leads()
				tt.end(s)
				began := time.Now()
				for !leads() && time.Since(began) < time.Minute {
					time.Sleep(time.Second)
				}
				if took := time.Since(began); (took == 0) != tt.soon || took > 2*vk.QueueLease {
					t.Errorf("another process takes over after %v", took)
				}
				if err := queue.Leave(t.Context(), other); err != nil {
					t.Fatal(err)
				}
				s.Start(r)
				anna.Says("!ping")
				anna.Hears("pong")
			})
		})
	}
}

// TestStartStandsBy checks that Start returns while another process polls.
func TestStartStandsBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := new(vktest.Queue)
		s := vktest.Config{Dispatcher: &vk.Dispatcher{Queue: queue, Store: new(vk.MemoryStore)}}.New(t)
		other := vk.QueueWorker{Group: s.GroupID, ID: "other"}
		if _, leads, err := queue.Lead(t.Context(), other, "poll"); !leads || err != nil {
			t.Fatal(leads, err)
		}
		began := time.Now()
		s.Start(vk.NewRouter("!"))
		if took := time.Since(began); took >= vk.QueueLease {
			t.Errorf("Start has taken %v", took)
		}
	})
}
