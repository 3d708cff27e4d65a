package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// randomReuse returns a Spec with Reuse: any format, size, resize, sampling and interval.
func randomReuse(r *rand.Rand) Spec {
	side := func(most int) int { return 1 + r.IntN(most) }
	all := inputs(side(150), side(90))
	s := Spec{Input: all[r.IntN(len(all))], Output: Output{
		Quality: 1 + r.IntN(100), Subsampling: jpeg.Subsampling(r.IntN(4)), Reuse: ReuseSegments,
		Restart: []Restart{RestartNone, RestartRow, 1, 2, 3, 5, 7, 12, 100, 65535}[r.IntN(10)],
	}}
	if r.IntN(2) == 0 {
		s.Crop.X, s.Crop.Y = r.IntN(s.Input.Width), r.IntN(s.Input.Height)
		s.Crop.Width, s.Crop.Height = side(s.Input.Width-s.Crop.X), side(s.Input.Height-s.Crop.Y)
	}
	if r.IntN(3) > 0 {
		s.Resize = Resize{Width: side(150), Height: side(90), Mode: Mode(r.IntN(3)), Filter: Filter(r.IntN(3))}
	}
	return s
}

// spoil changes a part of f: nothing, one byte, a rectangle of each plane, or all of it.
func spoil(f *frame.Frame, r *rand.Rand) {
	kind := r.IntN(5)
	for p := range f.Planes() {
		_, h, rowBytes := f.Desc.PlaneSize(p)
		x0, y0 := r.IntN(rowBytes), r.IntN(h)
		x1, y1 := x0+1+r.IntN(rowBytes-x0), y0+1+r.IntN(h-y0)
		switch kind {
		case 0:
			return
		case 1:
			x1, y1 = x0+1, y0+1
		case 2:
			x0, y0, x1, y1 = 0, 0, rowBytes, h
		}
		size := map[bool]int{false: 1, true: 2}[f.Desc.Format.IsFloat()] // The high byte stays: no NaNs.
		for y := y0; y < y1; y++ {
			row := f.Row(p, y)
			for x := x0 - x0%size; x < x1; x += size {
				row[x] ^= byte(r.Uint32())
			}
		}
		if kind == 1 && r.IntN(2) == 0 {
			return
		}
	}
}

// checkReuse encodes a sequence of frames of s that change a little, with a History and in full, and wants the same bytes.
func checkReuse(t *testing.T, s Spec, w *Workers, r *rand.Rand, frames int) (reused, all uint64) {
	t.Helper()
	p := compile(t, s, w)
	full := s
	full.Output.Reuse, full.Output.Restart = ReuseNone, s.Output.interval()
	plain := compile(t, full, nil)
	f := draw(t, s.Input, waves(r.IntN(100)), r.IntN(3))
	var h History
	b, want := Batch{History: &h}, Batch{In: []frame.Frame{f}}
	for i := 0; i < frames; {
		n := 1 + r.IntN(2) // frames in a batch
		b.In = b.In[:0]
		var wants [][]byte
		for range n {
			spoil(&f, r)
			if err := plain.Run(context.Background(), &want); err != nil || want.Out[0].Err != nil {
				t.Fatal(err, want.Out[0].Err)
			}
			wants = append(wants, bytes.Clone(want.Out[0].Bytes()))
			b.In = append(b.In, copyFrame(t, &f))
		}
		if err := p.Run(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for k := range b.Out {
			if err := b.Out[k].Err; err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Out[k].Bytes(), wants[k]) {
				t.Fatalf("%+v: image %d differs from the one that is encoded in full", s, i+k)
			}
		}
		i += n
	}
	b.Release()
	want.Release()
	h.Release()
	return h.Counts()
}

func copyFrame(t *testing.T, f *frame.Frame) frame.Frame {
	t.Helper()
	planes := make([]frame.Plane, f.Desc.Format.Planes())
	for i := range planes {
		planes[i] = frame.Plane{Pix: bytes.Clone(f.Plane(i).Pix), Stride: f.Plane(i).Stride}
	}
	c, err := frame.Wrap(f.Desc, planes...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReuse: over random Specs and changes, an image made with a History is byte for byte the one that encoding all of it gives.
func TestReuse(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 1))
	var reused, all uint64
	for range 120 {
		some, of := checkReuse(t, randomReuse(r), nil, r, 12)
		reused, all = reused+some, all+of
	}
	if reused < all/10 || reused > all*9/10 {
		t.Errorf("got %d of %d segments reused, want a test that reuses some and codes some", reused, all)
	}
}

