// Package direct takes from a sync.Pool without wrappers.
package direct

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

var bufPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var errShort = errors.New("short")

// Wrong.

func errorPath(w io.Writer, v any) error {
	buf := bufPool.Get().(*bytes.Buffer) // want `buf from bufPool.Get is not put back when the function returns at line 23 \(err != nil\): the pool loses it`
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	bufPool.Put(buf)
	return err
}

func afterRefactoring(v any) string {
	buf := bufPool.Get().(*bytes.Buffer) // want `buf from bufPool.Get is never put back: the pool loses it on every call`
	buf.Reset()
	fmt.Fprint(buf, v)
	return buf.String()
}

func noName() int {
	return bufPool.Get().(*bytes.Buffer).Len() // want `a value from bufPool.Get is never put back`
}

func inSwitch(kind int) int {
	buf := bufPool.Get().(*bytes.Buffer) // want `not put back when the function returns`
	switch kind {
	case 0:
		bufPool.Put(buf)
		return 0
	case 1:
		return 1
	}
	bufPool.Put(buf)
	return 2
}

func inLoop(r io.Reader) error {
	for {
		buf := bufPool.Get().(*bytes.Buffer) // want `not put back when the function returns at line \d+ \(err != nil\)`
		_, err := buf.ReadFrom(r)
		if err != nil {
			return err
		}
		bufPool.Put(buf)
	}
}

func breakOut(r io.Reader) {
	for {
		buf := bufPool.Get().(*bytes.Buffer) // want `not put back when the function returns`
		if _, err := buf.ReadFrom(r); err != nil {
			break
		}
		bufPool.Put(buf)
	}
}

func lateDefer(name string) error {
	buf := bufPool.Get().(*bytes.Buffer) // want `not put back when the function returns at line \d+ \(err != nil\)`
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	defer bufPool.Put(buf)
	_, err = buf.ReadFrom(f)
	return err
}

func commaOK(r io.Reader) error {
	buf, ok := bufPool.Get().(*bytes.Buffer) // want `not put back`
	if !ok {
		return errShort
	}
	if _, err := buf.ReadFrom(r); err != nil {
		return errShort
	}
	bufPool.Put(buf)
	return nil
}

type server struct{ bufs sync.Pool }

func (s *server) slicePointer(r io.Reader) (int, error) {
	bp := s.bufs.Get().(*[]byte) // want `bp from s.bufs.Get is not put back`
	n, err := io.ReadFull(r, *bp)
	if err != nil {
		return 0, err
	}
	s.bufs.Put(bp)
	return n, nil
}

func overwritten(r io.Reader) {
	buf := bufPool.Get().(*bytes.Buffer) // want `never put back`
	if _, err := buf.ReadFrom(r); err != nil {
		buf = new(bytes.Buffer)
	}
	buf = new(bytes.Buffer)
	buf.Reset()
}

// Right.

func deferred(w io.Writer, v any) error {
	buf := bufPool.Get().(*bytes.Buffer)
	defer bufPool.Put(buf)
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	return err
}

func deferredClosure(w io.Writer, v any) error {
	buf := bufPool.Get().(*bytes.Buffer)
	defer func() {
		buf.Reset()
		bufPool.Put(buf)
	}()
	return json.NewEncoder(buf).Encode(v)
}

func eachPath(v any) error {
	buf := bufPool.Get().(*bytes.Buffer)
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		bufPool.Put(buf)
		return err
	}
	bufPool.Put(buf)
	return nil
}

func dropsLarge(v any) {
	buf := bufPool.Get().(*bytes.Buffer)
	fmt.Fprint(buf, v)
	if buf.Cap() > 1<<16 {
		return
	}
	bufPool.Put(buf)
}

func conditional(n int, v any) {
	var buf *bytes.Buffer
	if n > 10 {
		buf = bufPool.Get().(*bytes.Buffer)
	}
	fmt.Println(v)
	if n > 10 {
		bufPool.Put(buf)
	}
}

func checkedForNil(big bool) {
	var buf *bytes.Buffer
	if big {
		buf = bufPool.Get().(*bytes.Buffer)
	}
	fmt.Println(big)
	if buf != nil {
		bufPool.Put(buf)
	}
}

func returned() *bytes.Buffer {
	buf := bufPool.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

type holder struct{ buf *bytes.Buffer }

func kept(h *holder) { h.buf = bufPool.Get().(*bytes.Buffer) }

func sent(c chan<- *bytes.Buffer) {
	buf := bufPool.Get().(*bytes.Buffer)
	c <- buf
}

func toGoroutine(v any) {
	buf := bufPool.Get().(*bytes.Buffer)
	go func() {
		fmt.Fprint(buf, v)
		bufPool.Put(buf)
	}()
}

func ends(v any) {
	buf := bufPool.Get().(*bytes.Buffer)
	if err := json.NewEncoder(buf).Encode(v); err != nil {
		os.Exit(1)
	}
	bufPool.Put(buf)
}

func emptyPool(p *sync.Pool) error {
	buf, ok := p.Get().(*bytes.Buffer)
	if !ok {
		return errShort
	}
	p.Put(buf)
	return nil
}

func grownSlice(p *sync.Pool, data []byte) {
	bp := p.Get().(*[]byte)
	b := append((*bp)[:0], data...)
	*bp = b
	p.Put(bp)
}

func addressOfSlice(p *sync.Pool, data []byte) {
	b := p.Get().([]byte)
	b = append(b[:0], data...)
	p.Put(&b)
}

func ignored(v any) string {
	//poolvet:ignore the result is kept for the whole run of the program
	buf := bufPool.Get().(*bytes.Buffer)
	fmt.Fprint(buf, v)
	return buf.String()
}
