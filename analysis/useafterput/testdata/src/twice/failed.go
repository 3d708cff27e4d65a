package twice

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var failing = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var errEmpty = errors.New("empty")

// fill puts buf back where it fails.
func fill(buf *bytes.Buffer, r io.Reader) error {
	n, err := buf.ReadFrom(r)
	if err != nil {
		failing.Put(buf)
		return err
	}
	if n == 0 {
		failing.Put(buf)
		return errEmpty
	}
	return nil
}

// empty puts buf back where there is nothing in it.
func empty(buf *bytes.Buffer, r io.Reader) (bool, error) {
	n, err := buf.ReadFrom(r)
	if n == 0 {
		failing.Put(buf)
	}
	return n == 0, err
}

// Wrong.

func bothPut(r io.Reader) error {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	if err := fill(buf, r); err != nil {
		failing.Put(buf) // want `a value is put back twice, first in line 42`
		return err
	}
	failing.Put(buf)
	return nil
}

func shown(r io.Reader) (string, error) {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	err := fill(buf, r)
	if err == nil {
		s := buf.String()
		failing.Put(buf)
		return s, nil
	}
	return buf.String(), err // want `use of a value after it was put back in line 53`
}

// Right.

func onePuts(r io.Reader) error {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	if err := fill(buf, r); err != nil {
		return err
	}
	failing.Put(buf)
	return nil
}

func otherPuts(r io.Reader) error {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	none, err := empty(buf, r)
	if err != nil {
		return err
	}
	if !none {
		failing.Put(buf)
	}
	return nil
}

// withError returns buf beside an error, when nobody looks at it.
func withError(r io.Reader) (*bytes.Buffer, error) {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	_, err := buf.ReadFrom(r)
	if err != nil {
		failing.Put(buf)
	}
	return buf, err
}

// withoutError may return buf beside no error.
func withoutError(r io.Reader, n int) (*bytes.Buffer, error) {
	buf := failing.Get().(*bytes.Buffer)
	buf.Reset()
	_, err := buf.ReadFrom(r)
	if buf.Len() > n {
		failing.Put(buf)
	}
	return buf, err // want `withoutError returns memory that was put back in line 104`
}

// image is of somebody else, and may be empty.
type image interface {
	Make() (*bytes.Buffer, error)
}

// Right: an error of the package is not nil.
func show(i image, w io.Writer) error {
	buf, err := i.Make()
	if err == nil && buf.Len() == 0 {
		failing.Put(buf)
		err = errEmpty
	}
	if err != nil {
		return err
	}
	_, err = w.Write(buf.Bytes())
	failing.Put(buf)
	return err
}

// Wrong: it goes on.
func showAll(i image, w io.Writer) error {
	buf, err := i.Make()
	if err == nil && buf.Len() == 0 {
		failing.Put(buf)
		err = nil
	}
	if err != nil {
		return err
	}
	failing.Put(buf) // want `put back twice`
	return err
}
