package jpeg

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

var subsamplings = []Subsampling{Sub420, Sub422, Sub444, Gray}

// TestSizes decodes every width and height up to 70, and those around 1080p; under the race detector a few of them.
func TestSizes(t *testing.T) {
	sizes := make(map[image.Point]bool)
	step := 1
	if race.Enabled {
		step = 23
	}
	for n := 1; n <= 70; n += step {
		for _, m := range []int{1, 7, 8, 9, 15, 16, 17, 33, 70, n} {
			sizes[image.Pt(n, m)] = true
			sizes[image.Pt(m, n)] = true
		}
	}
	if !testing.Short() && !race.Enabled {
		for _, s := range []image.Point{{1919, 1079}, {1920, 1080}, {1921, 1081}} {
			sizes[s] = true
		}
	}
	large := newTestImage(1921, 1081, 1)
	for _, s := range subsamplings {
		t.Run(fmt.Sprintf("subsampling=%v", s), func(t *testing.T) {
			for size := range sizes {
				p := large.crop(size.X, size.Y)
				b := encode(t, p.frame(t, frame.RGB24), Options{Subsampling: s, Quality: 92})
				m := decode(t, b, size.X, size.Y, s)
				// A pixel of chroma beside an edge costs most in the smallest images; a block in a wrong place is
				// below 20 dB.
				if got := p.psnr(m); got < 27 {
					t.Errorf("%v: got %.1f dB, want >= 27", size, got)
				}
			}
		})
	}
}

// TestLargestSides encodes what the frame header can just say.
func TestLargestSides(t *testing.T) {
	race.SkipSequential(t)
	for _, size := range []image.Point{{X: 65535, Y: 3}, {X: 3, Y: 65535}} {
		p := &testImage{size.X, size.Y, bytes.Repeat([]byte{200}, 3*size.X*size.Y)}
		for _, s := range subsamplings {
			b := encode(t, p.frame(t, frame.RGB24), Options{Subsampling: s, RestartInterval: 65535})
			if got := p.psnr(decode(t, b, size.X, size.Y, s)); got < 45 {
				t.Errorf("%v %v: got %.1f dB, want >= 45", size, s, got)
			}
		}
	}
}

// crop returns the middle of p.
func (p *testImage) crop(width, height int) *testImage {
	c := &testImage{width, height, make([]byte, 0, 3*width*height)}
	x, y := (p.width-width)/2, (p.height-height)/2
	for i := range height {
		c.rgb = append(c.rgb, p.rgb[3*((y+i)*p.width+x):][:3*width]...)
	}
	return c
}

// TestExtremes decodes the largest and smallest coefficients: samples of 0 and 255 at the ends of the quality scale,
// and flat images.
func TestExtremes(t *testing.T) {
	images := []struct {
		name string
		p    *testImage
	}{
		{"noise", newNoise(96, 64, 3)},
		{"black", &testImage{96, 64, make([]byte, 3*96*64)}},
		{"white", &testImage{96, 64, bytes.Repeat([]byte{255}, 3*96*64)}},
		{"checkers", checkers(96, 64)},
	}
	for _, pic := range images {
		for _, s := range subsamplings {
			for _, quality := range []int{1, 2, 50, 99, 100} {
				t.Run(fmt.Sprintf("image=%s/subsampling=%v/q=%d", pic.name, s, quality), func(t *testing.T) {
					b := encode(t, pic.p.frame(t, frame.RGB24), Options{Subsampling: s, Quality: quality})
					m := decode(t, b, 96, 64, s)
					if full := s == Sub444 || s == Gray || pic.name != "noise"; full && quality == 100 {
						if got := pic.p.psnr(m); got < 44 {
							t.Errorf("got %.1f dB, want >= 44", got)
						}
					}
				})
			}
		}
	}
}

// checkers alternates black and white blocks: the largest DC differences.
func checkers(width, height int) *testImage {
	p := &testImage{width, height, make([]byte, 3*width*height)}
	for i := range p.rgb {
		x, y := i/3%width, i/3/width
		p.rgb[i] = byte(-((x/16 + y/16) & 1))
	}
	return p
}

// TestDjpeg decodes with libjpeg-turbo, which warns of what image/jpeg lets pass, and compares the pixels of the two
// decoders.
func TestDjpeg(t *testing.T) {
	race.SkipSequential(t)
	djpeg := exttool.Require(t, "djpeg", "libjpeg-turbo-progs")
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 60 {
		o := Options{
			Quality:         1 + rng.IntN(100),
			Subsampling:     subsamplings[i%4],
			RestartInterval: []int{0, 0, RestartRow, 1, 2, 1 + rng.IntN(40)}[rng.IntN(6)],
		}
		p := newTestImage(1+rng.IntN(130), 1+rng.IntN(130), uint64(i))
		if i%5 == 0 {
			p = newNoise(p.width, p.height, uint64(i))
		}
		t.Run(fmt.Sprintf("size=%dx%d/options=%v", p.width, p.height, o), func(t *testing.T) {
			b := encode(t, p.frame(t, frame.RGB24), o)
			m := decode(t, b, p.width, p.height, o.Subsampling)
			cmd := exec.Command(djpeg, "-nosmooth", "-dct", "int", "-pnm")
			cmd.Stdin = bytes.NewReader(b)
			var warnings bytes.Buffer
			cmd.Stderr = &warnings
			out, err := cmd.Output()
			if err != nil || warnings.Len() > 0 {
				t.Fatalf("djpeg: %v %s", err, &warnings)
			}
			// Two inverse DCTs that round differently: 1 each in luma and chroma.
			if worst := farthest(m, pixelsOfPNM(t, out), o.Subsampling); worst > 4 {
				t.Errorf("the decoders are %d apart, want <= 4", worst)
			}
		})
	}
}

// pixelsOfPNM returns the samples of a PPM or PGM as djpeg writes it.
func pixelsOfPNM(t *testing.T, b []byte) []byte {
	t.Helper()
	var kind byte
	var width, height, depth int
	if _, err := fmt.Sscanf(string(b[:min(len(b), 40)]), "P%c\n%d %d\n%d\n", &kind, &width, &height, &depth); err != nil {
		t.Fatal(err)
	}
	n := width * height
	if kind == '6' {
		n *= 3
	}
	return b[len(b)-n:]
}

// farthest returns the largest difference between m and samples in packed R, G, B, or gray.
func farthest(m image.Image, pix []byte, s Subsampling) (worst int) {
	size := m.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
			if s == Gray {
				worst = max(worst, apart(c.R, pix[y*size.X+x]))
				continue
			}
			q := pix[3*(y*size.X+x):]
			worst = max(worst, apart(c.R, q[0]), apart(c.G, q[1]), apart(c.B, q[2]))
		}
	}
	return worst
}

func apart(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }
