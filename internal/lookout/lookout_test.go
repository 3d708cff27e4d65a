package lookout

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Run looks every interval while there is something, once more when there is nothing, and not again before Wake.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := New(), make(chan struct{})
		var some atomic.Bool
		var looks atomic.Int32
		some.Store(true)
		go l.Run(stop, time.Second, func(time.Time) bool { looks.Add(1); return some.Load() })
		want := func(after time.Duration, n int32) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := looks.Swap(0); got != n {
				t.Errorf("got %d looks in %v, want %d", got, after, n)
			}
		}
		time.Sleep(time.Millisecond)
		want(10*time.Second, 10)
		some.Store(false)
		want(time.Hour, 1)
		some.Store(true)
		want(time.Hour, 0) // nobody has said so
		l.Wake()
		l.Wake()
		want(500*time.Millisecond, 0)
		want(10*time.Second, 10)
		l.Wake() // is heard by the next look
		some.Store(false)
		want(time.Hour, 1)
		close(stop)
		synctest.Wait()
	})
}

// TestNothingIsMissed: whatever is put there between a look and the sleep is seen, and stop ends both.
func TestNothingIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop, ended := New(), make(chan struct{}), make(chan struct{})
		var there atomic.Int32
		go func() {
			defer close(ended)
			l.Run(stop, time.Second, func(time.Time) bool {
				n := there.Swap(0)
				if n == 1 { // while it looks, and after it has: one more comes
					there.Store(2)
					l.Wake()
				}
				return false
			})
		}()
		there.Store(1)
		l.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := there.Load(); n != 0 {
			t.Errorf("got %d left, want it seen", n)
		}
		close(stop)
		<-ended
	})
}

// Wake allocates nothing: responses call it.
func TestWakeAllocatesNothing(t *testing.T) {
	l := New()
	if n := testing.AllocsPerRun(100, l.Wake); n != 0 {
		t.Errorf("got %v objects, want none", n)
	}
}
