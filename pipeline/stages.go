package pipeline

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/jpegcore"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/pool"
)

// newStages returns the stages of a valid Spec, in the order in which each band passes them, and the last of them as the
// sink. The list is the pipeline:
//
//	sample  make the band's lines of samples from the frame: crop, resize and convert, in one pass
//	...     change samples in place: a stage that composes goes here
//	code    code the samples, for a JPEG; or
//	pack    pack them into pixels, for a raw output
//
// A raw output that is a part of the frame, unchanged, has the one stage copy.
func newStages(s Spec, p *pool.Pool, limit impl.Level) ([]stage, sink, error) {
	if c := newCopyStage(s, p); c != nil {
		return []stage{c}, c, nil
	}
	var out sink
	var lines int
	if s.Output.Format == JPEG {
		code := newCodeStage(s, p, limit)
		out, lines = code, code.coder.BandLines()
	} else {
		pack := newPackStage(s, p, limit)
		out, lines = pack, pack.lines
	}
	sample, err := newSampleStage(s, lines, limit)
	if err != nil {
		return nil, nil, err
	}
	return []stage{sample, out}, out, nil
}

// stage does one thing to the bands of a part, one after the other. All workers share it. It is immutable but for the
// sink's guess of sizes; the state of a part is in the scratch.
type stage interface {
	// begin is called before the first band of sc.part, end after the last, unless there was an error.
	begin(sc *scratch) error
	do(sc *scratch, band int) error
	end(sc *scratch) error

	// addScratch adds the memory that one worker needs to sc, of scratchBytes.
	addScratch(sc *scratch)
	scratchBytes() int

	// explain returns lines that say what the stage does, with the kernels chosen.
	explain() []string
}

// sink is the last stage: it writes the bytes of the output.
type sink interface {
	stage
	// join makes fr.parts[0] the whole output, of its final length. All parts are finished.
	join(fr *frameRun) error
	// expected returns the bytes that the next output will probably take, bound those that none exceeds.
	expected() int
	bound() int
	// bands returns the bands of an output, and after how many of them each it can be split.
	bands() (total, unit int)
}

// scratch is the memory of one worker, and the part that it works on.
type scratch struct {
	frame frame.Frame // borrows what Run borrows; zero between runs
	ahead []byte      // of the frame: what the next band is made of, to be fetched meanwhile
	part  part

	band   *band.Scratch     // of sample: the samples of the band
	code   *jpegcore.Scratch // of code
	writer reuse.Writer      // of code: to the part's buffer
	pieces []piece           // of changes
	pix    []byte            // of pack and copy: the bytes of the whole output
}

// part is what one task makes: part n of the frame's, which is bands first..last-1.
type part struct {
	of          *frameRun
	n, parts    int
	first, last int
}

// forget drops what sc refers to but its own memory.
func (sc *scratch) forget() {
	sc.frame, sc.ahead, sc.part, sc.writer, sc.pix = frame.Frame{}, nil, part{}, reuse.Writer{}, nil
}

// encode passes the bands of sc.part through all stages. It is the only loop over bands. Before each band it checks
// whether the run has ended.
func (p *Pipeline) encode(sc *scratch, r *run) error {
	for _, st := range p.stages {
		if err := st.begin(sc); err != nil {
			return err
		}
	}
	for band := sc.part.first; band < sc.part.last; band++ {
		if err := r.halted(sc.part.of); err != nil {
			return err
		}
		if r.rows != nil {
			if err := r.rows(p.rowsUntil(band)); err != nil {
				return err
			}
		}
		for _, st := range p.stages {
			if err := st.do(sc, band); err != nil {
				return err
			}
		}
	}
	for _, st := range p.stages {
		if err := st.end(sc); err != nil {
			return err
		}
	}
	return nil
}

// rowsUntil returns how many rows of a frame must be there for that band: all of them for the last.
func (p *Pipeline) rowsUntil(band int) int {
	total, _ := p.out.bands()
	if st, ok := p.stages[0].(*sampleStage); ok && band < total-1 {
		return st.sampler.RowsUntil(band)
	}
	return p.spec.Input.Height
}

// newScratch returns the memory of one worker, of scratchBytes together.
func (p *Pipeline) newScratch() *scratch {
	sc := &scratch{}
	for _, st := range p.stages {
		st.addScratch(sc)
	}
	if p.changes != nil {
		sc.pieces = make([]piece, 0, p.changes.maxPieces())
	}
	return sc
}

func (p *Pipeline) scratchBytes() (n int) {
	for _, st := range p.stages {
		n += st.scratchBytes()
	}
	if p.changes != nil {
		n += p.changes.maxPieces() * int(unsafe.Sizeof(piece{}))
	}
	return n
}

// sampleStage makes the samples of bands from frames: crop, resize and color conversion in one pass.
type sampleStage struct{ sampler *band.Sampler }

// newSampleStage compiles the geometry of a valid Spec, for bands of that many lines.
func newSampleStage(s Spec, lines int, limit impl.Level) (*sampleStage, error) {
	c := s.geometry()
	c.Lines, c.Limit = lines, limit
	sampler, err := band.NewSampler(c)
	if err != nil {
		return nil, err
	}
	return &sampleStage{sampler}, nil
}

func (st *sampleStage) begin(sc *scratch) error {
	st.sampler.Begin(sc.band)
	return nil
}

func (st *sampleStage) do(sc *scratch, band int) error {
	st.sampler.Fill(sc.band, &sc.frame, band)
	sc.ahead = nil
	if band+1 < sc.part.last {
		sc.ahead = st.sampler.Ahead(sc.frame.Planes(), band)
	}
	return nil
}

func (st *sampleStage) end(*scratch) error { return nil }

func (st *sampleStage) addScratch(sc *scratch) { sc.band = st.sampler.NewScratch() }

func (st *sampleStage) scratchBytes() int { return st.sampler.ScratchBytes() }

func (st *sampleStage) explain() []string { return lines(st.sampler.Explain()) }
