// Package user uses the wrappers of lib.
package user

import (
	"errors"
	"lib"
)

func wrong(n int) int {
	c := lib.Acquire() // want `c from lib.Acquire is not put back when the function returns at line \d+ \(n == 0\)`
	if n == 0 {
		return 0
	}
	n += lib.Look(c)
	lib.Release(c)
	return n
}

func never() int {
	c := lib.Acquire() // want `never put back`
	return lib.Look(c)
}

func right(n int) int {
	c := lib.Acquire()
	defer c.Close()
	if n == 0 {
		return 0
	}
	return n + lib.Look(c)
}

// Wrong: others of this package put theirs back, and nobody has it where it could not be filled.
func load(text []byte) (*lib.Conn, error) {
	c := lib.Acquire() // want `c from lib.Acquire is not put back when the function returns at line \d+ \(err != nil\)`
	if err := fill(c, text); err != nil {
		return nil, err
	}
	return c, nil
}

func loaded(text []byte) (int, error) {
	c, err := load(text)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return lib.Look(c), nil
}

func loadRight(text []byte) (*lib.Conn, error) {
	c := lib.Acquire()
	if err := fill(c, text); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func fill(c *lib.Conn, text []byte) error {
	if len(text) == 0 {
		return errEmpty
	}
	c.Buf = append(c.Buf[:0], text...)
	return nil
}

var errEmpty = errors.New("empty")

// Right: a copy is for good, though one goes back.
func copied(c *lib.Conn, text []byte) (*lib.Conn, error) {
	to := c.Copy()
	if err := fill(to, text); err != nil {
		return nil, err
	}
	return to, nil
}

type kept struct{ conns []*lib.Conn }

func (k *kept) add(c *lib.Conn) { k.conns = append(k.conns, c.Copy()) }

func look(c *lib.Conn) int {
	to := c.Copy()
	defer to.Close()
	return lib.Look(to)
}
