// Package frames has a pool behind an interface.
package frames

import (
	"errors"
	"sync"
)

type Frame struct{ Payload [64]byte }

// Pool is a pool of frames, or none.
type Pool interface {
	Get() *Frame
	Release(f *Frame)
}

// NoPool makes each frame.
type NoPool struct{}

func (NoPool) Get() *Frame    { return new(Frame) }
func (NoPool) Release(*Frame) {}

type syncPool struct{ frames sync.Pool }

func NewPool() Pool { return &syncPool{sync.Pool{New: func() any { return new(Frame) }}} }

func (p *syncPool) Get() *Frame      { return p.frames.Get().(*Frame) }
func (p *syncPool) Release(f *Frame) { p.frames.Put(f) }

type conn struct {
	pool Pool
	send chan *Frame
}

var errFull = errors.New("full")

func (f *Frame) fill(p []byte) error {
	if len(p) > len(f.Payload) {
		return errFull
	}
	copy(f.Payload[:], p)
	return nil
}

// sendError loses the frame where nothing can be written to it.
func (c *conn) sendError(p []byte) error {
	f := c.pool.Get() // want `f from c.pool.Get is not put back when the function returns at line 49 \(err != nil\): the pool loses it`
	if err := f.fill(p); err != nil {
		return err
	}
	c.send <- f
	return nil
}

// sendRight puts it back.
func (c *conn) sendRight(p []byte) error {
	f := c.pool.Get()
	if err := f.fill(p); err != nil {
		c.pool.Release(f)
		return err
	}
	c.send <- f
	return nil
}

// Buffers only makes them: nothing puts one back.
type Buffers interface {
	Make() []byte
	Len() int
}

type made struct{ n int }

func (m *made) Make() []byte { return make([]byte, m.n) }
func (m *made) Len() int     { return m.n }

func use(b Buffers) int { return len(b.Make()) }

// Slabs lends slices.
type Slabs interface {
	Lend() []byte
	Return(b []byte)
}

type slabs struct{ pool sync.Pool }

func (s *slabs) Lend() []byte {
	if b, ok := s.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 64)
}

func (s *slabs) Return(b []byte) { s.pool.Put(&b) }

var errNone = errors.New("none")

// read is right: where it returns an error there was no slice.
func read(s Slabs, fill func([]byte) int) (int, error) {
	b := s.Lend()
	if len(b) == 0 {
		return 0, errNone
	}
	n := fill(b)
	s.Return(b)
	return n, nil
}

func readLosing(s Slabs, n int) (byte, error) {
	b := s.Lend() // want `b from s.Lend is not put back when the function returns at line 112 \(n > 64\)`
	if n > 64 {
		return 0, errFull
	}
	c := b[n]
	s.Return(b)
	return c, nil
}
