package jpeg

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkEncode encodes frames as they are, without any resizing. The rival is image/jpeg on the same picture, from
// a YCbCr image, the fastest input that it takes.
//
//	go test -bench Encode ./jpeg
func BenchmarkEncode(b *testing.B) {
	for _, size := range []image.Point{{X: 320, Y: 320}, {X: 1920, Y: 1080}} {
		p := newPicture(size.X, size.Y, 1)
		for _, format := range []frame.PixelFormat{frame.I420, frame.BGR24} {
			for _, quality := range []int{75, 95} {
				b.Run(fmt.Sprintf("fmt=%v/size=%dx%d/q=%d", format, size.X, size.Y, quality), func(b *testing.B) {
					for _, level := range kerneltest.Here() {
						b.Run("impl="+level.String(), func(b *testing.B) {
							benchmarkEncode(b, p.frame(b, format), Options{Quality: quality, Kernels: level.String()})
						})
					}
					b.Run("impl=image-jpeg", func(b *testing.B) { benchmarkRival(b, p, quality) })
				})
			}
		}
	}
}

func benchmarkEncode(b *testing.B, f frame.Frame, o Options) {
	e, err := NewEncoder(f.Desc, &o)
	if err != nil {
		b.Fatal(err)
	}
	out, err := e.Append(nil, f)
	b.ReportAllocs()
	for b.Loop() && err == nil {
		out, err = e.Append(out[:0], f)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(float64(len(out)), "bytes")
}

// benchmarkRival encodes p with image/jpeg into a buffer that has grown already.
func benchmarkRival(b *testing.B, p *picture, quality int) {
	m := p.ycbcr(image.YCbCrSubsampleRatio420)
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := stdjpeg.Encode(&out, m, &stdjpeg.Options{Quality: quality}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(float64(out.Len()), "bytes")
}

// BenchmarkCoder is the coder alone: from bands that are ready to bytes. The rival has luma and chroma at hand, too.
func BenchmarkCoder(b *testing.B) {
	p := newPicture(320, 320, 1)
	for _, quality := range []int{50, 75, 95} {
		b.Run(fmt.Sprintf("size=320x320/q=%d", quality), func(b *testing.B) {
			for _, level := range kerneltest.Here() {
				b.Run("impl="+level.String(), func(b *testing.B) {
					benchmarkCoder(b, p, Options{Quality: quality, Kernels: level.String()})
				})
			}
			b.Run("impl=image-jpeg", func(b *testing.B) { benchmarkRival(b, p, quality) })
		})
	}
}

func benchmarkCoder(b *testing.B, p *picture, o Options) {
	f := p.frame(b, frame.BGR24)
	e, err := NewEncoder(f.Desc, &o)
	if err != nil {
		b.Fatal(err)
	}
	bands := bandsOf(e, f)
	c, n := e.coder, 0
	b.ReportAllocs()
	for b.Loop() {
		n = 0
		c.Begin(e.scratch, 0)
		for i := range bands {
			n += len(c.Encode(e.scratch, &bands[i], i))
		}
	}
	blocks := 320 / 16 * 320 / 16 * 6
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blocks), "ns/block")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(float64(n), "bytes")
}
