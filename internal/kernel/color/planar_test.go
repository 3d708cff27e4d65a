package color

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/resample"
	"github.com/steadyframe/steadyframe/internal/testkit/kerneltest"
)

// planes is rows of R, G and B, each with a stride and an alignment of its own.
type planes struct {
	rgb [3]Rows
	src [3][2]kerneltest.Slice[byte] // by channel and line
}

// randomPlanes returns so many rows of width bytes for each line.
func randomPlanes(r *rand.Rand, width, rows int) *planes {
	p := new(planes)
	for c := range p.rgb {
		p.rgb[c].Stride, p.rgb[c].Ahead = width+r.IntN(70), r.IntN(1<<16)
		for line := range 2 {
			p.src[c][line] = kerneltest.Copy(kerneltest.Bytes(r, (rows-1)*p.rgb[c].Stride+width), r.IntN(64), byte(r.Uint32()))
		}
		p.rgb[c].Upper, p.rgb[c].Lower = p.src[c][0].S, p.src[c][1].S
	}
	return p
}

// wantPlanar is what PlanarLines makes, as the package defines it: Y of two lines, Cb and Cr.
func wantPlanar(rgb *[3]Rows, width int) (want [4][]int16) {
	var lines [2][3][]int16
	for line := range lines {
		var words [3][]int16
		for c := range words {
			for _, b := range rgb[c].of(line)[:width] {
				words[c] = append(words[c], int16(b)<<7)
			}
		}
		lines[line] = wantRows(words, 2)
		for _, y := range lines[line][0] {
			want[line] = append(want[line], (y+4)>>3)
		}
	}
	for i := range lines[0][1] {
		for c := 1; c < 3; c++ {
			want[1+c] = append(want[1+c], int16((int(lines[0][c][i])+int(lines[1][c][i])+8)>>4))
		}
	}
	return want
}

// interleaved returns the planes as pixels of three bytes, R first.
func (p *planes) interleaved(width int) Rows {
	rows := Rows{Stride: 3 * width}
	for line, pix := range []*[]byte{&rows.Upper, &rows.Lower} {
		for row := range 2 {
			for x := range width {
				for c := range p.rgb {
					*pix = append(*pix, p.rgb[c].of(line)[row*p.rgb[c].Stride+x])
				}
			}
		}
	}
	return rows
}

func TestPlanarLines(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for range 8 {
				p := randomPlanes(r, width, 1)
				checkLines(t, r, width, wantPlanar(&p.rgb, width), func(dst Lines) { k.PlanarLines(dst, p.rgb) })
			}
		})
	})
}

func TestHalvedPlanarLines(t *testing.T) {
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for range 8 {
				p := randomPlanes(r, 2*width, 2)
				want := wantHalved(p.interleaved(2*width), width, Packed{Step: 3, RedFirst: true})
				checkLines(t, r, width, want, func(dst Lines) { k.HalvedPlanarLines(dst, p.rgb) })
			}
		})
	})
}

// checkLines wants run to make the lines.
func checkLines(t *testing.T, r *rand.Rand, width int, want [4][]int16, run func(dst Lines)) {
	t.Helper()
	upper, lower := makeRows(r, width, (width+1)/2), makeRows(r, width, 0)
	run(Lines{Y: [2][]int16{upper[0].S, lower[0].S}, Cb: upper[1].S, Cr: upper[2].S})
	upper.check(t, [3][]int16{want[0], want[2], want[3]})
	lower.check(t, [3][]int16{want[1], nil, nil})
}

// randomPlanarResize returns a PlanarResize to width samples.
func randomPlanarResize(r *rand.Rand, width int) *PlanarResize {
	z := randomResize(r, width)
	p := &PlanarResize{Bytes: z.Bytes / z.Step, To: ToYCC + Planes(r.IntN(3))}
	for _, t := range z.Taps {
		p.Taps = append(p.Taps, resample.Tap{Offset: t.Offset / uint32(z.Step), Weight: t.Weight})
	}
	return p
}

// wantPlanarResized is what z makes in plain Go, one step after the other.
func wantPlanarResized(z *PlanarResize, rgb [3][]byte) [3][]int16 {
	n := len(z.Taps)
	var rows [3][]int16
	for c := range rows {
		rows[c] = make([]int16, n)
		resample.Implementations.Best(impl.Generic).Kernels.Plane(rows[c], rgb[c], z.Taps, false)
	}
	switch z.To {
	case ToYCC:
		return wantRows(rows, 1)
	case ToYCCHalf:
		return wantRows(rows, 2)
	}
	return [3][]int16{wantRows(rows, 1)[0]}
}

func TestPlanarResized(t *testing.T) {
	served := map[impl.Level]int{}
	kerneltest.Each(t, &Implementations, func(t *testing.T, k Kernels) {
		kerneltest.Widths(t, func(width int, r *rand.Rand) {
			for shift := range 16 {
				if width == 0 {
					return
				}
				z := randomPlanarResize(r, width)
				resized := k.ResizePlanar(z)
				if resized == nil {
					continue
				}
				served[resized.Level]++
				var rgb [3][]byte
				for c := range rgb {
					rgb[c] = kerneltest.Copy(kerneltest.Bytes(r, z.Bytes), shift+c, byte(r.Uint32())).S
				}
				want := wantPlanarResized(z, rgb)
				var dst [3][]int16
				var whole [3]kerneltest.Slice[int16]
				for i := range dst {
					dst[i], whole[i] = roomy(len(want[i]), shift%5)
				}
				resized.Row(dst, rgb, 1<<16)
				for i := range dst {
					whole[i].Check(t, "dst")
					kerneltest.Same(t, "dst", dst[i], want[i])
				}
			}
		})
	})
	for level, n := range served {
		if n < 1000 {
			t.Errorf("got %d resizes served by %s, want a quarter of 4112", n, level)
		}
	}
	if got, want := len(served), len(Implementations.All())-1; got != want && runtime.GOARCH == "amd64" {
		t.Errorf("got resizes served at %d levels, want %d", got, want)
	}
}
