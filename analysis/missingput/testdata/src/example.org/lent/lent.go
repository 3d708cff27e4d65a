// Package lent gives values to callees that are not known. Its path has a dot, as those of packages outside the standard library
// have.
package lent

import (
	"bytes"
	"io"
	"sync"
)

var lentBufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type sink interface{ Encode(w io.Writer) error }

// Wrong.

func throughInterface(s sink, out io.Writer) error {
	b := lentBufs.Get().(*bytes.Buffer) // want `b from lentBufs.Get is not put back when the function returns at line 21 \(err != nil\): the pool loses it`
	b.Reset()
	if err := s.Encode(b); err != nil {
		return err
	}
	_, err := out.Write(b.Bytes())
	lentBufs.Put(b)
	return err
}

func throughFunction(f func(io.Writer) error, out io.Writer) error {
	b := lentBufs.Get().(*bytes.Buffer) // want `not put back when the function returns at line 32`
	b.Reset()
	if err := f(b); err != nil {
		return err
	}
	if b.Cap() < 1<<16 {
		lentBufs.Put(b)
	}
	return nil
}

func empty(p []byte) int {
	b := lentBufs.Get().(*bytes.Buffer) // want `not put back when the function returns at line 45`
	b.Reset()
	b.Write(p)
	if b.Len() == 0 {
		return 0
	}
	n := b.Len()
	lentBufs.Put(b)
	return n
}

func lentAlone(s sink) error {
	b := lentBufs.Get().(*bytes.Buffer) // want `b from lentBufs.Get is never put back`
	b.Reset()
	return s.Encode(b)
}

func lentOrBack(s sink) error {
	b := lentBufs.Get().(*bytes.Buffer) // want `b from lentBufs.Get is not put back when the function returns at line \d+ \(err != nil\)`
	b.Reset()
	if err := s.Encode(b); err != nil {
		return err
	}
	lentBufs.Put(b)
	return nil
}

// Right.

// hijacked gives it for good where a setting says so.
func hijacked(s sink, forGood bool) error {
	b := lentBufs.Get().(*bytes.Buffer)
	b.Reset()
	err := s.Encode(b)
	if !forGood {
		lentBufs.Put(b)
	}
	return err
}

var givenBufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Recycle is for those who were given a buffer.
func Recycle(b *bytes.Buffer) { givenBufs.Put(b) }

func handedOn(s sink) error {
	b := givenBufs.Get().(*bytes.Buffer)
	b.Reset()
	return s.Encode(b)
}

func handedOnOrBack(s sink, c bool) error {
	b := givenBufs.Get().(*bytes.Buffer)
	b.Reset()
	if c {
		return s.Encode(b)
	}
	givenBufs.Put(b)
	return nil
}

func tooLarge(p []byte) {
	b := lentBufs.Get().(*bytes.Buffer)
	b.Reset()
	b.Write(p)
	if b.Cap() > 1<<16 {
		return
	}
	lentBufs.Put(b)
}