// TestReuseInParts: images that several workers make, of bands that segments end with or go beyond.
func TestReuseInParts(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	w := newWorkers(t, 3)
	for _, restart := range []Restart{RestartNone, RestartRow, 12, 50, 7} {
		s := Spec{Input: frame.Desc{Format: frame.I420, Width: 640, Height: 480}, Output: Output{Reuse: ReuseSegments, Restart: restart}}
		if reused, _ := checkReuse(t, s, w, r, 10); reused == 0 {
			t.Errorf("restart %v: got no segment reused", restart)
		}
	}
}

// FuzzReuse is TestReuse for Specs and changes from anywhere.
func FuzzReuse(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Add(uint64(3), uint64(4))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		checkReuse(t, randomReuse(r), nil, r, 8)
	})
}

// still is a Spec of 3 rows of 2 segments, and a frame of it.
func still(t *testing.T) (Spec, frame.Frame) {
	s := Spec{Input: frame.Desc{Format: frame.Gray8, Width: 64, Height: 24}, Output: Output{Subsampling: jpeg.Gray, Reuse: ReuseSegments, Restart: 4}}
	return s, draw(t, s.Input, waves(1), 0)
}

// TestHistoryRests: segments that change in every frame are compared less and less often, and those that are the same are
// reused from the third frame on.
func TestHistoryRests(t *testing.T) {
	s, f := still(t)
	p := compile(t, s, nil)
	var h History
	defer h.Release()
	b := Batch{In: []frame.Frame{f}, History: &h}
	defer b.Release()
	const frames = 1000
	kept := 0
	for i := range frames {
		f.Row(0, 0)[0]++ // in segment 0
		if err := p.Run(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		if h.segments != nil && h.segments[0].kept {
			kept++
		}
		if reused, _ := h.Counts(); i > 1 && reused != uint64(5*(i-1)) {
			t.Fatalf("frame %d: got %d segments reused, want all but the first of all but two images", i, reused)
		}
	}
	if kept < 5 || kept > frames/20 {
		t.Errorf("got a segment that always changes kept after %d of %d frames, want few, and some", kept, frames)
	}
	for range 200 { // It stops to change.
		if err := p.Run(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if s := h.segments[0]; !s.kept || s.score != 0 {
		t.Errorf("got %+v of a segment that no longer changes, want it kept", s)
	}
}

// TestHistoryBeginsAnew: whatever comes between two frames, images stay right, and no memory is lost.
func TestHistoryBeginsAnew(t *testing.T) {
	s, f := still(t)
	other := s
	other.Output.Quality = 20
	p, q := compile(t, s, nil), compile(t, other, nil)
	var h History
	b := Batch{In: []frame.Frame{f}, History: &h}
	run := func(p *Pipeline, want error) []byte {
		t.Helper()
		if err := p.Run(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		plain := Batch{In: b.In}
		defer plain.Release()
		if err := p.Run(context.Background(), &plain); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Out[0].Bytes(), plain.Out[0].Bytes()) || (b.Out[0].Err == nil) != (want == nil) {
			t.Fatalf("got an image that differs from the one that is encoded in full, error %v", b.Out[0].Err)
		}
		return b.Out[0].Bytes()
	}
	for range 3 {
		run(p, nil)
	}
	run(q, nil) // another Spec
	run(p, nil)
	run(p, nil)
	run(p, nil)
	narrow := Spec{Input: frame.Desc{Format: frame.Gray8, Width: 32, Height: 24}}
	b.In[0] = draw(t, narrow.Input, waves(1), 0)
	run(p, &FrameError{}) // a frame that does not match
	b.In[0] = f
	run(p, nil)
	before, _ := h.Counts()
	ended, cancel := context.WithCancel(context.Background())
	b.Yield = cancel // in the middle of a frame
	f.Row(0, 0)[0]++
	if err := p.Run(ended, &b); err == nil {
		t.Fatal("got no error of a run that ended")
	}
	b.Yield = nil
	run(p, nil)
	run(p, nil)
	b.Out[0].Buf.SetLen(50) // by its holder
	run(p, nil)
	run(p, nil)
	if after, _ := h.Counts(); after <= before {
		t.Error("got no segment reused after all that")
	}
	h.Release()
	h.Release()
	run(p, nil)
	run(p, nil)
	b.Release()
	h.Release()
}

// TestHistoryWithoutMemory: where the budget has none for it, frames are encoded in full, and it is asked for again later.
func TestHistoryWithoutMemory(t *testing.T) {
	s, f := still(t)
	memory := pooltest.New(t, &pool.Options{Budget: 64 << 10})
	p, err := Compile(s, &Options{Pool: memory})
	if err != nil {
		t.Fatal(err)
	}
	var h History
	b := Batch{In: []frame.Frame{f}, History: &h}
	run := func(frames int) (reused uint64) {
		before, _ := h.Counts()
		for range frames {
			if err := p.Run(context.Background(), &b); err != nil || b.Out[0].Err != nil {
				t.Fatal(err, b.Out[0].Err)
			}
		}
		after, _ := h.Counts()
		return after - before
	}
	g, ok := memory.TryAdmit(30 << 10)
	if !ok {
		t.Fatal("got no grant")
	}
	if got := run(10); got != 0 || memory.Stats().Admitted != 30<<10 {
		t.Errorf("got %d segments reused and %d bytes admitted, want no memory taken beyond half of the budget", got, memory.Stats().Admitted)
	}
	g.Release()
	if got := run(retryAfter + 5); got == 0 {
		t.Error("got no segment reused after there was memory")
	}
	b.Release()
	if got := memory.Stats(); got.Admitted == 0 || got.InUse > got.Admitted {
		t.Errorf("got %d bytes in use of %d admitted, want all admitted", got.InUse, got.Admitted)
	}
	h.Release()
	if got := memory.Stats(); got.Admitted != 0 || got.InUse != 0 {
		t.Errorf("got %d bytes admitted and %d in use after Release, want none", got.Admitted, got.InUse)
	}
}

// TestNoise: what differs by no more than Noise from the frame that a segment was coded of keeps its bytes, however often it
// changes; what adds up to more is coded again. Of floats a level is a 255th of the range.
func TestNoise(t *testing.T) {
	bytes1 := func(p []byte, level float64) { p[0] = byte(math.Round(level)) }
	floats := func(scale, offset float64) func(p []byte, level float64) {
		return func(p []byte, level float64) {
			binary.LittleEndian.PutUint32(p, math.Float32bits(float32(level*scale+offset)))
		}
	}
	halves := func(scale, offset float64) func(p []byte, level float64) {
		return func(p []byte, level float64) { binary.LittleEndian.PutUint16(p, oracle.ToHalf(level*scale+offset)) }
	}
	for _, tt := range []struct {
		format frame.PixelFormat
		values frame.ValueRange
		size   int
		put    func(p []byte, level float64) // of 8 bits
	}{
		{frame.Gray8, frame.RangeDefault, 1, bytes1},
		{frame.BGR24, frame.RangeDefault, 1, bytes1},
		{frame.RGBF32P, frame.RangeUnit, 4, floats(1/255., 0)},
		{frame.BGRF32, frame.RangeByte, 4, floats(1, 0)},
		{frame.BGRF32P, frame.RangeSigned, 4, floats(1/127.5, -1)},
		{frame.BGRF16, frame.RangeDefault, 2, halves(1/255., 0)},
		{frame.RGBF16P, frame.RangeSigned, 2, halves(1/127.5, -1)},
	} {
		t.Run(fmt.Sprint(tt.format, " ", tt.values), func(t *testing.T) {
			s, _ := still(t)
			s.Input.Format, s.Input.Range = tt.format, tt.values
			s.Output.Noise, s.Output.Quality = 3, 100
			f := draw(t, s.Input, waves(1), 0)
			p := compile(t, s, nil)
			var h History
			defer h.Release()
			b := Batch{In: []frame.Frame{f}, History: &h}
			defer b.Release()
			some := f.Row(0, 0)[:24*tt.size]
			var last []byte
			for i, step := range []struct {
				by   float64 // of some samples, from their first value
				same bool
			}{{0, false}, {0, true}, {3, true}, {-3, true}, {2, true}, {4, false}, {4, true}, {7, true}, {8, false}} {
				by := step.by
				if tt.size > 1 {
					by *= 0.99 // 3 levels may be rounded to more
				}
				for i := 0; i < len(some); i += tt.size {
					tt.put(some[i:], 100+by)
				}
				if err := p.Run(context.Background(), &b); err != nil || b.Out[0].Err != nil {
					t.Fatal(err, b.Out[0].Err)
				}
				if got := bytes.Equal(b.Out[0].Bytes(), last); got != step.same {
					t.Errorf("frame %d, which differs by %v from the first: got the image before %v, want %v", i, step.by, got, step.same)
				}
				last = bytes.Clone(b.Out[0].Bytes())
			}
		})
	}
}

// TestReuseAllocatesNothing: neither where segments are reused, nor where they change and rest.
func TestReuseAllocatesNothing(t *testing.T) {
	s, f := still(t)
	for _, noise := range []int{0, 2} {
		t.Run(fmt.Sprint("noise=", noise), func(t *testing.T) {
			s.Output.Noise = noise
			p := compile(t, s, nil)
			var h History
			defer h.Release()
			b := Batch{In: []frame.Frame{f, f}, History: &h}
			defer b.Release()
			run := func() {
				f.Row(0, 0)[0]++
				if err := p.Run(context.Background(), &b); err != nil {
					t.Error(err)
				}
			}
			for range 3 {
				run()
			}
			alloctest.Zero(t, 200, run)
		})
	}
}
