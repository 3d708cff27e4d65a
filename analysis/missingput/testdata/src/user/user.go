// Package user uses the wrappers of lib.
package user

import "lib"

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
