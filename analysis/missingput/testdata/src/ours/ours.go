// Package ours uses the pool and the frames of Steadyframe.
package ours

import (
	"context"
	"errors"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
)

var errSmall = errors.New("small")

// Wrong.

func buf(p *pool.Pool, n int) error {
	b, err := p.Get(n) // want `b from p.Get is not put back when the function returns at line \d+ \(n < 10\)`
	if err != nil {
		return err
	}
	if n < 10 {
		return errSmall
	}
	b.Release()
	return nil
}

func grant(ctx context.Context, p *pool.Pool) error {
	g, err := p.Admit(ctx, 100) // want `g from p.Admit is never put back`
	if err != nil {
		return err
	}
	_ = g
	return nil
}

func grantByPriority(ctx context.Context, q *pool.Priority) error {
	g, err := q.Admit(ctx, 100) // want `g from q.Admit is never put back`
	if err != nil {
		return err
	}
	_ = g
	return nil
}

func retained(b pool.Buf, n int) {
	c := b.Retain() // want `c from b.Retain is not put back`
	if n > 0 {
		c.Release()
	}
}

func framed(p *pool.Pool, d frame.Desc) error {
	f, err := frame.New(p, d) // want `f from frame.New is not put back`
	if err != nil {
		return err
	}
	if d.W == 0 {
		return errSmall
	}
	f.Release()
	return nil
}

func scratch(o *pool.Of[[64]int16], n int) int {
	s := o.Get() // want `s from o.Get is not put back`
	if n < 0 {
		return 0
	}
	o.Put(s)
	return 1
}

// Right.

func rightBuf(p *pool.Pool, n int) error {
	b, err := p.Get(n)
	if err != nil {
		return err
	}
	defer b.Release()
	if n < 10 {
		return errSmall
	}
	return nil
}

func rightFrame(p *pool.Pool, d frame.Desc) (frame.Frame, error) {
	b, err := p.Get(d.W * d.H)
	if err != nil {
		return frame.Frame{}, err
	}
	return frame.FromBuf(d, b)
}

func rightAddress(p *pool.Pool, d frame.Desc) error {
	f, err := frame.New(p, d)
	if err != nil {
		return err
	}
	defer f.Release()
	f.Row(0, 0)[0] = 1
	return nil
}

func rightScratch(o *pool.Of[[64]int16]) {
	s := o.Get()
	defer o.Put(s)
	s[0] = 1
}

func rightOnError(p *pool.Pool, n int) (b pool.Buf, err error) {
	b, err = p.Get(n)
	if err != nil {
		return pool.Buf{}, err
	}
	defer func() {
		if err != nil {
			b.Release()
		}
	}()
	if n < 10 {
		return b, errSmall
	}
	return b, nil
}
