package exttool

import (
	"os"
	"path/filepath"
	"testing"
)

// recorder is a testing.TB that notes how a test ended, as testing.T would end it: by leaving the goroutine.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(string, ...any) { r.skipped = true; panic(r) }

func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }

// require calls Require and returns what it found and how it ended.
func require(t *testing.T, name string) (path string, r *recorder) {
	r = &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
	}()
	return Require(r, name, "a-package"), r
}

func TestRequire(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "tool")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	tests := []struct {
		name, tool, ci  string
		path            string
		skipped, failed bool
	}{
		{name: "found", tool: "tool", path: tool},
		{name: "found-ci", tool: "tool", ci: "true", path: tool},
		{name: "missing", tool: "none", skipped: true},
		{name: "missing-ci", tool: "none", ci: "true", failed: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CI", test.ci)
			path, r := require(t, test.tool)
			if path != test.path || r.skipped != test.skipped || r.failed != test.failed {
				t.Errorf("got %q, skipped %v, failed %v, want %q, %v, %v", path, r.skipped, r.failed, test.path, test.skipped, test.failed)
			}
		})
	}
}
