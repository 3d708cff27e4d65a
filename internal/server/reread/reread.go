// Package reread keeps what files say current: those that changed are read again, without a restart, such as a certificate
// that was renewed or a list of tokens.
//
// A file that is written in place can be read half-written, and what parses of a half may say less than the whole. So what changed is taken
// when it stands still: it was written two seconds ago, or is as it was a second ago. Files that are replaced by rename are never seen by half.
package reread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// every is how often files are looked at, at most.
	every = time.Second
	// fresh is how old a file must be for its time to tell it from what is written next: some file systems count seconds. A younger one
	// may still be written.
	fresh = 2 * time.Second
	// restless is after how long of being written all the time files are warned of.
	restless = 10 * time.Second
	// most is how many bytes a file may have.
	most = 1 << 20
)

// Files is what some files say together. Its methods may be called from any goroutine.
type Files[T any] struct {
	setting string // that names them, for errors and the log
	log     *slog.Logger
	parse   func(contents [][]byte) (T, error)
	paths   []string
	lines   bool // as of OpenLines
	value   atomic.Pointer[T]
	next    atomic.Int64 // when to look again, since began
	began   time.Time
	now     func() time.Time // time.Now, but in tests

	mu     sync.Mutex
	last   reading   // what the value is of
	moving reading   // another, of files that may still be written; zero: none
	since  time.Time // when files were first found being written, after they stood still; zero: they stand still
	wrong  string    // what is wrong with the files since then
}

// reading is what files were when they were read.
type reading struct {
	at       time.Time
	infos    []os.FileInfo
	contents [][]byte
}

// says reports whether r says what o says.
func (r *reading) says(o *reading) bool {
	return r.infos != nil && slices.EqualFunc(r.contents, o.contents, bytes.Equal)
}

// stands reports whether r is of files that nobody writes any more. before is an earlier reading, or zero.
func (r *reading) stands(before *reading) bool {
	if r.says(before) && slices.EqualFunc(r.infos, before.infos, isSame) && r.at.Sub(before.at) >= every {
		return true
	}
	for _, info := range r.infos {
		if r.at.Sub(info.ModTime()) < fresh {
			return false
		}
	}
	return true
}

// isSame reports whether two are of one file, which nobody has written in between as far as one can see.
func isSame(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// errMoving is about files that are being written, errRestless about those that are so for long.
var (
	errMoving   = errors.New("a file is being written")
	errRestless = fmt.Errorf("a file has been written to for %v without a second's pause: write another beside it and rename it", restless)
)

// Open reads files and returns what parse, which gets their contents in that order, makes of them. setting says to whom they belong
// in errors and the log.
func Open[T any](log *slog.Logger, setting string, parse func(contents [][]byte) (T, error), paths ...string) (*Files[T], error) {
	return (&Files[T]{setting: setting, log: log, parse: parse, paths: paths, now: time.Now}).open()
}

// OpenLines is Open for files of lines of which parse takes any number. Such a file loses its last word without a trace, or all: when it
// is read again it must not be empty, and not end inside a line if it did not before.
func OpenLines[T any](log *slog.Logger, setting string, parse func(contents [][]byte) (T, error), paths ...string) (*Files[T], error) {
	return (&Files[T]{setting: setting, log: log, parse: parse, paths: paths, now: time.Now, lines: true}).open()
}

func (f *Files[T]) open() (*Files[T], error) {
	f.began = f.now()
	f.next.Store(int64(every))
	if _, err := f.load(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.setting, err)
	}
	return f, nil
}

// Get returns what the files say, or said when they were last whole: while one is written they are read again a second later, and where one
// is missing or wrong, or written all the time, that is logged once. It looks at them once a second at most; otherwise it allocates nothing.
func (f *Files[T]) Get() T {
	now := f.now().Sub(f.began)
	if int64(now) >= f.next.Load() && f.mu.TryLock() {
		f.next.Store(int64(now + every))
		f.renew()
		f.mu.Unlock()
	}
	return *f.value.Load()
}

// renew reads the files if they changed. f.mu is held.
func (f *Files[T]) renew() {
	if f.wrong == "" && f.moving.infos == nil && !f.changed() {
		return
	}
	renewed, err := f.load()
	if err == errMoving {
		now := f.now()
		if f.since.IsZero() {
			f.since = now
		}
		if now.Sub(f.since) < restless {
			return
		}
		err = errRestless
	} else {
		f.since = time.Time{}
	}
	switch {
	case err == nil:
		if renewed {
			f.log.Info("files read again", "setting", f.setting)
		}
		f.wrong = ""
	case err.Error() != f.wrong:
		f.wrong = err.Error()
		f.log.Warn("files cannot be read again: what they said before goes on", "setting", f.setting, "err", err)
	}
}

// changed reports whether a file is another than the one that was read.
func (f *Files[T]) changed() bool {
	for i, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil || !isSame(f.last.infos[i], info) || f.last.at.Sub(info.ModTime()) < fresh {
			return true
		}
	}
	return false
}

// load reads the files, and parses them if they say something new that stands still.
func (f *Files[T]) load() (renewed bool, err error) {
	again := f.last.infos != nil
	r := reading{f.now(), make([]os.FileInfo, len(f.paths)), make([][]byte, len(f.paths))}
	for i, path := range f.paths {
		var written bool
		if r.infos[i], r.contents[i], written, err = readFile(path); err != nil {
			return false, err
		}
		if written && again {
			return false, errMoving
		}
	}
	before := f.moving
	f.moving = reading{}
	switch {
	case r.says(&f.last):
		f.last = r
		return false, nil
	case again && !r.stands(&before):
		if r.says(&before) && slices.EqualFunc(r.infos, before.infos, isSame) {
			r = before // since when it stands
		}
		f.moving = r
		return false, errMoving
	}
	if again && f.lines {
		if err := f.checkLines(&r); err != nil {
			return false, err
		}
	}
	value, err := f.parse(r.contents)
	if err != nil {
		return false, err
	}
	f.value.Store(&value)
	f.last = r
	return true, nil
}

// checkLines returns an error for a file that looks as if its end were missing.
func (f *Files[T]) checkLines(r *reading) error {
	newline := []byte("\n")
	for i, content := range r.contents {
		switch {
		case len(content) == 0 && len(f.last.contents[i]) > 0:
			return fmt.Errorf("%s is empty: if nothing is to be in it, write a line with # into it", f.paths[i])
		case bytes.HasSuffix(f.last.contents[i], newline) && !bytes.HasSuffix(content, newline):
			return fmt.Errorf("the last line of %s is cut off: if it is whole, end it with a newline", f.paths[i])
		}
	}
	return nil
}

// readFile reads a file. written says that it was written meanwhile.
func readFile(path string) (info os.FileInfo, content []byte, written bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, false, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, nil, false, err
	}
	content, err = io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("%s is larger than 1MiB", path)
	}
	if err != nil {
		return nil, nil, false, err
	}
	after, err := file.Stat()
	return info, content, err != nil || !isSame(info, after), err
}
