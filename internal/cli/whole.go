package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// wholeFile is a file that has its name when it is whole, and until then a hidden one beside it. Its errors are for the user.
type wholeFile struct{ path, temp string }

// newWholeFile returns the file that will be at path, and tells at once whether it can be made there.
func newWholeFile(path string) (wholeFile, error) {
	temp, err := tempName(filepath.Dir(path))
	if err != nil {
		return wholeFile{}, fmt.Errorf("output %s: %w", path, withAdvice(err))
	}
	return wholeFile{path, temp}, nil
}

// create makes the file, which the caller closes before keep.
func (w wholeFile) create() (*os.File, error) {
	f, err := os.Create(w.temp)
	if err != nil {
		return nil, fmt.Errorf("output %s: %w", w.path, withAdvice(err))
	}
	return f, nil
}

// keep gives the file its name.
func (w wholeFile) keep() error {
	if err := os.Rename(w.temp, w.path); err != nil {
		return w.unwritten(err)
	}
	return nil
}

// discard removes what is there of the file, unless it was kept.
func (w wholeFile) discard() { os.Remove(w.temp) } // The only error worth a word is that it is not there.

// write makes the file with what to writes, or leaves what was at its path.
func (w wholeFile) write(to func(io.Writer) error) error {
	f, err := w.create()
	if err != nil {
		return err
	}
	defer w.discard()
	if err := errors.Join(to(f), f.Close()); err != nil {
		return w.unwritten(err)
	}
	return w.keep()
}

func (w wholeFile) unwritten(err error) error {
	return fmt.Errorf("cannot write %s: %w", w.path, withAdvice(err))
}

// tempName returns the path of a hidden file in dir that does not exist. It makes the file and removes it, which tells at once whether
// dir can be written; images are made anew, with the permissions that the umask gives.
func tempName(dir string) (string, error) {
	f, err := os.CreateTemp(dir, ".steadyframe-*.tmp")
	if err != nil {
		return "", err
	}
	f.Close()
	return f.Name(), os.Remove(f.Name())
}
