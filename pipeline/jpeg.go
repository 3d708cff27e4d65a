package pipeline

import (
	"cmp"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
)

// codeStage codes bands as JPEGs. The parts of a JPEG are runs of its restart segments: the first begins with the headers,
// the last ends with the trailer.
type codeStage struct {
	pool    *pool.Pool
	coder   *jpegcore.Coder
	header  []byte
	trailer []byte
	guess   sizeGuess
}

// newCodeStage compiles a valid Spec.
func newCodeStage(s Spec, p *pool.Pool, limit impl.Level) *codeStage {
	c := s.geometry()
	coder := jpegcore.New(jpegcore.Config{
		Width:           c.Width,
		Height:          c.Height,
		Quality:         cmp.Or(s.Output.Quality, jpeg.DefaultQuality),
		Gray:            c.Space == band.Luma,
		ChromaX:         c.ChromaX,
		ChromaY:         c.ChromaY,
		RestartInterval: int(s.Output.interval()),
		Limit:           limit,
	})
	st := &codeStage{pool: p, coder: coder, header: coder.AppendHeader(nil), trailer: coder.AppendTrailer(nil)}
	// 2 bits a pixel: about what natural images take at quality 75.
	st.guess.first = len(st.header) + len(st.trailer) + c.Width*c.Height/4
	return st
}

func (st *codeStage) begin(sc *scratch) error {
	pt := &sc.part
	size := st.expected()
	if pt.n > 0 { // The first part will hold the whole JPEG at last; the others are about as large as each other.
		size = size/pt.parts + size/(4*pt.parts)
	}
	if err := sc.writer.Open(st.pool, &pt.of.parts[pt.n], size, st.bound()); err != nil {
		return err
	}
	st.coder.Begin(sc.code, pt.first)
	if pt.first == 0 {
		return sc.writer.Write(st.header)
	}
	return nil
}

func (st *codeStage) do(sc *scratch, band int) error {
	return sc.writer.Write(st.coder.Encode(sc.code, &sc.band.Band, band, sc.ahead))
}

func (st *codeStage) end(sc *scratch) error {
	if sc.part.last == st.coder.Bands() {
		if err := sc.writer.Write(st.trailer); err != nil {
			return err
		}
	}
	sc.writer.Close()
	return nil
}

func (st *codeStage) join(fr *frameRun) error {
	total := 0
	for i := range fr.parts {
		total += fr.parts[i].Len()
	}
	st.guess.note(total)
	if len(fr.parts) == 1 {
		return nil
	}
	var w reuse.Writer
	if err := w.Open(st.pool, &fr.parts[0], total, st.bound()); err != nil {
		return err
	}
	if err := w.Reserve(total - w.Len()); err != nil {
		return err
	}
	for i := range fr.parts[1:] {
		b := &fr.parts[1+i]
		if err := w.Write(b.Bytes()); err != nil {
			return err
		}
		b.Release()
		*b = pool.Buf{}
	}
	w.Close()
	return nil
}

// bound is the worst case of the Huffman codes, but no more than a pool lends.
func (st *codeStage) bound() int {
	worst := int64(len(st.header)) + int64(st.coder.Bands())*int64(st.coder.MaxBandBytes()) + int64(len(st.trailer))
	return int(min(worst, pool.MaxSize))
}

func (st *codeStage) expected() int { return min(st.guess.expected(), st.bound()) }

func (st *codeStage) bands() (total, unit int) { return st.coder.Bands(), st.coder.RunBands() }

func (st *codeStage) addScratch(sc *scratch) { sc.code = st.coder.NewScratch() }

func (st *codeStage) scratchBytes() int { return st.coder.ScratchBytes() }

func (st *codeStage) explain() []string { return lines(st.coder.Explain()) }

// sizeGuess follows the size of a pipeline's JPEGs: up at once, down slowly, so that after one small JPEG among
// large ones the next need not grow. It decides only how much memory to ask for; of two notes at the same time one may be
// lost.
type sizeGuess struct {
	first  int          // until there is a JPEG
	recent atomic.Int64 // 0 at first
}

// note takes in a JPEG of n bytes.
func (g *sizeGuess) note(n int) {
	recent, next := g.recent.Load(), int64(n)
	if next < recent {
		next = recent - (recent-next)/64
	}
	g.recent.Store(next)
}

// expected returns what to ask for: an eighth more than the largest recent one.
func (g *sizeGuess) expected() int {
	recent := int(g.recent.Load())
	if recent == 0 {
		return g.first
	}
	return recent + recent/8
}
