// Package flagged has pools that only the flag -pools tells of.
package flagged

type Arena struct{ n int }

type Chunk struct{ n int }

type Lease struct{ n int }

func (a *Arena) Alloc() *Chunk   { return nil }
func (a *Arena) Return(c *Chunk) {}
func (a *Arena) Lease() *Lease   { return nil }
func (l *Lease) End()            {}

func wrong(a *Arena) int {
	c := a.Alloc() // want `c from a.Alloc is never put back`
	return c.n
}

func wrongLease(a *Arena) int {
	l := a.Lease() // want `l from a.Lease is never put back`
	return l.n
}

func right(a *Arena) int {
	c := a.Alloc()
	defer a.Return(c)
	l := a.Lease()
	defer l.End()
	return c.n + l.n
}
