//go:build linux

package ring

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// guarded returns n bytes between two pages that cannot be touched; the last byte is the last before the second.
func guarded(t *testing.T, n int) []byte {
	t.Helper()
	page := unix.Getpagesize()
	size := (n + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	if err := errors.Join(unix.Mprotect(mem[:page], unix.PROT_NONE), unix.Mprotect(mem[page+size:], unix.PROT_NONE)); err != nil {
		t.Fatal(err)
	}
	return mem[page+size-n : page+size]
}

// scribble writes random bytes all over mem, again and again, until stop is set.
func scribble(mem []byte, stop *atomic.Bool) {
	for seed := uint64(1); !stop.Load(); seed++ {
		x := seed * 0x9e3779b97f4a7c15
		for i := range mem {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			mem[i] = byte(x)
			if i&1023 == 0 && stop.Load() {
				return
			}
		}
	}
}

// scribbled returns guarded memory that is written to for as long as the test runs.
func scribbled(t *testing.T, n int) []byte {
	t.Helper()
	mem := guarded(t, n)
	var stop atomic.Bool
	var scribbling sync.WaitGroup
	scribbling.Go(func() { scribble(mem, &stop) })
	t.Cleanup(func() {
		stop.Store(true)
		scribbling.Wait()
	})
	return mem
}

// TestFramesThatChange: whatever a frame's holder writes into it while it is read, and whatever the format, what comes out is an
// image, and nothing before the frame or behind it is touched. The pixels lie in memory that the race detector does not know: a
// client that does this is another process.
func TestFramesThatChange(t *testing.T) {
	shapes := []struct {
		name          string
		width, height int
		change        func(*pipeline.Spec)
	}{
		{"plain", 66, 50, func(*pipeline.Spec) {}},
		{"bilinear", 130, 70, func(s *pipeline.Spec) { s.Resize = pipeline.Resize{Width: 48, Height: 40} }},
		{"area", 130, 70, func(s *pipeline.Spec) { s.Resize = pipeline.Resize{Width: 48, Height: 40, Filter: pipeline.Area} }},
		{"nearest", 64, 48, func(s *pipeline.Spec) { s.Resize = pipeline.Resize{Width: 96, Height: 64, Filter: pipeline.Nearest} }},
		{"crop", 80, 60, func(s *pipeline.Spec) { s.Crop = pipeline.Rect{X: 16, Y: 8, Width: 40, Height: 32} }},
		{"raw", 64, 48, func(s *pipeline.Spec) { s.Output.Format = pipeline.RawRGB24 }},
	}
	runs := 30
	if testing.Short() {
		runs = 3
	}
	for _, format := range frame.Formats() {
		for _, shape := range shapes {
			t.Run(fmt.Sprintf("%s/%s", format, shape.name), func(t *testing.T) {
				s := pipeline.Spec{Input: frame.Desc{Format: format, Width: shape.width, Height: shape.height}}
				shape.change(&s)
				size, err := s.Input.Size()
				if err != nil {
					t.Fatal(err)
				}
				mem := scribbled(t, size)
				p, err := pipeline.Compile(s, nil)
				if err != nil {
					t.Fatal(err)
				}
				f, err := frame.WrapBytes(s.Input, mem)
				if err != nil {
					t.Fatal(err)
				}
				b := pipeline.Batch{In: []frame.Frame{f, f}}
				defer b.Release()
				for range runs {
					if err := errors.Join(p.Run(t.Context(), &b), b.Out[0].Err, b.Out[1].Err); err != nil {
						t.Fatal(err)
					}
				}
				if s.Output.Format == pipeline.JPEG {
					checkJPEG(t, b.Out[0].Bytes())
				}
			})
		}
	}
}

// TestSlotsThatChange: a client that writes into its slots, while the server has them, gets images.
func TestSlotsThatChange(t *testing.T) {
	r := start(t, nil)
	c := r.encoder(ring.Hello{Spec: w1, Slots: 2, Batch: 2})
	var stop atomic.Bool
	var scribbling sync.WaitGroup
	scribbling.Go(func() { scribble(c.Input(0), &stop) })
	for range 30 {
		c.submit(0, 2)
		if d := c.done(); d.Failed != 0 {
			t.Fatalf("got %+v, want no failure", d)
		}
		for n := range 2 {
			data, _ := c.image(0, n)
			checkJPEG(t, data)
		}
	}
	stop.Store(true)
	scribbling.Wait()
}
