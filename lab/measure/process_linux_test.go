package measure

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestIdle: a process that may use one processor alone is not told of the time that others had nothing to do.
func TestIdle(t *testing.T) {
	runtime.LockOSThread() // It ends with the test's goroutine, as what it may use is the thread's.
	all := Idle()
	if all <= 0 {
		t.Skip("this machine's processors have never been idle")
	}
	var was unix.CPUSet
	if err := unix.SchedGetaffinity(0, &was); err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for n := range 1024 {
		if !was.IsSet(n) {
			continue
		}
		var one unix.CPUSet
		one.Set(n)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Fatal(err)
		}
		sum += Idle()
	}
	if err := unix.SchedSetaffinity(0, &was); err != nil {
		t.Fatal(err)
	}
	const slack = time.Second // Linux may take back some of what waited for a disk.
	if after := Idle(); sum < all-slack || sum > after+slack {
		t.Errorf("got %v of the processors one by one, want between the %v of all before and the %v after", sum, all, after)
	}
}
