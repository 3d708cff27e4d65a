// Package browser tests the page of a steadyframe server in a browser, Debian's chromium, against the built program. It
// is a module of its own, so that what drives the browser is no part of the other.
package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// program is the path of the binary under test; chromium holds the browser that all tests share, each with tabs of its
// own; nil where there is none. Both are set by TestMain alone.
var (
	program  string
	chromium context.Context
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "steadyframe-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("TMPDIR", dir) // Chromium leaves a folder there.
	program = filepath.Join(dir, "steadyframe")
	build := exec.Command("go", "build", "-o", program, "./cmd/steadyframe")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if path, err := exec.LookPath("chromium"); err == nil {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.UserDataDir(filepath.Join(dir, "profile")))
		allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		defer cancel()
		browser, end := chromedp.NewContext(allocator)
		defer end()
		if err := chromedp.Do(browser); err != nil {
			fmt.Fprintf(os.Stderr, "chromium does not start: %v\n", err)
			return 1
		}
		chromium = browser
	}
	return m.Run()
}

// waitFor waits until cond holds, and fails t when it does not within a generous time.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
