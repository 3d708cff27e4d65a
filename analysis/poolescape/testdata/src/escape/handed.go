package escape

import (
	"bytes"
	"io"
	"sync"
)

type workers interface{ Submit(f func()) error }

type group struct {
	wg   sync.WaitGroup
	errs chan error
}

func (g *group) Go(f func() error) {
	g.wg.Add(1)
	go func() { g.errs <- f() }()
}

func (g *group) Wait() error { g.wg.Wait(); return nil }

type flusher struct{ flush func() }

// Wrong.

func submitted(p workers, w io.Writer) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	return p.Submit(func() { w.Write(buf.Bytes()) }) // want `buf from bufs.Get stays in a function that may run later`
}

func inGroup(g *group, w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	g.Go(func() error { // want `buf from bufs.Get stays in a function that may run later`
		_, err := w.Write(buf.Bytes())
		return err
	})
}

func (f *flusher) later(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	f.flush = func() { w.Write(buf.Bytes()) } // want `buf from bufs.Get stays in the field flush`
}

// Right.

func inGroupWaited(g *group, w io.Writer) error {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	g.Go(func() error {
		_, err := w.Write(buf.Bytes())
		return err
	})
	return g.Wait()
}

func (f *flusher) atOnce(w io.Writer) {
	buf := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(buf)
	f.flush = func() { w.Write(buf.Bytes()) }
	f.flush()
	f.flush = nil
}
