package reread

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
)

// clock is the time of a test, and of the files that it writes.
type clock struct {
	t   *testing.T
	now time.Time
}

func newClock(t *testing.T) *clock { return &clock{t, time.Now().Truncate(time.Second)} }

// write writes a file in place, now.
func (c *clock) write(path, text string) {
	c.t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, c.now, c.now)); err != nil {
		c.t.Fatal(err)
	}
}

// open returns files at the time of c, with lines as of OpenLines.
func open[T any](c *clock, log *slog.Logger, lines bool, parse func([][]byte) (T, error), paths ...string) *Files[T] {
	c.t.Helper()
	f := &Files[T]{setting: "x.files", log: log, parse: parse, paths: paths, lines: lines, now: func() time.Time { return c.now }}
	if _, err := f.open(); err != nil {
		c.t.Fatal(err)
	}
	return f
}

// TestFiles: what changes is read again, whichever way it was written, once it stands still; what is missing or wrong leaves what was
// before, says so once, and is read when it is whole.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
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
	c := newClock(t)
	c.write(a, "1")
	c.write(b, "2")
	f := open(c, logger, false, parse, a, b)
	steps := []struct {
		name   string
		do     func()
		first  string // a second later
		want   string // two seconds later
		logged int    // lines so far
	}{
		{"unchanged", func() {}, "12", "12", 0},
		{"same-size", func() { c.write(a, "3") }, "12", "32", 1},
		{"renamed", func() { c.write(a+".new", "4"); _ = os.Rename(a+".new", a) }, "32", "42", 2},
		{"wrong", func() { c.write(b, "wrong") }, "42", "42", 3},
		{"still-wrong", func() {}, "42", "42", 3},
		{"missing", func() { _ = os.Remove(a) }, "42", "42", 4},
		{"large", func() { c.write(a, strings.Repeat("x", most+1)) }, "42", "42", 5},
		{"whole", func() { c.write(a, "5"); c.write(b, "6") }, "42", "56", 6},
		{"old", func() {
			before := c.now.Add(-time.Hour)
			_ = os.Chtimes(a, before, before)
			_ = os.Chtimes(b, before, before)
		}, "56", "56", 6},
		{"written-long-ago", func() {
			c.write(a, "7")
			before := c.now.Add(-time.Hour)
			_ = os.Chtimes(a, before, before)
		}, "76", "76", 7},
		{"of-a-clock-ahead", func() {
			c.write(a, "8")
			ahead := c.now.Add(time.Hour)
			_ = os.Chtimes(a, ahead, ahead)
		}, "76", "86", 8},
		{"empty", func() { c.write(a, "") }, "86", "6", 9},
	}
	for _, s := range steps {
		s.do()
		for i, want := range []string{s.first, s.want} {
			c.now = c.now.Add(every)
			if got := f.Get(); got != want {
				t.Errorf("%s, %d s later: got %s, want %s", s.name, i+1, got, want)
			}
		}
		if got := strings.Count(log.String(), "\n"); got != s.logged {
			t.Errorf("%s: got %d lines in the log, want %d:\n%s", s.name, got, s.logged, log)
		}
	}
	c.write(b, "9")
	c.now = c.now.Add(every - 1)
	if got := f.Get(); got != "6" {
		t.Errorf("within the second: got %s, want what was read before", got)
	}
	alloctest.Zero(t, 100, func() { f.Get() })
}

