package band

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// mustSampler returns a Sampler for c.
func mustSampler(t testing.TB, c Config) *Sampler {
	t.Helper()
	s, err := NewSampler(c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return s
}

// sameCanvas fails t unless the samples of got are those of want.
func sameCanvas(t testing.TB, what string, got, want canvas) {
	t.Helper()
	for p := range want.planes {
		if !slices.Equal(got.planes[p], want.planes[p]) {
			i := 0
			for got.planes[p][i] == want.planes[p][i] {
				i++
			}
			x, y := i%want.widths[p], i/want.widths[p]
			t.Fatalf("%s: plane %d at %d,%d: got %d, want %d", what, p, x, y, got.planes[p][i], want.planes[p][i])
		}
	}
}

// geometries map inputs of 61x47 to several canvases: shrinking, growing, cropped at odd places, letterboxed.
func geometries() []Config {
	all := []Config{
		{Crop: Rect{0, 0, 61, 47}, Width: 61, Height: 47, Content: Rect{0, 0, 61, 47}},
		{Crop: Rect{0, 0, 61, 47}, Width: 23, Height: 99, Content: Rect{0, 0, 23, 99}},
		{Crop: Rect{7, 5, 31, 27}, Width: 77, Height: 51, Content: Rect{0, 0, 77, 51}},
		{Crop: Rect{1, 3, 60, 44}, Width: 37, Height: 83, Content: Rect{6, 34, 20, 30}},
	}
	for i := range all {
		all[i].ChromaX, all[i].ChromaY, all[i].Lines, all[i].Background = 2, 2, 16, [3]uint8{9, 80, 200}
	}
	return all
}

// everyConfig calls f with the geometries under every input, filter and space.
func everyConfig(f func(c Config)) {
	for _, c := range geometries() {
		for _, d := range descs(61, 47) {
			for c.Filter = Bilinear; c.Filter <= Nearest; c.Filter++ {
				for c.Space = YCC; c.Space <= Luma; c.Space++ {
					c.In = d
					f(c)
				}
			}
		}
	}
}

func TestFillInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	everyConfig(func(c Config) {
		s := mustSampler(t, c)
		f := randomFrame(t, c.In, r)
		sc := s.NewScratch()
		want := sample(t, s, sc, &f)
		order := append(r.Perm(s.Bands()), r.Perm(s.Bands())...)
		sameCanvas(t, fmt.Sprintf("%+v, order %v", c, order), sample(t, s, sc, &f, order...), want)
	})
}

// TestFillByManyWorkers is for the race detector too: a Sampler and a frame are shared, a Scratch is not.
func TestFillByManyWorkers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	c := geometries()[2]
	c.In = frame.Desc{Format: frame.NV12, Width: 61, Height: 47}
	s := mustSampler(t, c)
	f := randomFrame(t, c.In, r)
	want := sample(t, s, s.NewScratch(), &f)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			sameCanvas(t, "worker", sample(t, s, s.NewScratch(), &f), want)
		})
	}
	wg.Wait()
}

// TestFillForgetsTheLastFrame: rows of one frame must not reach the next, also where the first ended in the middle.
func TestFillForgetsTheLastFrame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	everyConfig(func(c Config) {
		s := mustSampler(t, c)
		first, second := randomFrame(t, c.In, r), randomFrame(t, c.In, r)
		want := sample(t, s, s.NewScratch(), &second)
		sc := s.NewScratch()
		s.Begin(sc)
		s.Fill(sc, &first, 0)
		sameCanvas(t, fmt.Sprintf("%+v", c), sample(t, s, sc, &second), want)
	})
}

// TestFillReadsRowsOnce: every input row that is needed is made once for a frame, and no other. Where the mean of rows comes first, one
// that two lines share is read twice.
func TestFillReadsRowsOnce(t *testing.T) {
	everyConfig(func(c Config) {
		s := mustSampler(t, c)
		f := randomFrame(t, c.In, rand.New(rand.NewPCG(1, 5)))
		sc := s.NewScratch()
		sample(t, s, sc, &f)
		want := 0
		for i := range s.sources {
			src := &s.sources[i]
			if src.halves && c.Content.Height%2 != 0 {
				want += 2 // the last line stands in for the one below
			}
			if !src.stacks || src.halves {
				want += len(neededRows(&src.down))
				continue
			}
			for k, span := range src.down.cover {
				if src.down.stack != nil {
					want += src.down.stack[k].mean.Count() * src.inputs
				} else {
					want += len(span.weights) * src.inputs
				}
			}
		}
		if sc.made != want {
			t.Fatalf("%+v: got %d rows made, want %d", c, sc.made, want)
		}
	})
}

