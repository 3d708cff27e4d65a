package lent

import "sync"

// A pool into which nothing is put is of no use.
type frame struct{ data []byte }

var frames = sync.Pool{New: func() any { return new(frame) }}

type reader struct {
	in      chan *frame
	packets *sync.Pool
	last    []byte
}

func newReader() *reader {
	return &reader{in: make(chan *frame), packets: &sync.Pool{New: func() any { return make([]byte, 1500) }}}
}

// Wrong.

func (r *reader) frame() {
	f := frames.Get().(*frame) // want `f from frames.Get is never put back: nothing in this package puts a value into frames`
	r.in <- f
}

func (r *reader) packet() {
	p := r.packets.Get().([]byte) // want `p from r.packets.Get is never put back: nothing in this package puts a value into reader.packets`
	r.last = p
}

// Right.

// Another may put into a pool that came from elsewhere.
type shared struct {
	packets *sync.Pool
	last    []byte
}

func newShared(p *sync.Pool) *shared { return &shared{packets: p} }

func (s *shared) packet() {
	p := s.packets.Get().([]byte)
	s.last = p
}

// Frames is for all.
var Frames = sync.Pool{New: func() any { return new(frame) }}

func (r *reader) shared() {
	r.in <- Frames.Get().(*frame)
}

// The Put may be by another name.
var sized [4]sync.Pool

func (r *reader) sized(n int) {
	r.last = sized[n].Get().([]byte)
}

func (r *reader) free(n int) { sized[n].Put(&r.last) }

var later sync.Pool

var putLater = later.Put

func (r *reader) fromLater() {
	r.last = later.Get().([]byte)
}