// TestHalfWritten: of a file that is written in place, in pieces of any size and at any speed, nothing is taken but the whole, also where
// it is looked at between two pieces; and nothing is logged but that.
func TestHalfWritten(t *testing.T) {
	const before, after = "one all\ntwo view encode\n", "one all\ntwo view encode publish\nthree view\n"
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		path := filepath.Join(t.TempDir(), "tokens")
		log := &logtest.Buffer{}
		c := newClock(t)
		c.write(path, before)
		f := open(c, slog.New(slog.NewTextHandler(log, nil)), rng.IntN(2) == 0, func(contents [][]byte) (string, error) { return string(contents[0]), nil }, path)
		c.now = c.now.Add(time.Hour)
		for at := 0; at < len(after); at += 1 + rng.IntN(len(after)) {
			c.write(path, after[:at])
			c.now = c.now.Add(time.Duration(rng.Int64N(int64(every))))
			if got := f.Get(); got != before {
				t.Fatalf("seed %d: %d bytes were written: got %q, want what was before", seed, at, got)
			}
		}
		c.write(path, after)
		for range 2 {
			if got := f.Get(); got != before {
				t.Fatalf("seed %d, when the last byte has been written: got %q, want what was before", seed, got)
			}
			c.now = c.now.Add(fresh / 2)
		}
		if got := f.Get(); got != after || strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("seed %d: two seconds later: got %q, want the whole, and one line in the log:\n%s", seed, got, log)
		}
	}
}

// TestCutLines: what is left of a write that did not go on, on a full disk or in the hands of somebody who was called away, is not taken,
// however long it stands. The log says so once.
func TestCutLines(t *testing.T) {
	for _, left := range []string{"", "one all\ntwo view", "# nothing"} {
		path := filepath.Join(t.TempDir(), "tokens")
		log := &logtest.Buffer{}
		c := newClock(t)
		c.write(path, "one all\ntwo view encode\n")
		f := open(c, slog.New(slog.NewTextHandler(log, nil)), true, func(contents [][]byte) (string, error) { return string(contents[0]), nil }, path)
		c.write(path, left)
		for range 100 {
			c.now = c.now.Add(every)
			if got := f.Get(); got != "one all\ntwo view encode\n" {
				t.Fatalf("%q: got %q, want what was before", left, got)
			}
		}
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "newline") && !strings.Contains(got, "empty") {
			t.Errorf("%q: got in the log, want a warning:\n%s", left, got)
		}
		c.write(path, left+"\n")
		for range 2 {
			c.now = c.now.Add(every)
			f.Get()
		}
		if got := f.Get(); got != left+"\n" {
			t.Errorf("%q and a newline: got %q", left, got)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens")
	c := newClock(t)
	c.write(path, "one all")
	f := open(c, slog.New(slog.DiscardHandler), true, func(contents [][]byte) (string, error) { return string(contents[0]), nil }, path)
	c.write(path, "one view")
	c.now = c.now.Add(fresh)
	if got := f.Get(); got != "one view" {
		t.Errorf("a file that never ended in a newline: got %q, want it read again", got)
	}
}

// TestRestless: files that are written all the time are not read, which is said once; they are when they stand still.
func TestRestless(t *testing.T) {
	log := &logtest.Buffer{}
	path := filepath.Join(t.TempDir(), "a")
	c := newClock(t)
	c.write(path, "0")
	c.now = c.now.Add(time.Minute)
	parse := func(contents [][]byte) (string, error) { return string(contents[0]), nil }
	files := open(c, slog.New(slog.NewTextHandler(log, nil)), false, parse, path)
	for second := range 40 {
		c.now = c.now.Add(time.Second)
		c.write(path, strings.Repeat("x", second+1))
		if got := files.Get(); got != "0" {
			t.Fatalf("in second %d: got %q of a file that is being written", second, got)
		}
		if said, late := strings.Count(log.String(), "rename it"), second >= 10; said > 1 || (said == 1) != late {
			t.Fatalf("in second %d the log says %d times that the file is being written:\n%s", second, said, log)
		}
	}
	for range 3 {
		c.now = c.now.Add(time.Second)
		files.Get()
	}
	if got := files.Get(); got != strings.Repeat("x", 40) {
		t.Errorf("once it stands still: got %q", got)
	}
	if !strings.Contains(log.String(), "files read again") {
		t.Errorf("nothing says that it was read again:\n%s", log)
	}
}
