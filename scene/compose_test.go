package scene

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

var subsamplings = []jpeg.Subsampling{jpeg.Sub420, jpeg.Sub422, jpeg.Sub444, jpeg.Gray}

// TestBackgroundAlone: an image without regions is what package pipeline makes of the background, byte for byte.
func TestBackgroundAlone(t *testing.T) {
	for _, sub := range subsamplings {
		for _, restart := range []int{0, 1, 5, 7, 65535} {
			for _, size := range [][2]int{{1, 1}, {16, 16}, {17, 33}, {131, 67}, {256, 48}} {
				f := rgb24(t, size[0], size[1], 3)
				s := build(t, Options{Subsampling: sub, Restart: restart, Quality: 80}, Background{Frame: f})
				got, _ := compose(t, s, Image{})
				if want := newCanvas(t, f).encode(t, s); !bytes.Equal(got, want) {
					t.Errorf("%s restart %d %v: got %d bytes that differ from the %d of pipeline", sub, restart, size, len(got), len(want))
				}
			}
		}
	}
}

// TestCompose: over random sizes, samplings, intervals, formats, rectangles and masks, an image is byte for byte what coding
// the whole composed image with the same restart interval makes. Its composition is spelled out in canvas.
func TestCompose(t *testing.T) {
	const seed = 13
	r := rand.New(rand.NewPCG(seed, 0))
	n := 250
	if testing.Short() || race.Enabled {
		n = 60
	}
	for i := range n {
		width, height := 1+r.IntN(300), 1+r.IntN(200)
		o := Options{
			Subsampling: subsamplings[r.IntN(len(subsamplings))], Quality: 1 + r.IntN(100), Restart: r.IntN(40),
			Filter: pipeline.Filter(r.IntN(3)), Walk: Loop,
		}
		var backgrounds []Background
		for k := range 2 {
			bg := Background{Frame: rgb24(t, width, height, 10*i+k)}
			for range r.IntN(4) {
				bg.Places = append(bg.Places, Place{Rect: randomRect(r, width, height), Mask: randomMask(r)})
			}
			backgrounds = append(backgrounds, bg)
		}
		s := build(t, o, backgrounds...)
		m := Image{Index: r.IntN(4)}
		bg := &backgrounds[m.Index%2]
		c := newCanvas(t, bg.Frame)
		for k, p := range bg.Places {
			if r.IntN(5) == 0 {
				m.Regions = append(m.Regions, Region{})
				continue
			}
			formats := frame.Formats()
			d := frame.Desc{Format: formats[r.IntN(len(formats))], Width: 1 + r.IntN(100), Height: 1 + r.IntN(100)}
			f := noiseFrame(t, r, d)
			m.Regions = append(m.Regions, Region{Frame: f})
			var mask []byte
			if p.Mask != nil {
				mask = maskBytes(p.Mask, p.Rect.Width, p.Rect.Height)
			}
			c.paste(t, f, bg.Places[k].Rect, o.Filter, mask)
		}
		got, _ := compose(t, s, m)
		if want := c.encode(t, s); !bytes.Equal(got, want) {
			t.Fatalf("image %d of seed %d, %dx%d %+v, places %+v: got %d bytes, want those of the whole image, %d", i, seed, width, height, o, bg.Places, len(got), len(want))
		}
		if again, _ := compose(t, s, m); !bytes.Equal(got, again) {
			t.Fatalf("image %d of seed %d: a second one differs", i, seed)
		}
	}
}

// TestMovable: regions of a movable scene go where they say.
func TestMovable(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, 0))
	f := rgb24(t, 200, 120, 1)
	feathered := &Mask{Feather: 6}
	s := build(t, Options{Movable: true}, Background{Frame: f, Places: []Place{{Rect: pipeline.Rect{Width: 50, Height: 40}, Mask: feathered}}})
	for i := range 40 {
		rect := randomRect(r, 200, 120)
		var mask []byte
		if i%2 == 0 {
			rect.Width, rect.Height = 50, 40
			mask = maskBytes(feathered, 50, 40)
		}
		patch := rgb24(t, 64, 64, i)
		got, _ := compose(t, s, Image{Regions: []Region{{Frame: patch, Rect: rect}}})
		c := newCanvas(t, f)
		c.paste(t, patch, rect, pipeline.Bilinear, mask)
		if rect == (pipeline.Rect{}) {
			continue // the place itself
		}
		if !bytes.Equal(got, c.encode(t, s)) {
			t.Fatalf("region at %s, seed %d: differs from the whole image", rect, seed)
		}
	}
	fixed := build(t, Options{}, Background{Frame: f, Places: []Place{{Rect: pipeline.Rect{Width: 50, Height: 40}}}})
	_, err := fixed.Compose(&Image{Regions: []Region{{Frame: f, Rect: pipeline.Rect{Width: 1, Height: 1}}}})
	wantOptionError(t, err, "rect")
}

