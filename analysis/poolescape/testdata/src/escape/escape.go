// Package escape keeps pooled values and puts them back all the same.
package escape

import (
	"bytes"
	"io"
	"sync"
)

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var last *bytes.Buffer

type cache struct {
	entries map[string][]byte
	newest  *bytes.Buffer
	text    string
	out     chan *bytes.Buffer
}

// Wrong.

func (c *cache) add(key string, r io.Reader) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.ReadFrom(r)
	c.entries[key] = buf.Bytes() // want `buf from bufs.Get stays in a map although this function puts it back: it changes there when the pool lends it again`
}

func (c *cache) field() {
	buf := bufs.Get().(*bytes.Buffer)
	c.newest = buf // want `stays in the field newest`
	bufs.Put(buf)
}

func global() {
	buf := bufs.Get().(*bytes.Buffer)
	defer func() { bufs.Put(buf) }()
	last = buf // want `stays in the package variable last`
}

func (c *cache) send() {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	c.out <- buf // want `stays in a channel`
}

func background(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	go w.Write(buf.Bytes()) // want `stays in a goroutine`
}

func backgroundClosure(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	go func() { // want `stays in a goroutine`
		w.Write(buf.Bytes())
	}()
	bufs.Put(buf)
}

func (c *cache) onePath(keep bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if keep {
		c.newest = buf // want `stays in the field newest`
	}
	bufs.Put(buf)
}

// Right.

func (c *cache) addCopy(key string, r io.Reader) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	buf.ReadFrom(r)
	c.entries[key] = bytes.Clone(buf.Bytes())
	c.text = buf.String()
}

func (c *cache) lent(f func()) {
	buf := bufs.Get().(*bytes.Buffer)
	c.newest = buf
	f()
	c.newest = nil
	bufs.Put(buf)
}

func (c *cache) lentUntilReturn(f func()) {
	buf := bufs.Get().(*bytes.Buffer)
	c.newest = buf
	defer func() {
		c.newest = nil
		bufs.Put(buf)
	}()
	f()
}

func (c *cache) otherPath(keep bool) {
	buf := bufs.Get().(*bytes.Buffer)
	if keep {
		c.newest = buf
		return
	}
	bufs.Put(buf)
}

func waited(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		w.Write(buf.Bytes())
	}()
	wg.Wait()
}

func joined(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	done := make(chan bool)
	go func() {
		w.Write(buf.Bytes())
		close(done)
	}()
	<-done
}

func local() int {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	c := cache{newest: buf}
	return c.newest.Len()
}

func handedOn(c *cache) {
	buf := bufs.Get().(*bytes.Buffer)
	c.out <- buf
}

// Waits for a goroutine by way of a channel that another function reads to its end.

func drained(w io.Writer) int {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	lines := make(chan int)
	go func() {
		defer close(lines)
		n, _ := w.Write(buf.Bytes())
		lines <- n
	}()
	return sum(lines)
}

func sum(lines <-chan int) int {
	n := 0
	for line := range lines {
		n += line
	}
	return n
}

func notDrained(w io.Writer, other chan int) int {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	go func() { // want `stays in a goroutine`
		n, _ := w.Write(buf.Bytes())
		other <- n
	}()
	return len(other)
}
