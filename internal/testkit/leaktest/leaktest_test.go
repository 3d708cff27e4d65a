package leaktest

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestFind: what ends in time is no leak, and what does not is one.
func TestFind(t *testing.T) {
	others := goleak.IgnoreCurrent() // the one that runs the tests
	end := make(chan struct{})
	go func() { <-end }()
	if err := find(0, others); err == nil || !strings.Contains(err.Error(), "TestFind") {
		t.Errorf("got %v, want the goroutine of this test", err)
	}
	time.AfterFunc(time.Second, func() { close(end) }) // later than goleak waits
	if err := find(time.Minute, others); err != nil {
		t.Errorf("got %v, want nothing left", err)
	}
}