// TestFillReadsTheCropAlone: bytes outside the crop, and between rows, do not change the samples. A chroma sample lies
// in the crop when one of its four pixels does.
func TestFillReadsTheCropAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	everyConfig(func(c Config) {
		s := mustSampler(t, c)
		f := randomFrame(t, c.In, r)
		sc := s.NewScratch()
		want := sample(t, s, sc, &f)
		for i := range f.Planes() {
			spoil(f.Plane(i), c, i)
		}
		sameCanvas(t, fmt.Sprintf("%+v", c), sample(t, s, sc, &f), want)
	})
}

// spoil changes every byte of plane i that is not of the crop.
func spoil(p *frame.Plane, c Config, i int) {
	step := 1
	if p.Width != c.In.Width {
		step = 2
	}
	size := c.In.Format.SampleBytes(i)
	left, right := c.Crop.X/step*size, ((c.Crop.X+c.Crop.Width-1)/step+1)*size
	top, bottom := c.Crop.Y/step, (c.Crop.Y+c.Crop.Height-1)/step
	for at := range p.Pix {
		if x, y := at%p.Stride, at/p.Stride; x < left || x >= right || y < top || y > bottom {
			p.Pix[at] ^= 0xa5
		}
	}
}

// TestArrangementsMakeTheSame: planes make the same bands as packed pixels, whichever channel is first.
func TestArrangementsMakeTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for _, formats := range [][]frame.PixelFormat{
		{frame.RGB24, frame.BGR24, frame.RGBA, frame.BGRA, frame.RGB24P, frame.BGR24P},
		{frame.RGBF32P, frame.BGRF32P, frame.RGBF32, frame.BGRF32},
		{frame.RGBF16P, frame.BGRF16P, frame.RGBF16, frame.BGRF16},
	} {
		halved := wholeConfig(frame.Desc{}, 122, 94)
		halved.Width, halved.Height, halved.Content, halved.Crop = 30, 23, Rect{0, 0, 30, 23}, Rect{1, 1, 60, 46}
		for _, c := range append(geometries(), halved) {
			for c.Filter = Bilinear; c.Filter <= Nearest; c.Filter++ {
				for c.Space = YCC; c.Space <= Luma; c.Space++ {
					c.In = frame.Desc{Format: formats[0], Width: 61, Height: 47}
					first := randomFrame(t, c.In, r)
					s := mustSampler(t, c)
					want := sample(t, s, s.NewScratch(), &first)
					for _, c.In.Format = range formats[1:] {
						other := rearranged(t, &first, c.In.Format)
						s := mustSampler(t, c)
						sameCanvas(t, fmt.Sprintf("%+v", c), sample(t, s, s.NewScratch(), &other), want)
					}
				}
			}
		}
	}
}

// rearranged returns a frame of a format with the samples of f, which are of the same size.
func rearranged(t *testing.T, f *frame.Frame, format frame.PixelFormat) frame.Frame {
	t.Helper()
	d := f.Desc
	d.Format = format
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	to, err := frame.WrapBytes(d, make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	for y := range d.Height {
		for x := range d.Width {
			for c := range 3 {
				copy(channelAt(&to, x, y, c), channelAt(f, x, y, c))
			}
		}
	}
	return to
}

// channelAt returns the bytes of R, G or B, by number, of a pixel.
func channelAt(f *frame.Frame, x, y, c int) []byte {
	format := f.Desc.Format
	size := 1
	switch {
	case format.IsFloat16():
		size = 2
	case format.IsFloat():
		size = 4
	}
	if format.IsBGR() {
		c = 2 - c
	}
	if format.Planes() == 3 {
		return f.Row(c, y)[x*size:][:size]
	}
	return f.Row(0, y)[x*format.SampleBytes(0)+c*size:][:size]
}

func TestFillOfStrangeFloats(t *testing.T) {
	values := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -1, 2, 1e-42, -1e-42, math.MaxFloat32}
	for c := range everyFloatConfig() {
		s := mustSampler(t, c)
		n := 0
		f := newFrame(t, c.In, rand.New(rand.NewPCG(1, 7)), func(_, _ int) float64 {
			n++
			return float64(values[n*n%len(values)])
		})
		got := deviate(sample(t, s, s.NewScratch(), &f), reference(c, &f))
		if limit := tolerance(s); got.max > limit {
			t.Errorf("%+v: got a deviation of %.3f, want <= %.3f", c, got.max, limit)
		}
	}
}

