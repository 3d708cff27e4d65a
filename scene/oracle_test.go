package scene

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// rowsOf returns the pixels, rgb24, that s composes before they are coded: those of every MCU row, with regions on all
// columns.
func rowsOf(t *testing.T, s *Scene, m Image) []byte {
	t.Helper()
	w := s.newWorkspace()
	defer w.forget()
	bg := s.backgroundOf(m.Index)
	for i := range m.Regions {
		if err := w.addRegion(bg, i, &m.Regions[i]); err != nil {
			t.Fatal(err)
		}
	}
	l := s.color
	pix := make([]byte, 3*l.width*l.height)
	for row := range l.down {
		part := image.Rect(0, row*l.mcuHeight, l.width, row*l.mcuHeight+l.rows(row))
		p := w.composeRow(l, bg.color, row, part)
		for y := range p.Rows {
			copy(pix[3*l.width*(part.Min.Y+y):][:3*l.width], p.Pix[y*p.Stride:])
		}
	}
	return pix
}

// TestReference holds what is composed to real numbers: resized, converted, and laid on under the mask in float64, rounded
// once. Samples are within 1 of it. Regions are floats, which no step before rounds to bytes, or bytes that are not resized.
func TestReference(t *testing.T) {
	const seed = 21
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 60 {
		width, height := 40+r.IntN(80), 40+r.IntN(60)
		bg := rgb24(t, width, height, i)
		rect := randomRect(r, width, height)
		d := frame.Desc{Format: frame.RGBF32P, Width: 1 + r.IntN(90), Height: 1 + r.IntN(90)}
		if i%2 == 0 {
			d = frame.Desc{Format: frame.BGR24, Width: max(rect.Width, 1), Height: max(rect.Height, 1)}
		}
		mask := randomMask(r)
		s := build(t, Options{Movable: true}, Background{Frame: bg, Places: []Place{{Rect: rect, Mask: mask}}})
		f := noiseFrame(t, r, d)
		got := rowsOf(t, s, Image{Regions: []Region{{Frame: f}}})

		planes := oracle.Planes(&f)
		for k := range planes {
			planes[k] = oracle.Resize(planes[k], oracle.Whole(d.Width, rect.Width), oracle.Whole(d.Height, rect.Height), oracle.Bilinear)
		}
		for y := range height {
			for x := range width {
				rx, ry := x-rect.X, y-rect.Y
				for c := range 3 {
					at := 3*(y*width+x) + c
					want := float64(bg.Plane(0).Pix[at])
					if rx >= 0 && ry >= 0 && rx < rect.Width && ry < rect.Height {
						m := 1.0
						if mask != nil {
							m = mask.at(float64(rx)+0.5, float64(ry)+0.5, float64(rect.Width), float64(rect.Height)) / 255
						}
						want += m * (planes[c].Pix[ry*rect.Width+rx] - want)
					}
					if diff := math.Abs(float64(got[at]) - math.Floor(want+0.5)); diff > 1 {
						t.Fatalf("case %d of seed %d, %s in %s at %d,%d: got %d, want %.2f", i, seed, d, rect, x, y, got[at], want)
					}
				}
			}
		}
	}
}

// TestReferenceOfResizedBytes is TestReference for regions of bytes that are resized: of noise, which is the worst for the
// sampler's 7-bit weights, a sample may be 2 off; hardly any is.
func TestReferenceOfResizedBytes(t *testing.T) {
	const seed = 22
	r := rand.New(rand.NewPCG(seed, 0))
	far, all := 0, 0
	for range 20 {
		rect := pipeline.Rect{X: 5, Y: 7, Width: 20 + r.IntN(60), Height: 20 + r.IntN(60)}
		bg := rgb24(t, 90, 90, 1)
		f := noiseFrame(t, r, frame.Desc{Format: frame.RGB24, Width: 30 + r.IntN(90), Height: 30 + r.IntN(90)})
		s := build(t, Options{Movable: true}, Background{Frame: bg, Places: []Place{{Rect: rect}}})
		got := rowsOf(t, s, Image{Regions: []Region{{Frame: f}}})
		planes := oracle.Planes(&f)
		for c := range planes {
			p := oracle.Resize(planes[c], oracle.Whole(f.Desc.Width, rect.Width), oracle.Whole(f.Desc.Height, rect.Height), oracle.Bilinear)
			for y := range rect.Height {
				for x := range rect.Width {
					diff := math.Abs(float64(got[3*((rect.Y+y)*90+rect.X+x)+c]) - math.Floor(p.Pix[y*rect.Width+x]+0.5))
					if diff > 2 {
						t.Fatalf("seed %d: got a sample %v off, want 2 at most", seed, diff)
					}
					if diff > 1 {
						far++
					}
					all++
				}
			}
		}
	}
	if far*1000 > all {
		t.Errorf("seed %d: got %d of %d samples more than 1 off, want one in 1000 at most", seed, far, all)
	}
}

