package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"

	"github.com/steadyframe/steadyframe/frame"
)

// verdict is what a rival's images are worth: means over some frames.
type verdict struct {
	Bytes float64 `json:"bytes"` // of an image
	PSNR  float64 `json:"psnr_db"`
	SSIM  float64 `json:"ssim"`
}

// judged is how many frames are looked at.
const judged = 6

// leastPSNR returns what the worst image has, by far. Below it an image shows something else: colors exchanged, a border,
// another frame. Noise is what quantization loses first.
func (w *workload) leastPSNR() float64 {
	if w.noise > 0 || w.quality < usualQuality {
		return 20
	}
	return 25
}

// judge compares a rival's images with a float reference: the frame, resized with half-pixel centers and bilinear
// weights, or by areas, in float64, and not rounded. Images that show something else are an error: who does other work has no place
// in the table.
func judge(w *workload, e encoder) (verdict, error) {
	var v verdict
	n := min(judged, len(w.frames))
	for i := range n {
		f := w.frames[i*len(w.frames)/n]
		data, err := e.Encode(f)
		if err != nil {
			return v, err
		}
		got, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			return v, fmt.Errorf("peers: the image does not decode: %w", err)
		}
		if got.Bounds().Dx() != w.width || got.Bounds().Dy() != w.height {
			return v, fmt.Errorf("peers: image: got %v, want %dx%d", got.Bounds(), w.width, w.height)
		}
		want := reference(w, f)
		v.Bytes += float64(len(data)) / float64(n)
		db := psnr(got, want)
		if db < w.leastPSNR() {
			return v, fmt.Errorf("peers: image of frame %d: got a PSNR of %.1f dB, want %.0f or more: it shows something else", i, db, w.leastPSNR())
		}
		v.PSNR += db / float64(n)
		v.SSIM += ssim(got, want) / float64(n)
	}
	return v, nil
}

// plane3 is R, G, B of an image, 0..255, in float.
type plane3 struct {
	width, height int
	rgb           [][3]float64
}

// reference returns what the image of a frame should be.
func reference(w *workload, f []byte) *plane3 {
	packed := f
	if w.in.Format != frame.BGR24 {
		packed = packedOfFloats(make([]byte, len(f)/4), f)
	}
	width, height := w.width, w.height
	if w.onto != nil {
		width, height = w.onto.rect.Width, w.onto.rect.Height
	}
	p := &plane3{width, height, make([][3]float64, width*height)}
	at := func(x, y, c int) float64 { return float64(packed[3*(y*w.in.Width+x)+2-c]) }
	taps := between
	if w.area {
		taps = covered
	}
	for y := range height {
		down := taps(y, height, w.in.Height)
		for x := range width {
			across := taps(x, width, w.in.Width)
			for c := range 3 {
				for _, v := range down {
					for _, h := range across {
						p.rgb[y*width+x][c] += at(h.at, v.at, c) * h.weight * v.weight
					}
				}
			}
		}
	}
	if w.onto != nil {
		return w.onto.lay(p, w.width, w.height)
	}
	return p
}

// tap is an input sample and its weight in an output sample.
type tap struct {
	at     int
	weight float64
}

// between returns the two input samples around output sample i.
func between(i, out, in int) []tap {
	pos := min(max((float64(i)+0.5)*float64(in)/float64(out)-0.5, 0), float64(in-1))
	first := int(pos)
	second := pos - float64(first)
	return []tap{{first, 1 - second}, {min(first+1, in-1), second}}
}

// covered returns the input samples that output sample i covers, where there are more of those.
func covered(i, out, in int) (taps []tap) {
	ratio := float64(in) / float64(out)
	from, to := float64(i)*ratio, min(float64(i+1)*ratio, float64(in))
	for at := int(from); float64(at) < to; at++ {
		taps = append(taps, tap{at, (min(float64(at+1), to) - max(float64(at), from)) / ratio})
	}
	return taps
}

// psnr returns the peak signal-to-noise ratio of R, G and B together, in dB.
func psnr(got image.Image, want *plane3) float64 {
	var sum float64
	b := got.Bounds()
	for y := range want.height {
		for x := range want.width {
			r, g, bl, _ := got.At(b.Min.X+x, b.Min.Y+y).RGBA()
			for c, v := range [3]uint32{r, g, bl} {
				d := float64(v)/257 - want.rgb[y*want.width+x][c]
				sum += d * d
			}
		}
	}
	return 10 * math.Log10(255*255*float64(3*len(want.rgb))/sum)
}

// ssim returns the mean structural similarity of the luma over windows of 8x8 that lie 4 apart (Wang, Bovik, Sheikh,
// Simoncelli 2004, with flat windows).
func ssim(got image.Image, want *plane3) float64 {
	const window, step = 8, 4
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	a, b := make([]float64, len(want.rgb)), make([]float64, len(want.rgb))
	min := got.Bounds().Min
	for i, v := range want.rgb {
		r, g, bl, _ := got.At(min.X+i%want.width, min.Y+i/want.width).RGBA()
		a[i] = (0.299*float64(r) + 0.587*float64(g) + 0.114*float64(bl)) / 257
		b[i] = 0.299*v[0] + 0.587*v[1] + 0.114*v[2]
	}
	var sum float64
	windows := 0
	for y := 0; y+window <= want.height; y += step {
		for x := 0; x+window <= want.width; x += step {
			var sa, sb, saa, sbb, sab float64
			for j := range window {
				for i := range window {
					p, q := a[(y+j)*want.width+x+i], b[(y+j)*want.width+x+i]
					sa, sb, saa, sbb, sab = sa+p, sb+q, saa+p*p, sbb+q*q, sab+p*q
				}
			}
			const n = window * window
			ma, mb := sa/n, sb/n
			va, vb, cov := saa/n-ma*ma, sbb/n-mb*mb, sab/n-ma*mb
			sum += (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
			windows++
		}
	}
	return sum / float64(windows)
}
