package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"image/color/palette"
	stdjpeg "image/jpeg"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// BenchmarkEncode encodes frames as they are, without any resizing. The rival is image/jpeg on the same image, from
// a YCbCr image, the fastest input that it takes.
//
//	go test -bench Encode ./jpeg
func BenchmarkEncode(b *testing.B) {
	for _, size := range []image.Point{{X: 320, Y: 320}, {X: 1920, Y: 1080}} {
		p := newTestImage(size.X, size.Y, 1)
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
func benchmarkRival(b *testing.B, p *testImage, quality int) {
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
	p := newTestImage(320, 320, 1)
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

func benchmarkCoder(b *testing.B, p *testImage, o Options) {
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
			n += len(c.Encode(e.scratch, &bands[i], i, nil))
		}
	}
	blocks := 320 / 16 * 320 / 16 * 6
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blocks), "ns/block")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(float64(n), "bytes")
}

// BenchmarkEncodeImage is Encode beside image/jpeg's, of all types of images, each into a buffer that has grown already.
//
//	go test -run xxx -bench EncodeImage ./jpeg
func BenchmarkEncodeImage(b *testing.B) {
	for _, size := range []image.Point{{X: 320, Y: 320}, {X: 640, Y: 360}, {X: 1920, Y: 1080}} {
		p := newTestImage(size.X, size.Y, 1)
		images := []struct {
			name string
			m    image.Image
		}{
			{"ycbcr420", p.ycbcr(image.YCbCrSubsampleRatio420)}, {"ycbcr422", p.ycbcr(image.YCbCrSubsampleRatio422)},
			{"ycbcr444", p.ycbcr(image.YCbCrSubsampleRatio444)}, {"ycbcr440", p.ycbcr(image.YCbCrSubsampleRatio440)},
			{"ycbcr411", p.ycbcr(image.YCbCrSubsampleRatio411)}, {"ycbcr410", p.ycbcr(image.YCbCrSubsampleRatio410)},
			{"gray", p.gray()}, {"rgba", p.rgba()}, {"nrgba", p.nrgba(0xFF)}, {"nrgba-alpha", p.nrgba(0xC0)},
			{"paletted", p.paletted()}, {"rgba64", p.rgba64()},
		}
		for _, kind := range images {
			b.Run(fmt.Sprintf("image=%s/size=%dx%d", kind.name, size.X, size.Y), func(b *testing.B) {
				b.Run("impl=ours", func(b *testing.B) {
					benchmarkImage(b, func(w *bytes.Buffer) error { return Encode(w, kind.m, nil) })
				})
				b.Run("impl=image-jpeg", func(b *testing.B) {
					benchmarkImage(b, func(w *bytes.Buffer) error { return stdjpeg.Encode(w, kind.m, nil) })
				})
			})
		}
	}
}

func benchmarkImage(b *testing.B, encode func(w *bytes.Buffer) error) {
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := encode(&out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(float64(out.Len()), "bytes")
}

func (p *testImage) gray() *image.Gray {
	return &image.Gray{Pix: p.ycbcr(image.YCbCrSubsampleRatio444).Y, Stride: p.width, Rect: image.Rect(0, 0, p.width, p.height)}
}

func (p *testImage) nrgba(alpha byte) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
	for i := range p.width * p.height {
		copy(m.Pix[4*i:], p.rgb[3*i:3*i+3])
		m.Pix[4*i+3] = alpha
	}
	return m
}

func (p *testImage) rgba() *image.RGBA { return (*image.RGBA)(p.nrgba(0xFF)) }

func (p *testImage) paletted() *image.Paletted {
	m := image.NewPaletted(image.Rect(0, 0, p.width, p.height), palette.WebSafe)
	for i := range m.Pix { // the nearest color of the cube of 6x6x6
		m.Pix[i] = (p.rgb[3*i]+25)/51*36 + (p.rgb[3*i+1]+25)/51*6 + (p.rgb[3*i+2]+25)/51
	}
	return m
}

func (p *testImage) rgba64() *image.RGBA64 {
	m := image.NewRGBA64(image.Rect(0, 0, p.width, p.height))
	for i := range p.width * p.height {
		for c := range 3 {
			m.Pix[8*i+2*c] = p.rgb[3*i+c]
		}
		m.Pix[8*i+6], m.Pix[8*i+7] = 0xFF, 0xFF
	}
	return m
}
