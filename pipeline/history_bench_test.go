package pipeline

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// BenchmarkReuse is workload W4: frames of 1920x1080 of which 95 % are as in the frame before, beside frames that stay the same,
// and frames that change everywhere. Ways to encode them take turns: in full without restart markers, and with reuse. For each, the
// processor time of a frame, in microseconds: the median of all.
//
//	go test -run '^$' -bench Reuse -cpu 1 -benchtime 300x ./pipeline
func BenchmarkReuse(b *testing.B) {
	d := frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}
	still := newFrame(b, d)
	synth.New(d.Width, d.Height, 1).Render(&still, 0)
	for _, bm := range []struct {
		name   string
		change func(f *frame.Frame, i int, r *rand.Rand)
	}{
		{"same", func(*frame.Frame, int, *rand.Rand) {}},
		{"box", func(f *frame.Frame, i int, r *rand.Rand) { grain(f, 40*i%1400, 600, 480, 216, r) }},
		{"scattered", func(f *frame.Frame, i int, r *rand.Rand) {
			for range 34 {
				grain(f, 192*r.IntN(10), 16*r.IntN(67), 192, 16, r)
			}
		}},
		{"half", func(f *frame.Frame, i int, r *rand.Rand) { grain(f, 0, 0, 1920, 540, r) }},
		{"all", func(f *frame.Frame, i int, r *rand.Rand) { grain(f, 0, 0, 1920, 1080, r) }},
	} {
		var frames []frame.Frame
		r := rand.New(rand.NewPCG(1, 1))
		for i := range 5 {
			f := newFrame(b, d)
			copy(f.Plane(0).Pix, still.Plane(0).Pix)
			bm.change(&f, i, r)
			frames = append(frames, f)
		}
		for _, level := range kerneltest.Here() {
			b.Run(fmt.Sprintf("change=%s/impl=%s", bm.name, level), func(b *testing.B) { benchmarkReuse(b, frames, 0, level.String()) })
		}
	}
}

// BenchmarkReuseNoise is BenchmarkReuse for frames all of whose samples change, by less than Noise.
func BenchmarkReuseNoise(b *testing.B) {
	for _, format := range []frame.PixelFormat{frame.BGR24, frame.RGBF16P, frame.RGBF32P} {
		for _, d := range []frame.Desc{{Format: format, Width: 512, Height: 512}, {Format: format, Width: 1920, Height: 1080}} {
			var frames []frame.Frame
			r := rand.New(rand.NewPCG(1, 1))
			for range 5 {
				f := newFrame(b, d)
				for p := range d.Format.Planes() {
					pix := f.Plane(p).Pix
					for i := range len(pix) / sampleSize(format) {
						level := 100 + 50*math.Sin(float64(i)/100) + 2*r.Float64()
						switch {
						case format.IsFloat16():
							binary.LittleEndian.PutUint16(pix[2*i:], oracle.ToHalf(level/255))
						case format.IsFloat():
							binary.LittleEndian.PutUint32(pix[4*i:], math.Float32bits(float32(level/255)))
						default:
							pix[i] = byte(level)
						}
					}
				}
				frames = append(frames, f)
			}
			for _, level := range kerneltest.Here() {
				b.Run(fmt.Sprintf("format=%s/size=%dx%d/impl=%s", format, d.Width, d.Height, level), func(b *testing.B) { benchmarkReuse(b, frames, 3, level.String()) })
			}
		}
	}
}

// sampleSize returns the bytes of a sample.
func sampleSize(f frame.PixelFormat) int {
	switch {
	case f.IsFloat16():
		return 2
	case f.IsFloat():
		return 4
	}
	return 1
}

func newFrame(b *testing.B, d frame.Desc) frame.Frame {
	size, err := d.Size()
	if err != nil {
		b.Fatal(err)
	}
	f, err := frame.WrapBytes(d, make([]byte, size))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// grain changes pixels of a bgr24 frame by a level or two.
func grain(f *frame.Frame, x, y, w, h int, r *rand.Rand) {
	for row := y; row < y+h; row++ {
		pix := f.Row(0, row)[3*x : 3*(x+w)]
		for i := range pix {
			pix[i] ^= byte(r.Uint32() & 3)
		}
	}
}

func benchmarkReuse(b *testing.B, frames []frame.Frame, noise int, level string) {
	full := Spec{Input: frames[0].Desc}
	restart := full
	restart.Output.Restart = 12
	reuse := full
	reuse.Output.Reuse, reuse.Output.Noise = ReuseSegments, noise
	var h History
	defer h.Release()
	ways := []struct {
		name    string
		spec    Spec
		history *History
		p       *Pipeline
		took    []time.Duration
	}{{name: "full", spec: full}, {name: "restart", spec: restart}, {name: "reuse", spec: reuse, history: &h}}
	memory := pooltest.New(b, nil)
	for i := range ways {
		var err error
		if ways[i].p, err = Compile(ways[i].spec, &Options{Pool: memory, Kernels: level}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.LockOSThread() // its processor time is measured
	defer runtime.UnlockOSThread()
	for n := 0; b.Loop(); n++ {
		for i := range ways {
			w := &ways[i]
			batch := Batch{In: frames[n%len(frames) : n%len(frames)+1], History: w.history}
			start := processorTime()
			err := w.p.Run(b.Context(), &batch)
			w.took = append(w.took, processorTime()-start)
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
	b.ReportMetric(0, "ns/op")
	median := func(i int) float64 {
		slices.Sort(ways[i].took)
		return float64(ways[i].took[len(ways[i].took)/2]) / 1e3
	}
	for i, w := range ways {
		b.ReportMetric(median(i), w.name+"-us")
	}
	reused, all := h.Counts()
	b.ReportMetric(100*float64(reused)/float64(all), "%reused")
	b.ReportMetric(median(0)/median(2), "x")
}
