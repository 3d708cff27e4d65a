package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
)

// small is the load that most tests put on something: its frames are as small as frames with a number are.
func small() Options {
	return Options{
		Target: "127.0.0.1:1", Width: 64, Height: 32, OutWidth: 64, OutHeight: 32, Quality: 75,
		Rate: 50, Batch: 5, Requests: 4, Verify: true,
	}
}

// newGenerator is New for options that are right.
func newGenerator(t testing.TB, o Options) *Generator {
	t.Helper()
	g, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// encoder returns what makes the image of a frame that a server makes, for one goroutine at a time.
func encoder(t testing.TB, o Options) func(data []byte) []byte {
	t.Helper()
	p, err := pipeline.Compile(pipeline.Spec{
		Input:  o.desc(),
		Resize: pipeline.Resize{Width: o.OutWidth, Height: o.OutHeight},
		Output: pipeline.Output{Quality: o.Quality},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(data []byte) []byte {
		f, err := frame.WrapBytes(o.desc(), data)
		if err != nil {
			t.Error(err)
			return nil
		}
		b := pipeline.Batch{In: []frame.Frame{f}}
		defer b.Release()
		if err := p.Run(context.Background(), &b); err != nil || b.Out[0].Err != nil {
			t.Error(err, b.Out)
			return nil
		}
		return bytes.Clone(b.Out[0].Bytes())
	}
}

// Numbers survive whatever sizes and qualities a load may have.
func TestNumbersSurvive(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, for seconds under the race detector")
	}
	tests := []struct{ w, h, outW, outH int }{
		{64, 32, 64, 32}, {64, 32, 32, 16}, {64, 32, 640, 480}, {640, 360, 320, 320}, {640, 360, 64, 64}, {641, 361, 321, 319},
		{1000, 560, 100, 60}, {256, 128, 37, 19}, {360, 640, 48, 640}, {640, 360, 640, 360},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%dx%d-%dx%d", tt.w, tt.h, tt.outW, tt.outH), func(t *testing.T) {
			o := small()
			o.Width, o.Height, o.OutWidth, o.OutHeight = tt.w, tt.h, tt.outW, tt.outH
			mark, ok := markOf(&o)
			if !ok {
				t.Fatal("no room for a number")
			}
			s := &numbered{n: 100, mark: mark}
			ids := newIdentities(s, &o)
			size, err := o.desc().Size()
			if err != nil {
				t.Fatal(err)
			}
			data := make([]byte, size) // What else is in the frame is of no interest.
			f, err := frame.WrapBytes(o.desc(), data)
			if err != nil {
				t.Fatal(err)
			}
			for _, o.Quality = range []int{1, 50, 100} {
				encode := encoder(t, o)
				for n := range 4 {
					if err := drawNumber(&f, mark, n*33); err != nil {
						t.Fatal(err)
					}
					if got, err := ids.number(encode(data)); err != nil || got != n*33 {
						t.Fatalf("quality %d, frame %d: got %d, %v", o.Quality, n*33, got, err)
					}
				}
			}
		})
	}
}

func TestTooSmallForANumber(t *testing.T) {
	for _, tt := range []struct{ w, h, outW, outH int }{{63, 32, 63, 32}, {64, 31, 64, 31}, {640, 360, 31, 16}, {640, 360, 32, 15}} {
		o := small()
		o.Width, o.Height, o.OutWidth, o.OutHeight = tt.w, tt.h, tt.outW, tt.outH
		var option *OptionError
		if _, err := New(t.Context(), o); !errors.As(err, &option) || option.Option != "verify" {
			t.Errorf("%v: got %v, want an error of verify", tt, err)
		}
	}
	o := small()
	o.OutWidth, o.OutHeight, o.Verify = 31, 15, false
	newGenerator(t, o)
}

// Frames are told apart, and so are batches that follow each other.
func TestNumberedBatches(t *testing.T) {
	for _, batch := range []int{1, 2, 3, 4, 5, 25, 99, 100, 250} {
		o := small()
		o.Batch = batch
		s := newGenerator(t, o).numbered
		for n := range 300 {
			frames, err := s.Batch(t.Context(), n)
			if err != nil || len(frames) != batch {
				t.Fatalf("batches of %d: got %d frames, %v", batch, len(frames), err)
			}
			for i, f := range frames {
				if want := (n*batch + i) % s.n; s.number(n, i) != want || &f[0] != &s.ring[want][0] {
					t.Fatalf("batches of %d: frame %d of batch %d has number %d, want %d, and its pixels", batch, i, n, s.number(n, i), want)
				}
			}
			if s.number(n, 0) == s.number(n+1, 0) {
				t.Fatalf("batches of %d: %d and %d are alike", batch, n, n+1)
			}
		}
		for i := range s.n - 1 {
			if bytes.Equal(s.ring[i], s.ring[i+1]) {
				t.Errorf("frames %d and %d are alike", i, i+1)
			}
		}
	}
}

func TestHowMany(t *testing.T) {
	tests := []struct{ size, batch, want int }{
		{691200, 25, 99}, {691200, 1, 100}, {691200, 10, 99}, {6 << 20, 25, 21}, {24 << 20, 25, 4}, {200 << 20, 1, 2}, {200 << 20, 2, 3},
	}
	for _, tt := range tests {
		if got := howMany(tt.size, tt.batch); got != tt.want {
			t.Errorf("frames of %d bytes in batches of %d: got %d, want %d", tt.size, tt.batch, got, tt.want)
		}
	}
}

func TestNumberedAllocatesNothing(t *testing.T) {
	s := newGenerator(t, small()).numbered
	n := 0
	alloctest.Zero(t, 100, func() {
		_, _ = s.Batch(t.Context(), n)
		s.Done(n)
		n++
	})
}
