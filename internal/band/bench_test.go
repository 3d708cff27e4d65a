package band

import (
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// BenchmarkFill makes all bands of a frame.
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
		{frame.BGR24, 1920, 1080, 640, 360, Area, YCC},
		{frame.BGRA, 640, 360, 320, 320, Bilinear, YCC},
		{frame.I420, 640, 360, 320, 320, Bilinear, YCC},
		{frame.I420, 640, 360, 640, 360, Bilinear, YCC},
		{frame.I420, 640, 360, 320, 320, Bilinear, RGB},
		{frame.NV12, 640, 360, 320, 320, Bilinear, YCC},
		{frame.Gray8, 640, 360, 320, 320, Bilinear, Luma},
		{frame.BGRF32P, 320, 320, 200, 200, Bilinear, YCC},
		{frame.BGRF32P, 320, 320, 320, 320, Bilinear, YCC},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("fmt=%s/in=%dx%d/out=%dx%d/filter=%s/space=%s", tt.format, tt.width, tt.height, tt.toW, tt.toH,
			tt.filter, tt.space)
		b.Run(name, func(b *testing.B) {
			c := wholeConfig(frame.Desc{Format: tt.format, Width: tt.width, Height: tt.height}, tt.toW, tt.toH)
			c.Filter, c.Space = tt.filter, tt.space
			benchmarkFill(b, c)
		})
	}
}

func benchmarkFill(b *testing.B, c Config) {
	s, err := NewSampler(c)
	if err != nil {
		b.Fatal(err)
	}
	f := smoothFrame(b, c.In)
	sc := s.NewScratch()
	b.ReportAllocs()
	for b.Loop() {
		s.Begin(sc)
		for i := range s.Bands() {
			s.Fill(sc, &f, i)
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