// everyFloatConfig yields the configurations of everyConfig with tensors.
func everyFloatConfig() func(yield func(Config) bool) {
	return func(yield func(Config) bool) {
		more := true
		everyConfig(func(c Config) {
			more = more && (!c.In.Format.IsFloat() || yield(c))
		})
	}
}

func TestFillAllocatesNothing(t *testing.T) {
	for _, c := range geometries() {
		for _, d := range descs(61, 47) {
			for c.Filter = Bilinear; c.Filter <= Nearest; c.Filter++ {
				c.In = d
				s := mustSampler(t, c)
				f := randomFrame(t, d, rand.New(rand.NewPCG(1, 8)))
				sc := s.NewScratch()
				alloctest.Zero(t, 10, func() {
					s.Begin(sc)
					for i := range s.Bands() {
						s.Fill(sc, &f, i)
					}
				})
			}
		}
	}
}

// TestScratchBytes: ScratchBytes is what a Scratch allocates, but for size classes.
func TestScratchBytes(t *testing.T) {
	for _, c := range geometries() {
		for _, f := range []frame.PixelFormat{frame.BGRF32P, frame.RGBF16, frame.RGB24P} {
			c.In = frame.Desc{Format: f, Width: 61, Height: 47}
			for c.Filter = Bilinear; c.Filter <= Nearest; c.Filter++ {
				s := mustSampler(t, c)
				kept := make(chan *Scratch, 1) // so that it is on the heap
				_, got := alloctest.Measure(t, 1, func() {
					kept <- s.NewScratch()
					<-kept
				})
				if want := uint64(s.ScratchBytes()); got < want || got > want+want/4 {
					t.Errorf("%+v: got %d bytes allocated, want %d to a quarter more", c, got, want)
				}
			}
		}
	}
}

// TestAdopt: one scratch serves Samplers of all kinds by turns, and allocates nothing when it has served the largest.
func TestAdopt(t *testing.T) {
	type used struct {
		sampler *Sampler
		frame   frame.Frame
		want    [][]int16
	}
	var all []used
	for i, c := range geometries() {
		c.In = frame.Desc{Format: frame.Formats()[i%len(frame.Formats())], Width: 61, Height: 47}
		c.Filter = Filter(i % 3)
		u := used{sampler: mustSampler(t, c), frame: randomFrame(t, c.In, rand.New(rand.NewPCG(uint64(i), 2)))}
		own := u.sampler.NewScratch()
		for k := range u.sampler.Bands() {
			u.sampler.Fill(own, &u.frame, k)
			u.want = append(u.want, slices.Clone(own.Band.Planes[0].Pix))
		}
		all = append(all, u)
	}
	var sc Scratch
	turn := func() {
		for i := range all {
			u := &all[i]
			u.sampler.Adopt(&sc)
			for k := range u.sampler.Bands() {
				u.sampler.Fill(&sc, &u.frame, k)
				if !slices.Equal(sc.Band.Planes[0].Pix, u.want[k]) {
					t.Fatalf("geometry %d, band %d: samples differ from those in a scratch of its own", i, k)
				}
			}
		}
	}
	turn()
	turn()
	alloctest.Zero(t, 2, turn)
}

// TestScratchOfW1: 640x360 to 320x320 works in the first and second level of the cache.
func TestScratchOfW1(t *testing.T) {
	s := mustSampler(t, wholeConfig(frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}, 320, 320))
	if got := s.ScratchBytes(); got > 24<<10 {
		t.Errorf("got %d bytes, want <= %d", got, 24<<10)
	}
}
