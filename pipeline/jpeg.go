package pipeline

import (
	"cmp"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
)

// jpegOutput makes JPEGs. The parts of a picture are runs of its restart segments: the first begins with the headers,
// the last ends with the trailer.
type jpegOutput struct {
	pool    *pool.Pool
	sampler *band.Sampler
	coder   *jpegcore.Coder
	header  []byte
	trailer []byte
	guess   sizeGuess
}

// newJPEGOutput compiles a valid Spec.
func newJPEGOutput(s Spec, p *pool.Pool, limit impl.Level) (*jpegOutput, error) {
	c := s.geometry()
	coder := jpegcore.New(jpegcore.Config{
		Width:           c.Width,
		Height:          c.Height,
		Quality:         cmp.Or(s.Output.Quality, jpeg.DefaultQuality),
		Gray:            c.Space == band.Luma,
		ChromaX:         c.ChromaX,
		ChromaY:         c.ChromaY,
		RestartInterval: int(s.Output.Restart),
		Limit:           limit,
	})
	c.Lines, c.Limit = coder.BandLines(), limit
	sampler, err := band.NewSampler(c)
	if err != nil {
		return nil, err
	}
	o := &jpegOutput{pool: p, sampler: sampler, coder: coder, header: coder.AppendHeader(nil), trailer: coder.AppendTrailer(nil)}
	// 2 bits a pixel: about what natural pictures take at quality 75.
	o.guess.first = len(o.header) + len(o.trailer) + c.Width*c.Height/4
	return o, nil
}

func (o *jpegOutput) encode(sc *scratch, r *run, fr *frameRun, n, first, last int) error {
	size := o.expected()
	if n > 0 { // The first part will hold the whole picture at last; the others are about as large as each other.
		size = size/r.parts + size/(4*r.parts)
	}
	var w writer
	if err := w.open(o.pool, &fr.parts[n], size, o.bound()); err != nil {
		return err
	}
	if first == 0 {
		if err := w.write(o.header); err != nil {
			return err
		}
	}
	o.sampler.Begin(sc.band)
	o.coder.Begin(sc.code, first)
	for i := first; i < last; i++ {
		if err := r.halted(fr); err != nil {
			return err
		}
		o.sampler.Fill(sc.band, &sc.frame, i)
		if err := w.write(o.coder.Encode(sc.code, &sc.band.Band, i)); err != nil {
			return err
		}
	}
	if last == o.coder.Bands() {
		if err := w.write(o.trailer); err != nil {
			return err
		}
	}
	w.close()
	return nil
}

func (o *jpegOutput) join(fr *frameRun) error {
	total := 0
	for i := range fr.parts {
		total += fr.parts[i].Len()
	}
	o.guess.note(total)
	if len(fr.parts) == 1 {
		return nil
	}
	var w writer
	if err := w.open(o.pool, &fr.parts[0], total, o.bound()); err != nil {
		return err
	}
	if err := w.reserve(total - w.n); err != nil {
		return err
	}
	for i := range fr.parts[1:] {
		b := &fr.parts[1+i]
		if err := w.write(b.Bytes()); err != nil {
			return err
		}
		b.Release()
		*b = pool.Buf{}
	}
	w.close()
	return nil
}

// bound is the worst case of the Huffman codes, but no more than a pool lends.
func (o *jpegOutput) bound() int {
	worst := int64(len(o.header)) + int64(o.coder.Bands())*int64(o.coder.MaxBandBytes()) + int64(len(o.trailer))
	return int(min(worst, pool.MaxSize))
}

func (o *jpegOutput) expected() int { return min(o.guess.expected(), o.bound()) }

func (o *jpegOutput) bands() (total, unit int) { return o.coder.Bands(), o.coder.RunBands() }

func (o *jpegOutput) newScratch() *scratch {
	return &scratch{band: o.sampler.NewScratch(), code: o.coder.NewScratch()}
}

func (o *jpegOutput) scratchBytes() int { return o.sampler.ScratchBytes() + o.coder.ScratchBytes() }

func (o *jpegOutput) explain() []string {
	return append(lines(o.sampler.Explain()), lines(o.coder.Explain())...)
}

// sizeGuess follows the size of a pipeline's JPEGs: up at once, down slowly, so that one small picture among large ones
// does not make the next grow. It decides how much memory is asked for and nothing else; of two notes at the same time
// one may be lost.
type sizeGuess struct {
	first  int          // until there is a picture
	recent atomic.Int64 // 0 at first
}

// note takes in a picture of n bytes.
func (g *sizeGuess) note(n int) {
	recent, next := g.recent.Load(), int64(n)
	if next < recent {
		next = recent - (recent-next)/64
	}
	g.recent.Store(next)
}

// expected returns what to ask for: an eighth more than the largest of late.
func (g *sizeGuess) expected() int {
	recent := int(g.recent.Load())
	if recent == 0 {
		return g.first
	}
	return recent + recent/8
}
