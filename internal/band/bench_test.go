package band

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkFill makes all bands of a frame. The frames are in memory, not in a cache: there are more of them than fit.
func BenchmarkFill(b *testing.B) {
	tests := []struct {
		format        frame.PixelFormat
		width, height int
		toW, toH      int
		filter        Filter
		space         Space
	}{
		{frame.BGR24, 640, 360, 320, 320, Bilinear, YCC},
		{frame.BGR24, 640, 360, 320, 320, Area, YCC},
		{frame.BGR24, 640, 360, 320, 320, Nearest, YCC},
		{frame.BGR24, 640, 360, 320, 320, Bilinear, RGB},
		{frame.BGR24, 640, 360, 320, 320, Bilinear, Luma},
		{frame.BGR24, 640, 360, 640, 360, Bilinear, YCC},
		{frame.BGR24, 1280, 720, 1280, 720, Bilinear, YCC},
		{frame.BGR24, 1280, 720, 640, 360, Bilinear, YCC},
		{frame.BGR24, 1280, 720, 320, 320, Bilinear, YCC},
		{frame.BGR24, 1920, 1080, 640, 360, Bilinear, YCC},
		{frame.BGR24, 1920, 1080, 640, 360, Area, YCC},
		{frame.BGR24, 1920, 1080, 320, 320, Bilinear, YCC},
		{frame.BGRA, 640, 360, 320, 320, Bilinear, YCC},
		{frame.I420, 640, 360, 320, 320, Bilinear, YCC},
		{frame.I420, 640, 360, 640, 360, Bilinear, YCC},
		{frame.I420, 640, 360, 320, 320, Bilinear, RGB},
		{frame.NV12, 640, 360, 320, 320, Bilinear, YCC},
		{frame.Gray8, 640, 360, 320, 320, Bilinear, Luma},
		{frame.I420, 1920, 1080, 640, 360, Area, YCC},
		{frame.NV12, 1920, 1080, 640, 360, Area, YCC},
		{frame.Gray8, 1920, 1080, 640, 360, Area, Luma},
		{frame.BGR24P, 640, 360, 320, 320, Bilinear, YCC},
		{frame.BGR24P, 640, 360, 320, 320, Area, YCC},
		{frame.BGR24P, 640, 360, 640, 360, Bilinear, YCC},
		{frame.BGR24P, 1280, 720, 640, 360, Bilinear, YCC},
		{frame.BGRF32P, 640, 640, 320, 320, Area, YCC},
		{frame.BGRF32P, 320, 320, 200, 200, Bilinear, YCC},
		{frame.BGRF32P, 320, 320, 320, 320, Bilinear, YCC},
		{frame.BGRF32, 320, 320, 320, 320, Bilinear, YCC},
		{frame.BGRF16P, 320, 320, 320, 320, Bilinear, YCC},
		{frame.BGRF16, 320, 320, 320, 320, Bilinear, YCC},
	}
	for _, tt := range tests {
		c := wholeConfig(frame.Desc{Format: tt.format, Width: tt.width, Height: tt.height}, tt.toW, tt.toH)
		c.Filter, c.Space = tt.filter, tt.space
		frames := framesInMemory(b, c.In)
		for _, level := range kerneltest.Here() {
			b.Run(fmt.Sprintf("fmt=%s/in=%dx%d/out=%dx%d/filter=%s/space=%s/impl=%s", tt.format, tt.width, tt.height, tt.toW, tt.toH,
				tt.filter, tt.space, level), func(b *testing.B) { benchmarkFill(b, c, frames, level) })
		}
	}
}

// BenchmarkRead is what no kernel can be faster than: frames are read from memory, by the standard library's search for
// a byte that they don't have, and by prefetching all of their cache lines.
func BenchmarkRead(b *testing.B) {
	frames := framesInMemory(b, frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080})
	for i := range frames {
		for k, v := range frames[i].Plane(0).Pix {
			frames[i].Plane(0).Pix[k] = v &^ 1
		}
	}
	k := resample.Implementations.Best(0).Kernels
	for _, by := range []struct {
		name string
		read func(pix []byte)
	}{
		{"search", func(pix []byte) { bytes.IndexByte(pix, 1) }},
		{"prefetch", func(pix []byte) { k.Prefetch(pix) }},
	} {
		b.Run("in=1920x1080/by="+by.name, func(b *testing.B) {
			b.SetBytes(int64(len(frames[0].Plane(0).Pix)))
			for n := 0; b.Loop(); n++ {
				by.read(frames[n%len(frames)].Plane(0).Pix)
			}
		})
	}
}

// framesInMemory returns 64 MiB of frames.
func framesInMemory(b *testing.B, d frame.Desc) []frame.Frame {
	frames := []frame.Frame{smoothFrame(b, d)}
	size, _ := d.Size()
	for range 64 << 20 / size {
		var planes []frame.Plane
		for _, p := range frames[0].Planes() {
			p.Pix = slices.Clone(p.Pix)
			planes = append(planes, p)
		}
		f, err := frame.Wrap(d, planes...)
		if err != nil {
			b.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

func benchmarkFill(b *testing.B, c Config, frames []frame.Frame, level impl.Level) {
	c.Limit = level
	s := mustSampler(b, c)
	sc := s.NewScratch()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		f := &frames[n%len(frames)]
		s.Begin(sc)
		for i := range s.Bands() {
			s.Fill(sc, f, i)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
}

// wholeConfig takes all of a frame of d to all of a canvas, bilinear, 4:2:0.
func wholeConfig(d frame.Desc, width, height int) Config {
	return Config{
		In: d, Crop: Rect{0, 0, d.Width, d.Height}, Width: width, Height: height, Content: Rect{0, 0, width, height},
		ChromaX: 2, ChromaY: 2, Lines: 16,
	}
}
