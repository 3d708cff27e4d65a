// Package patience is for tests of what must happen within a time, on machines that are too busy for it now.
package patience

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// longest is the time that the last try has.
const longest = 40 * time.Second

// Grow calls f with a time that is short, and while f fails with four times as long, up to longest. t fails as the last try did. A server
// that does wrong does so at every time, and a busy machine needs another one: so tests take as long as their machine makes them.
//
// Each try ends with its own cleanups and its own context. What f fails before the last try is in t's log.
func Grow(t testing.TB, short time.Duration, f func(t testing.TB, limit time.Duration)) {
	t.Helper()
	for limit := short; ; limit *= 4 {
		r := &try{TB: t}
		r.ctx, r.cancel = context.WithCancel(t.Context())
		r.run(func() { f(r, limit) })
		if r.skipped {
			t.SkipNow()
		}
		if !r.Failed() {
			return
		}
		if 4*limit > longest {
			t.Errorf("with %v: %s", limit, r.text())
			return
		}
		t.Logf("with %v, and once more with %v: %s", limit, 4*limit, r.text())
	}
}

// try is a testing.TB whose failures are its own.
type try struct {
	testing.TB
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	failed   bool
	skipped  bool
	lines    []string
	cleanups []func()
}

// run runs f, and what it has to clean up, each on a goroutine that FailNow may end.
func (r *try) run(f func()) {
	alone := func(f func()) {
		var done sync.WaitGroup
		done.Go(f)
		done.Wait()
	}
	alone(f)
	r.cancel()
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		last := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		alone(last)
	}
}

func (r *try) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := ""
	for i, line := range r.lines {
		if i > 0 {
			text += "\n"
		}
		text += line
	}
	return text
}

func (r *try) say(failed bool, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	if failed {
		if _, file, at, ok := runtime.Caller(2); ok {
			line = fmt.Sprintf("%s:%d: %s", file, at, line)
		}
	}
	if line != "" {
		r.lines = append(r.lines, line)
	}
}

// These are part of testing.TB.

func (r *try) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *try) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *try) SkipNow() {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *try) Context() context.Context          { return r.ctx }
func (r *try) Log(args ...any)                   { r.say(false, fmt.Sprint(args...)) }
func (r *try) Logf(format string, args ...any)   { r.say(false, fmt.Sprintf(format, args...)) }
func (r *try) Fail()                             { r.say(true, "failed") }
func (r *try) Error(args ...any)                 { r.say(true, fmt.Sprint(args...)) }
func (r *try) Errorf(format string, args ...any) { r.say(true, fmt.Sprintf(format, args...)) }

func (r *try) FailNow() {
	r.say(true, "failed")
	runtime.Goexit()
}

func (r *try) Fatal(args ...any) {
	r.say(true, fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *try) Fatalf(format string, args ...any) {
	r.say(true, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *try) Skip(args ...any) {
	r.TB.Log(args...)
	r.SkipNow()
}

func (r *try) Skipf(format string, args ...any) {
	r.TB.Logf(format, args...)
	r.SkipNow()
}
