// Package lib exports wrappers: what is known of them travels as facts.
package lib

import "sync"

type Conn struct{ Buf []byte }

var conns = sync.Pool{New: func() any { return new(Conn) }}

func Acquire() *Conn { return conns.Get().(*Conn) }

func Release(c *Conn) { conns.Put(c) }

func (c *Conn) Close() { Release(c) }

func Look(c *Conn) int { return len(c.Buf) }