// TestTransparent: color is composed on black, and alpha on nothing.
func TestTransparent(t *testing.T) {
	const seed = 6
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 60 {
		width, height := 1+r.IntN(200), 1+r.IntN(120)
		bg := Background{}
		for range 1 + r.IntN(3) {
			bg.Places = append(bg.Places, Place{Rect: randomRect(r, width, height), Mask: randomMask(r)})
		}
		s := build(t, Options{Width: width, Height: height, Transparent: true, Restart: r.IntN(20)}, bg)
		color := &canvas{make([]byte, 3*width*height), width, height, 3}
		alpha := &canvas{make([]byte, width*height), width, height, 1}
		m := Image{}
		for _, p := range bg.Places {
			f := rgb24(t, 1+r.IntN(60), 1+r.IntN(60), i)
			m.Regions = append(m.Regions, Region{Frame: f})
			var mask []byte
			if p.Mask != nil {
				mask = maskBytes(p.Mask, p.Rect.Width, p.Rect.Height)
			}
			color.paste(t, f, p.Rect, pipeline.Bilinear, mask)
			alpha.lay(nil, p.Rect, mask)
		}
		gotColor, gotAlpha := compose(t, s, m)
		if !bytes.Equal(gotColor, color.encode(t, s)) {
			t.Fatalf("image %d of seed %d: color differs from that of the whole image", i, seed)
		}
		if !bytes.Equal(gotAlpha, alpha.encode(t, s)) {
			t.Fatalf("image %d of seed %d: alpha differs from that of the whole image", i, seed)
		}
	}
}

// TestColor: backgrounds of one color are those of a frame of it, and share their memory.
func TestColor(t *testing.T) {
	const width, height = 150, 90
	color := pipeline.Color{R: 10, G: 200, B: 90}
	f := rgb24(t, width, height, 1)
	for i := range width * height {
		copy(f.Plane(0).Pix[3*i:], []byte{color.R, color.G, color.B})
	}
	places := []Place{{Rect: pipeline.Rect{X: 20, Y: 11, Width: 40, Height: 33}}}
	drawn := build(t, Options{}, Background{Frame: f, Places: places})
	plain := build(t, Options{Width: width, Height: height}, Background{Color: color, Places: places}, Background{Color: color, Places: places})
	patch := rgb24(t, 64, 64, 2)
	for index := range 2 {
		got, _ := compose(t, plain, Image{Index: index, Regions: []Region{{Frame: patch}}})
		want, _ := compose(t, drawn, Image{Regions: []Region{{Frame: patch}}})
		if !bytes.Equal(got, want) {
			t.Errorf("index %d: differs from a frame of that color", index)
		}
	}
	if a, b := plain.backgrounds[0].color, plain.backgrounds[1].color; a != b {
		t.Error("two backgrounds of one color: got two stores, want one")
	}
}

// TestLevels: every level of kernels makes the same bytes.
func TestLevels(t *testing.T) {
	f, patch := rgb24(t, 333, 222, 1), floatFrame(t, 96, 96, 2)
	places := []Place{{Rect: pipeline.Rect{X: 41, Y: 33, Width: 131, Height: 117}, Mask: &Mask{Shape: Ellipse, Feather: 9}}, {Rect: pipeline.Rect{X: 150, Y: 100, Width: 60, Height: 60}}}
	for _, sub := range subsamplings {
		var want []byte
		for _, level := range []string{"generic", "neon", "avx2", "avx512"} {
			s := build(t, Options{Kernels: level, Subsampling: sub}, Background{Frame: f, Places: places})
			got, _ := compose(t, s, Image{Regions: []Region{{Frame: patch}, {Frame: patch}}})
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s: differs from generic", sub, level)
			}
		}
	}
}

func wantOptionError(t *testing.T, err error, field string) {
	t.Helper()
	e, ok := err.(*OptionError)
	if !ok || e.Field != field {
		t.Errorf("got %v, want an OptionError about %s", err, field)
	}
}

// BenchmarkW2 is a 320x320 planar float BGR region resized into 200x200 of 1920x1080, quality 75, without and with a mask.
func BenchmarkW2(b *testing.B) {
	f := rgb24(b, 1920, 1080, 1)
	rect := pipeline.Rect{X: 861, Y: 301, Width: 200, Height: 200}
	for _, bench := range []struct {
		name    string
		place   Place
		region  frame.Frame
		regions int
	}{
		{"rect", Place{Rect: rect}, floatFrame(b, 320, 320, 2), 1},
		{"feather", Place{Rect: rect, Mask: &Mask{Feather: 20}}, floatFrame(b, 320, 320, 2), 1},
		{"crop400-mask", Place{Rect: pipeline.Rect{X: 761, Y: 251, Width: 400, Height: 400}, Mask: lowerHalf(400, 40)}, rgb24(b, 256, 256, 2), 1},
		{"index-alone", Place{Rect: rect}, frame.Frame{}, 0},
	} {
		for _, level := range []string{"generic", "avx2", ""} {
			b.Run(fmt.Sprintf("place=%s/kernels=%s", bench.name, level), func(b *testing.B) {
				s := build(b, Options{Kernels: level}, Background{Frame: f, Places: []Place{bench.place}})
				m := Image{Regions: []Region{{Frame: bench.region}}[:bench.regions]}
				for b.Loop() {
					c, err := s.Compose(&m)
					if err != nil {
						b.Fatal(err)
					}
					c.Release()
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fps")
			})
		}
	}
}
