// Package own has types of its own with Write and Reset.
package own

import "sync"

type digest struct{ n int }

func (d *digest) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }
func (d *digest) Reset()                      { d.n = 0 }

var digests = sync.Pool{New: func() any { return new(digest) }}

func resets(p []byte) int {
	d := digests.Get().(*digest)
	d.Reset()
	d.Write(p)
	n := d.n
	digests.Put(d)
	return n
}

func forgets(p []byte) int {
	d := digests.Get().(*digest) // want `d from digests.Get is used in line \d+ without Reset`
	d.Write(p)
	n := d.n
	digests.Put(d)
	return n
}

// A type that nobody resets needs none.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }
func (c *counter) Reset()                      { c.n = 0 }

var counters = sync.Pool{New: func() any { return new(counter) }}

func counts(p []byte) {
	c := counters.Get().(*counter)
	c.Write(p)
	counters.Put(c)
}
