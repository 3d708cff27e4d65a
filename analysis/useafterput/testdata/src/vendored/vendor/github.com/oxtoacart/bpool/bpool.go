// Package bpool has the shape of github.com/oxtoacart/bpool.
package bpool

import "bytes"

type BufferPool struct{ c chan *bytes.Buffer }

func (p *BufferPool) Get() *bytes.Buffer { return <-p.c }

func (p *BufferPool) Put(b *bytes.Buffer) { p.c <- b }