// TestAffine holds affine places to real numbers: each pixel of the background whose place is in the region is sampled there,
// bilinearly, and all others stay as they are.
func TestAffine(t *testing.T) {
	const seed, width, height = 23, 150, 110
	r := rand.New(rand.NewPCG(seed, 0))
	bg := rgb24(t, width, height, 3)
	for i := range 40 {
		angle, scale := r.Float64()*7-3.5, 0.3+r.Float64()*1.5
		sin, cos := math.Sincos(angle)
		a := &Affine{
			M:     [6]float64{scale * cos, -scale * sin, r.Float64()*120 - 10, scale * sin, scale * cos * (1 + r.Float64()/3), r.Float64()*90 - 10},
			Width: 1 + r.IntN(80), Height: 1 + r.IntN(80),
		}
		d := frame.Desc{Format: frame.RGB24, Width: a.Width, Height: a.Height}
		if i%3 == 0 { // of another size than a says
			d.Width, d.Height = 1+r.IntN(99), 1+r.IntN(99)
		}
		var mask *Mask
		if i%2 == 0 {
			mask = randomMask(r)
		}
		s := build(t, Options{}, Background{Frame: bg, Places: []Place{{Affine: a, Mask: mask}}})
		f := noiseFrame(t, r, d)
		if s.backgrounds[0].places[0].clip.Empty() {
			continue
		}
		got := composedPart(t, s, f)
		m := a.M
		det := m[0]*m[4] - m[1]*m[3]
		off := 0
		for y := range height {
			for x := range width {
				dx, dy := float64(x)-m[2], float64(y)-m[5]
				u, v := (m[4]*dx-m[1]*dy)/det, (m[0]*dy-m[3]*dx)/det
				inside := u >= -0.5 && v >= -0.5 && u < float64(a.Width)-0.5 && v < float64(a.Height)-0.5
				edge := math.Min(math.Min(u+0.5, v+0.5), math.Min(float64(a.Width)-0.5-u, float64(a.Height)-0.5-v))
				for c := range 3 {
					at := 3*(y*width+x) + c
					want := float64(bg.Plane(0).Pix[at])
					if inside {
						over := bilinearOf(f, (u+0.5)*float64(d.Width)/float64(a.Width), (v+0.5)*float64(d.Height)/float64(a.Height), c)
						k := 1.0
						if mask != nil {
							k = mask.at(u+0.5, v+0.5, float64(a.Width), float64(a.Height)) / 255
						}
						want += k * (over - want)
					}
					if diff := math.Abs(float64(got(x, y, c)) - math.Floor(want+0.5)); diff > 1 && math.Abs(edge) > 1e-9 {
						if off++; off > 3 {
							t.Fatalf("case %d of seed %d, %+v at %d,%d: got %d, want %.2f", i, seed, a, x, y, got(x, y, c), want)
						}
					}
				}
			}
		}
	}
}

// composedPart returns the pixels of an image with one region; outside of its clip, those of the background are not kept, and
// are the background's.
func composedPart(t *testing.T, s *Scene, f frame.Frame) func(x, y, c int) byte {
	t.Helper()
	w := s.newWorkspace()
	t.Cleanup(w.forget)
	bg := s.backgroundOf(0)
	if err := w.addRegion(bg, 0, &Region{Frame: f}); err != nil {
		t.Fatal(err)
	}
	l, clip := s.color, w.regions[0].clip
	pix := make([]byte, 3*l.width*l.height)
	plain := rgb24(t, l.width, l.height, 3)
	copy(pix, plain.Plane(0).Pix)
	for row := clip.Min.Y / l.mcuHeight; row <= (clip.Max.Y-1)/l.mcuHeight; row++ {
		part := image.Rect(clip.Min.X/l.mcuWidth*l.mcuWidth, row*l.mcuHeight, min((clip.Max.X+l.mcuWidth-1)/l.mcuWidth*l.mcuWidth, l.width), row*l.mcuHeight+l.rows(row))
		p := w.composeRow(l, bg.color, row, part)
		for y := range p.Rows {
			copy(pix[3*(l.width*(part.Min.Y+y)+part.Min.X):][:3*part.Dx()], p.Pix[y*p.Stride:])
		}
	}
	return func(x, y, c int) byte { return pix[3*(y*l.width+x)+c] }
}

// bilinearOf returns color c of f, rgb24, at u, v pixels from its corner.
func bilinearOf(f frame.Frame, u, v float64, c int) float64 {
	w, h := f.Desc.Width, f.Desc.Height
	u, v = min(max(u-0.5, 0), float64(w-1)), min(max(v-0.5, 0), float64(h-1))
	x, y := int(u), int(v)
	at := func(x, y int) float64 { return float64(f.Plane(0).Pix[3*(min(y, h-1)*w+min(x, w-1))+c]) }
	fx, fy := u-float64(x), v-float64(y)
	return (at(x, y)*(1-fx)+at(x+1, y)*fx)*(1-fy) + (at(x, y+1)*(1-fx)+at(x+1, y+1)*fx)*fy
}

