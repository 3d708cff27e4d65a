package jpeg

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// BenchmarkEncode encodes frames as they are, without any resizing. The rival is image/jpeg on the same picture: from a YCbCr image, the
// fastest input that it takes, into a buffer that has grown already.
//
//	go test -bench Encode ./jpeg
func BenchmarkEncode(b *testing.B) {
	for _, size := range []image.Point{{320, 320}, {1920, 1080}} {
		for _, format := range []frame.PixelFormat{frame.I420, frame.BGR24} {
			for _, quality := range []int{75, 95} {
				b.Run(fmt.Sprintf("fmt=%v/size=%dx%d/q=%d", format, size.X, size.Y, quality), func(b *testing.B) {
					benchmarkEncode(b, format, size.X, size.Y, quality)
				})
			}
		}
	}
}

func benchmarkEncode(b *testing.B, format frame.PixelFormat, width, height, quality int) {
	p := newPicture(width, height, 1)
	b.Run("impl=steadyframe", func(b *testing.B) {
		f := p.frame(b, format)
		e, err := NewEncoder(f.Desc, &Options{Quality: quality})
		if err != nil {
			b.Fatal(err)
		}
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			if out, err = e.Append(out[:0], f); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
		b.ReportMetric(float64(len(out)), "bytes")
	})
	b.Run("impl=image-jpeg", func(b *testing.B) {
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
	})
}

// BenchmarkCoder is the coder alone: bands that are ready to bytes.
func BenchmarkCoder(b *testing.B) {
	for _, quality := range []int{75, 95} {
		b.Run(fmt.Sprintf("size=320x320/q=%d", quality), func(b *testing.B) {
			f := newPicture(320, 320, 1).frame(b, frame.BGR24)
			e, err := NewEncoder(f.Desc, &Options{Quality: quality})
			if err != nil {
				b.Fatal(err)
			}
			bands := bandsOf(e, f)
			var n int
			for b.Loop() {
				n = 0
				e.coder.Begin(e.scratch, 0)
				for i := range bands {
					n += len(e.coder.Encode(e.scratch, &bands[i], i))
				}
			}
			blocks := e.coder.perRow * e.coder.rows * len(e.coder.slots)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blocks), "ns/block")
			b.ReportMetric(float64(n), "bytes")
		})
	}
}
