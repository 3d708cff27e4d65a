// Package reread keeps what files say current: those that changed are read again, without a restart, such as a certificate
// that was renewed or a list of tokens.
package reread

import (
	"bytes"
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
	// fresh is how old a file must be for its time to tell it from what is written next: some file systems count seconds.
	fresh = 2 * time.Second
	// most is how many bytes a file may have.
	most = 1 << 20
)

// Files is what some files say together. Its methods may be called from any goroutine.
type Files[T any] struct {
	setting string // that names them, for errors and the log
	log     *slog.Logger
	parse   func(contents [][]byte) (T, error)
	paths   []string
	value   atomic.Pointer[T]
	next    atomic.Int64 // when to look again, since began
	began   time.Time

	mu       sync.Mutex
	read     time.Time // when the files were read last
	infos    []os.FileInfo
	contents [][]byte
	wrong    string // what is wrong with them since then
}

// Open reads files and returns what parse, which gets their contents in that order, makes of them. setting says to whom they belong
// in errors and the log.
func Open[T any](log *slog.Logger, setting string, parse func(contents [][]byte) (T, error), paths ...string) (*Files[T], error) {
	f := &Files[T]{setting: setting, log: log, parse: parse, paths: paths, began: time.Now()}
	f.next.Store(int64(every))
	if _, err := f.load(); err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return f, nil
}

// Get returns what the files say, or said when they were last whole: where one is missing or wrong, that is logged, and
// they are read again a second later. It looks at them once a second at most; otherwise it allocates nothing.
func (f *Files[T]) Get() T {
	now := time.Since(f.began)
	if int64(now) >= f.next.Load() && f.mu.TryLock() {
		f.next.Store(int64(now + every))
		f.renew()
		f.mu.Unlock()
	}
	return *f.value.Load()
}

// renew reads the files if they changed. f.mu is held.
func (f *Files[T]) renew() {
	if f.wrong == "" && !f.changed() {
		return
	}
	renewed, err := f.load()
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
		before := f.infos[i]
		if err != nil || !os.SameFile(before, info) || info.Size() != before.Size() || !info.ModTime().Equal(before.ModTime()) || f.read.Sub(info.ModTime()) < fresh {
			return true
		}
	}
	return false
}

// load reads the files, and parses them if they say something new.
func (f *Files[T]) load() (renewed bool, err error) {
	read, infos, contents := time.Now(), make([]os.FileInfo, len(f.paths)), make([][]byte, len(f.paths))
	for i, path := range f.paths {
		if infos[i], contents[i], err = readFile(path); err != nil {
			return false, err
		}
	}
	same := f.infos != nil && slices.EqualFunc(contents, f.contents, bytes.Equal)
	if !same {
		value, err := f.parse(contents)
		if err != nil {
			return false, err
		}
		f.value.Store(&value)
	}
	f.read, f.infos, f.contents = read, infos, contents
	return !same, nil
}

func readFile(path string) (os.FileInfo, []byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("%s is larger than 1MiB", path)
	}
	return info, content, err
}
