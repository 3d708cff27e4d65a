// Package lib exports wrappers: what is known of them travels as facts.
package lib

import (
	"io"
	"sync"
)

type Conn struct{ Buf []byte }

var conns = sync.Pool{New: func() any { return new(Conn) }}

func Acquire() *Conn { return conns.Get().(*Conn) }

func Release(c *Conn) { conns.Put(c) }

func (c *Conn) Close() { Release(c) }

func Look(c *Conn) int { return len(c.Buf) }

// Lines read rows of numbers, which may stay with them for all that is known.
type Lines struct{ from RowReader }

type RowReader interface {
	ReadRows(rows [][]int) (int, error)
}

func (l *Lines) ReadRows(rows [][]int) (int, error) {
	if l.from == nil {
		return 0, io.EOF
	}
	return l.from.ReadRows(rows)
}

// Copy makes a copy of a connection out of the pool.
func (c *Conn) Copy() *Conn {
	other := conns.Get().(*Conn)
	other.Buf = append(other.Buf[:0], c.Buf...)
	return other
}
