package ingest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
)

// Coming is a frame whose bytes still come: one goroutine reads them, from the top, while another uses those that are there.
type Coming struct {
	source *source
	pixels []byte
	got    atomic.Int64
	want   atomic.Int64  // what Wait waits for
	came   chan struct{} // has a value when that is there
	over   chan struct{} // closed when reading is over
	err    error         // of reading; set before over is closed
}

// errBroken is the error of a Coming whose reading has panicked.
var errBroken = errors.New("ingest: reading of a frame has panicked")

// Begin is Next that returns when there is memory for the frame, before any of it is read into that. The caller calls First and Rest of the
// Coming, and uses r for nothing else meanwhile. The frame is released after that.
func (r *RawReader) Begin() (frame.Frame, *Coming, error) {
	if err := r.begin(); err != nil {
		return frame.Frame{}, nil, err
	}
	b, err := r.pool.Get(r.size)
	if err != nil {
		return frame.Frame{}, nil, err
	}
	f, err := frame.FromBuf(r.desc, b)
	if err != nil {
		b.Release()
		return frame.Frame{}, nil, err
	}
	r.waits = false
	return f, &Coming{source: &r.source, pixels: b.Bytes(), came: make(chan struct{}, 1), over: make(chan struct{})}, nil
}

// Size returns the bytes of the frame.
func (c *Coming) Size() int { return len(c.pixels) }

// First reads the first n bytes. Its error is that of Next.
func (c *Coming) First(n int) error { return c.read(n) }

// Rest reads what is left. Its error is that of Next.
func (c *Coming) Rest() error {
	defer close(c.over)
	c.err = errBroken
	err := c.read(len(c.pixels))
	if c.err = err; err == nil {
		c.source.frames++
	}
	return err
}

func (c *Coming) read(n int) error {
	for got := int(c.got.Load()); got < n; {
		k, err := c.source.br.Read(c.pixels[got:n])
		got += k
		c.got.Store(int64(got))
		if err != nil && got < n {
			return c.source.fail(got, err)
		}
		if want := c.want.Load(); want > 0 && int64(got) >= want {
			select {
			case c.came <- struct{}{}:
			default: // There is a value, which will be taken after got has grown.
			}
		}
	}
	return nil
}

// Wait waits until the first n bytes are there, and reports whether they are: not where ctx or reading has ended before. It is for one goroutine,
// which may be another than that of Rest.
func (c *Coming) Wait(ctx context.Context, n int) bool {
	if int(c.got.Load()) >= n {
		return true
	}
	c.want.Store(int64(n))
	for int(c.got.Load()) < n {
		select {
		case <-c.came:
		case <-c.over:
			return int(c.got.Load()) >= n
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Over waits until Rest is over, and returns its error, or that of ctx, which has ended before.
func (c *Coming) Over(ctx context.Context) error {
	select {
	case <-c.over:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
