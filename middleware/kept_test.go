package middleware

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAnswersAreBounded checks that the size of the cache is limited and that
// the newest answers are kept.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a answers
		for i := range int64(3 * keepAtMost) {
			a.put(question{user: i}, answer{})
			if n := len(a.fresh) + len(a.last); n > 2*keepAtMost {
				t.Fatalf("%d answers are kept", n)
			}
			if _, ok := a.get(question{user: max(i-keepAtMost+1, 0)}); !ok {
				t.Fatalf("one of the newest %d is forgotten", keepAtMost)
			}
		}
		time.Sleep(keepFor)
		if _, ok := a.get(question{user: 3*keepAtMost - 1}); ok {
			t.Error("an answer is kept for too long")
		}
	})
}
