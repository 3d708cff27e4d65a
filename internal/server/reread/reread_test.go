package reread

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
)

// TestFiles: what changes is read again, whichever way it was written; what is missing or wrong leaves what was before, says so once,
// and is read when it is whole.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(contents [][]byte) (string, error) {
		text := string(contents[0]) + string(contents[1])
		if strings.Contains(text, "wrong") {
			return "", errors.New("a wrong word")
		}
		return text, nil
	}
	log := &logtest.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	if _, err := Open(logger, "x.files", parse, a, b); err == nil || !strings.HasPrefix(err.Error(), "x.files: open ") {
		t.Errorf("without files: got %v", err)
	}
	write(a, "1")
	write(b, "2")
	f, err := Open(logger, "x.files", parse, a, b)
	if err != nil {
		t.Fatal(err)
	}
	get := func() string {
		f.next.Store(0) // A second has passed.
		return f.Get()
	}
	steps := []struct {
		name   string
		do     func()
		want   string
		logged int // lines so far
	}{
		{"unchanged", func() {}, "12", 0},
		{"same-size", func() { write(a, "3") }, "32", 1},
		{"renamed", func() { write(a+".new", "4"); _ = os.Rename(a+".new", a) }, "42", 2},
		{"wrong", func() { write(b, "wrong") }, "42", 3},
		{"still-wrong", func() {}, "42", 3},
		{"missing", func() { _ = os.Remove(a) }, "42", 4},
		{"large", func() { write(a, strings.Repeat("x", most+1)) }, "42", 5},
		{"whole", func() { write(a, "5"); write(b, "6") }, "56", 6},
		{"old", func() {
			before := time.Now().Add(-time.Hour)
			_ = os.Chtimes(a, before, before)
			_ = os.Chtimes(b, before, before)
		}, "56", 6},
	}
	for _, s := range steps {
		s.do()
		if got := get(); got != s.want {
			t.Errorf("%s: got %s, want %s", s.name, got, s.want)
		}
		if got := strings.Count(log.String(), "\n"); got != s.logged {
			t.Errorf("%s: got %d lines in the log, want %d:\n%s", s.name, got, s.logged, log)
		}
	}
	write(b, "7")
	f.next.Store(int64(time.Hour))
	if got := f.Get(); got != "56" {
		t.Errorf("within the second: got %s, want what was read before", got)
	}
	alloctest.Zero(t, 100, func() { f.Get() })
}
