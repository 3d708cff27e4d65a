package twice

import (
	"bytes"
	"io"
	"sync"
)

var streams = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// stream keeps two buffers until it is closed.
type stream struct {
	in, out *bytes.Buffer
	open    bool
	r       io.Reader
}

// close puts both back, and leaves them where they are.
func (s *stream) close() {
	if !s.open {
		return
	}
	s.open = false
	streams.Put(s.in)
	streams.Put(s.out)
}

func (s *stream) read(p []byte) {
	if _, err := s.r.Read(p); err != nil {
		s.close()
		return
	}
	s.in.Write(p)
}

// handle does not know whether read has closed the stream.
func (s *stream) handle(p []byte) int {
	s.read(p)
	return s.in.Len() // want `s.read, called in line 38, puts back what is in in in line 24 and leaves it there: by now it may be somebody else's`
}

func handleOther(s *stream, p []byte) {
	if s.open {
		s.read(p)
	}
	streams.Put(s.out) // want `s.read, called in line 44, puts back what is in out in line 25 and leaves it there`
}

// Right: it asks.
func (s *stream) handleAsking(p []byte) int {
	s.read(p)
	if !s.open {
		return 0
	}
	return s.in.Len()
}

// Right: the field has another since.
func (s *stream) handleAnew(p []byte) int {
	s.read(p)
	s.in = new(bytes.Buffer)
	return s.in.Len()
}

// drop puts back what it has, and has nothing then.
func (s *stream) drop() {
	streams.Put(s.in)
	s.in = nil
}

// Right: there is none.
func (s *stream) handleDropped() *bytes.Buffer {
	s.drop()
	return s.in
}

// renew sets what drop leaves.
func (s *stream) renew() {
	s.close()
	s.set()
}

func (s *stream) set() {
	s.in, s.out = streams.Get().(*bytes.Buffer), streams.Get().(*bytes.Buffer)
}

// Right: it has new ones.
func (s *stream) handleRenewed() int {
	s.renew()
	return s.in.Len()
}