// TestDecoders: image/jpeg, libjpeg-turbo and ffmpeg decode composed images, without a warning, to what was composed.
func TestDecoders(t *testing.T) {
	djpeg := exttool.Require(t, "djpeg", "libjpeg-turbo-progs")
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	for _, sub := range subsamplings {
		for _, restart := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/restart=%d", sub, restart), func(t *testing.T) {
				s, images := busy(t, Options{Width: 301, Height: 203, Subsampling: sub, Restart: restart, Quality: 90})
				data, _ := compose(t, s, images[3])
				img, err := stdjpeg.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(djpeg, "-nosmooth", "-dct", "int", "-strict", "-rgb", "-pnm")
				if sub == jpeg.Gray {
					cmd = exec.Command(djpeg, "-dct", "int", "-strict", "-pnm")
				}
				same(t, "djpeg", outputOf(t, cmd, data), img)
				// The planes as they are: its conversion to RGB would be another matter.
				format := map[jpeg.Subsampling]string{jpeg.Sub420: "yuvj420p", jpeg.Sub422: "yuvj422p", jpeg.Sub444: "yuvj444p", jpeg.Gray: "gray"}[sub]
				cmd = exec.Command(ffmpeg, "-v", "error", "-xerror", "-err_detect", "explode", "-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-pix_fmt", format, "-")
				samePlanes(t, outputOf(t, cmd, data), img)
			})
		}
	}
}

// outputOf returns what a program makes of data, and wants no complaint.
func outputOf(t *testing.T, cmd *exec.Cmd, data []byte) []byte {
	t.Helper()
	var complaints bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v: %s", cmd.Path, err, complaints.Bytes())
	}
	return out
}

// same wants a PNM to show what image/jpeg has decoded, but for the upsampling of chroma and roundings.
func same(t *testing.T, name string, pnm []byte, img image.Image) {
	t.Helper()
	size := 3
	b := img.Bounds()
	header := fmt.Appendf(nil, "P6\n%d %d\n255\n", b.Dx(), b.Dy())
	if bytes.HasPrefix(pnm, []byte("P5")) {
		size, header[1] = 1, '5'
	}
	pix, ok := bytes.CutPrefix(pnm, header)
	if !ok || len(pix) != size*b.Dx()*b.Dy() {
		t.Fatalf("%s: got %d bytes beginning %q, want %q and the pixels", name, len(pnm), pnm[:min(20, len(pnm))], header)
	}
	sum := 0.0
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			for i, want := range []uint8{c.R, c.G, c.B}[:size] {
				d := float64(pix[size*(y*b.Dx()+x)+i]) - float64(want)
				sum += d * d
			}
		}
	}
	if mse := sum / float64(len(pix)); mse > 4 { // 42 dB
		t.Errorf("%s: got a mean squared difference of %.2f from image/jpeg, want <= 4", name, mse)
	}
}

// samePlanes wants planes, one after the other, to be those of img but for roundings.
func samePlanes(t *testing.T, got []byte, img image.Image) {
	t.Helper()
	var want []byte
	plane := func(pix []byte, stride, width, height int) {
		for y := range height {
			want = append(want, pix[y*stride:][:width]...)
		}
	}
	b := img.Bounds()
	switch m := img.(type) {
	case *image.Gray:
		plane(m.Pix, m.Stride, b.Dx(), b.Dy())
	case *image.YCbCr:
		w, h := b.Dx(), b.Dy()
		plane(m.Y, m.YStride, w, h)
		if m.SubsampleRatio != image.YCbCrSubsampleRatio444 {
			w = (w + 1) / 2
		}
		if m.SubsampleRatio == image.YCbCrSubsampleRatio420 {
			h = (h + 1) / 2
		}
		plane(m.Cb, m.CStride, w, h)
		plane(m.Cr, m.CStride, w, h)
	}
	if len(got) != len(want) {
		t.Fatalf("ffmpeg: got %d bytes of planes, want %d", len(got), len(want))
	}
	sum := 0.0
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		sum += d * d
	}
	if mse := sum / float64(len(want)); mse > 1 {
		t.Errorf("ffmpeg: got a mean squared difference of %.2f from image/jpeg, want <= 1", mse)
	}
}

// TestOverhead: the restart markers of the default interval add 3 % at most to an image of 1080p with the detail of a
// talking head before a plain wall. The image here is smoother than those of cameras, which are larger.
func TestOverhead(t *testing.T) {
	f := rgb24(t, 1920, 1080, 1)
	for _, sub := range subsamplings {
		s := build(t, Options{Subsampling: sub}, Background{Frame: f})
		with, _ := compose(t, s, Image{})
		without := run(t, f, pipeline.Spec{Output: pipeline.Output{Subsampling: sub}})
		if overhead := float64(len(with))/float64(len(without)) - 1; overhead > 0.03 {
			t.Errorf("%s: got %d bytes, %.2f %% more than the %d without restart markers, want 3 %% at most", sub, len(with), 100*overhead, len(without))
		} else {
			t.Logf("%s: %d bytes, %.2f %% more than without restart markers", sub, len(with), 100*overhead)
		}
	}
}
