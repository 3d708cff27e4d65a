package pipeline

import (
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/kernel/pack"
	"github.com/steadyframe/steadyframe/pool"
)

// packStage packs the samples of bands into bytes. Parts write into one buffer, each its own lines.
type packStage struct {
	pool    *pool.Pool
	desc    frame.Desc
	size    int
	lines   int // output lines of a band
	kernels impl.Entry[pack.Kernels]
	planes  [frame.MaxPlanes]rawPlane
}

// rawPlane is where a plane lies in the output.
type rawPlane struct{ offset, rowBytes int }

// newPackStage compiles a valid Spec.
func newPackStage(s Spec, p *pool.Pool, limit impl.Level) *packStage {
	// 8 lines of chroma are the lowest band that a sampler makes: it stays in the first-level cache longest.
	st := &packStage{pool: p, desc: s.rawDesc(), lines: 8 * s.geometry().ChromaY, kernels: pack.Implementations.Best(limit)}
	for i := range st.desc.Format.Planes() {
		_, h, rowBytes := st.desc.PlaneSize(i)
		st.planes[i] = rawPlane{st.size, rowBytes}
		st.size += h * rowBytes
	}
	return st
}

func (st *packStage) begin(sc *scratch) (err error) {
	sc.pix, err = sc.part.of.whole(st.pool, st.size)
	return err
}

func (st *packStage) do(sc *scratch, band int) error {
	if st.desc.Format == frame.I420 {
		st.packYCC(sc.pix, &sc.band.Band, band)
	} else {
		st.packRGB(sc.pix, &sc.band.Band, band)
	}
	return nil
}

func (st *packStage) end(*scratch) error { return nil }

// whole returns the bytes of the one buffer of size bytes that all parts of fr write to.
func (fr *frameRun) whole(p *pool.Pool, size int) ([]byte, error) {
	fr.mu.Lock()
	defer fr.mu.Unlock()
	if fr.parts[0].IsZero() {
		b, err := p.Get(size)
		if err != nil {
			return nil, err
		}
		fr.parts[0] = b
	}
	return fr.parts[0].Bytes(), nil
}

// packRGB packs band i into its lines of pix.
func (st *packStage) packRGB(pix []byte, b *band.Band, i int) {
	k, w, rowBytes := &st.kernels.Kernels, st.desc.Width, st.planes[0].rowBytes
	for y := range b.Lines {
		dst := pix[(i*st.lines+y)*rowBytes:][:rowBytes]
		red, green, blue := line(b, 0, y, w), line(b, 1, y, w), line(b, 2, y, w)
		switch st.desc.Format {
		case frame.RGBA:
			k.RGBA(dst, red, green, blue)
		case frame.RGB24:
			k.RGB24(dst, red, green, blue)
		case frame.BGR24:
			k.RGB24(dst, blue, green, red)
		}
	}
}

// packYCC packs band i into its lines of the three planes of pix. A line of chroma is for two lines of luma.
func (st *packStage) packYCC(pix []byte, b *band.Band, i int) {
	k := &st.kernels.Kernels
	for p := range st.planes {
		at, top, lines := st.planes[p], i*st.lines, b.Lines
		if p > 0 {
			top, lines = top/2, (lines+1)/2
		}
		for y := range lines {
			dst := pix[at.offset+(top+y)*at.rowBytes:][:at.rowBytes]
			src := line(b, p, y, at.rowBytes)
			if p == 0 {
				k.LimitedLuma(dst, src)
			} else {
				k.LimitedChroma(dst, src)
			}
		}
	}
}

// line returns the first w samples of line y of plane p of b.
func line(b *band.Band, p, y, w int) []int16 {
	pl := &b.Planes[p]
	return pl.Pix[y*pl.Stride:][:w:w]
}

func (st *packStage) join(*frameRun) error { return nil }

func (st *packStage) expected() int { return st.size }

func (st *packStage) bound() int { return st.size }

func (st *packStage) bands() (total, unit int) { return (st.desc.Height + st.lines - 1) / st.lines, 1 }

func (st *packStage) addScratch(*scratch) {}

func (st *packStage) scratchBytes() int { return 0 }

func (st *packStage) explain() []string { return []string{"pack: " + st.kernels.Level.String()} }
