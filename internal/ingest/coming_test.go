package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

var comingDesc = frame.Desc{Format: frame.Gray8, Width: 100, Height: 40}

// coming returns what the frame of stream becomes, checked for leaks.
func coming(t *testing.T, stream io.Reader) (frame.Frame, *Coming, *RawReader) {
	t.Helper()
	p := pool.New(nil)
	r, err := NewRaw(stream, comingDesc, p)
	if err != nil {
		t.Fatal(err)
	}
	f, c, err := r.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Release()
		if leaks := pooltest.Leaks(p.Stats()); leaks != "" {
			t.Error(leaks)
		}
	})
	return f, c, r
}

// TestComing: bytes that are there may be used while others come, and a wait is over as soon as enough are there.
func TestComing(t *testing.T) {
	data := make([]byte, 4000)
	for i := range data {
		data[i] = byte(i*7 + i>>8)
	}
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		go func() { _, _ = to.Write(data[:1000]) }()
		f, c, r := coming(t, from)
		if c.Size() != len(data) {
			t.Fatalf("got a size of %d, want %d", c.Size(), len(data))
		}
		if err := c.First(1000); err != nil || !c.Wait(t.Context(), 1000) {
			t.Fatalf("got %v, want the first 1000 bytes", err)
		}
		rest := make(chan error, 1)
		go func() { rest <- c.Rest() }()
		for n := 1500; n <= len(data); n += 500 {
			there := make(chan bool, 1)
			go func() { there <- c.Wait(t.Context(), n) }()
			synctest.Wait()
			_, _ = to.Write(data[n-500 : n-1])
			synctest.Wait()
			if len(there) > 0 {
				t.Fatalf("got %d bytes with %d", n, n-1)
			}
			_, _ = to.Write(data[n-1 : n])
			if !<-there {
				t.Fatalf("%d bytes: got none, want them", n)
			}
			if got := f.Planes()[0].Pix[:n]; !bytes.Equal(got, data[:n]) {
				t.Fatalf("got other bytes among the first %d", n)
			}
		}
		if err := errors.Join(<-rest, c.Over(t.Context())); err != nil {
			t.Error(err)
		}
		to.Close()
		if err := r.Await(); err != io.EOF {
			t.Errorf("afterwards: got %v, want io.EOF", err)
		}
	})
}

// TestComingEnds: a wait ends with its context, or with a stream that ends early or fails or panics, and says that the bytes are not there.
func TestComingEnds(t *testing.T) {
	broken := errors.New("broken")
	for name, how := range map[string]error{"ends": io.EOF, "fails": broken, "panics": nil} {
		t.Run(name, func(t *testing.T) {
			_, c, _ := coming(t, &endsWith{left: 2500, err: how})
			if err := c.First(1000); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if c.Wait(ctx, 3000) {
				t.Error("got bytes that have not come")
			}
			if err := c.Over(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("not over: got %v, want that of the context", err)
			}
			there := make(chan bool)
			go func() { there <- c.Wait(context.Background(), 3000) }()
			func() {
				defer func() { _ = recover() }()
				_ = c.Rest()
			}()
			if <-there {
				t.Error("got bytes that never came")
			}
			if !c.Wait(t.Context(), 2500) {
				t.Error("got nothing, want the bytes that came")
			}
			err := c.Over(t.Context())
			var cut *TruncatedError
			switch {
			case how == io.EOF && (!errors.As(err, &cut) || cut.Got != 2500),
				how == broken && !errors.Is(err, broken),
				how == nil && err != errBroken:
				t.Errorf("got %v", err)
			}
		})
	}
}

// endsWith is a stream of left bytes and an error; nil: it panics.
type endsWith struct {
	left int
	err  error
}

func (e *endsWith) Read(p []byte) (int, error) {
	n := min(len(p), e.left)
	e.left -= n
	switch {
	case n > 0:
		return n, nil
	case e.err == nil:
		panic("stream")
	}
	return 0, e.err
}
