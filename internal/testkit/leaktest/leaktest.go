// Package leaktest finds goroutines that the tests of a package leave behind.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end after the last test: on a busy machine more than the half second that goleak waits.
const patience = time.Minute

// Main is for TestMain: it runs the tests, and fails when goroutines are left a minute after they passed.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := find(patience); err != nil {
			fmt.Fprintf(os.Stderr, "%v after all tests passed: %v\n", patience, err)
			code = 1
		}
	}
	os.Exit(code)
}

// find waits until no goroutine is left but the caller's and those of the runtime, so long at most, and returns what is left.
func find(limit time.Duration, options ...goleak.Option) error {
	for begin := time.Now(); ; {
		err := goleak.Find(options...)
		if err == nil || time.Since(begin) > limit {
			return err
		}
	}
}
