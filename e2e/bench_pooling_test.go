package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// TestBenchPooling runs a short bench as a user does, and reads what it says.
func TestBenchPooling(t *testing.T) {
	short := []string{"bench", "pooling", "--rounds", "1", "--duration", "60ms", "--batch", "4", "--options", "none,pool"}
	t.Run("json", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "report")
		r := succeed(t, nil, append(short, "--json", "--gogc", "200", "--report", folder)...)
		var got struct {
			Machine  struct{ Command string }
			Settings struct {
				GOGC string `json:"gogc"`
			}
			Options []struct {
				Name, Mode string
				FPS        float64 `json:"fps"`
				Bytes      float64 `json:"bytes_per_frame"`
			}
			Findings []any
		}
		if err := json.Unmarshal(r.stdout, &got); err != nil {
			t.Fatalf("standard output: %v\n%s", err, r.stdout)
		}
		if len(got.Options) != 4 || len(got.Findings) != 0 || got.Settings.GOGC != "200" || !strings.HasPrefix(got.Machine.Command, "steadyframe-bench pooling --rounds 1") {
			t.Fatalf("got %s", r.stdout)
		}
		for _, o := range got.Options {
			if o.FPS <= 0 || (o.Bytes > 1e6) != (o.Name == "none") {
				t.Errorf("%s, %s: got %v frames/s, %v bytes a frame, want a megabyte of none alone", o.Name, o.Mode, o.FPS, o.Bytes)
			}
		}
		if want := "report: " + filepath.Join(folder, "index.html") + "\n"; string(r.stderr) != want {
			t.Errorf("standard error: got %q, want %q", r.stderr, want)
		}
		page, err := os.ReadFile(filepath.Join(folder, "index.html"))
		if err != nil || !bytes.Contains(page, []byte("What pooling is worth here")) || bytes.Count(page, []byte("<svg")) < 20 {
			t.Errorf("page: got %v, %d bytes, want one with its plots", err, len(page))
		}
	})
	t.Run("table", func(t *testing.T) {
		r := succeed(t, nil, append(short, "--modes", "open", "--memory-limit", "tight")...)
		for _, want := range []string{"640x360 bgr24, resized to 320x320 rgba", "times what pool holds", "open: 48 batches a second, which is 192 frames/s", "\nnone ", "\npool ", "Fewer than 3 rounds"} {
			if !bytes.Contains(r.stdout, []byte(want)) {
				t.Errorf("got %s\nwant it to say %q", r.stdout, want)
			}
		}
	})
	t.Run("report-nowhere", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r := steadyframe(t, nil, append(short, "--report", filepath.Join(file, "out"))...)
		if r.code != 1 || len(r.stdout) > 0 || !bytes.Contains(r.stderr, []byte("report: mkdir")) {
			t.Errorf("got exit code %d, %s%s, want 1 before anything is measured", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("usage", func(t *testing.T) {
		r := steadyframe(t, nil, "bench", "pooling", "--options", "slab")
		for _, want := range []string{`--options: got "slab", want some of none, mutex`, "See: steadyframe bench pooling --help\n"} {
			if r.code != 2 || !bytes.Contains(r.stderr, []byte(want)) {
				t.Errorf("got exit code %d, %s, want 2 and %q", r.code, r.stderr, want)
			}
		}
	})
}

// TestBenchPoolingLeavesNoChild: a bench that is killed, without a chance to put anything in order, takes its child with it.
func TestBenchPoolingLeavesNoChild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux alone ends children with their parent")
	}
	cmd := exec.CommandContext(t.Context(), program, "bench", "pooling", "--options", "pool", "--duration", "1h")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var children []string
	daemon.WaitFor(t, "a child", func() bool {
		children = childrenOf(cmd.Process.Pid)
		return len(children) > 0
	})
	cmd.Process.Kill()
	daemon.WaitFor(t, "the end of the child", func() bool {
		return !slices.ContainsFunc(children, alive)
	})
}

// childrenOf returns the processes that the threads of another have started, by /proc/PID/task/TID/children.
func childrenOf(pid int) (children []string) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		children = append(children, strings.Fields(string(text))...)
	}
	return children
}

// alive reports whether a process runs: one that has ended and that nobody has waited for yet has no command line.
func alive(pid string) bool {
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	return len(line) > 0
}
