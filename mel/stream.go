package mel

import "slices"

// Stream computes features of sound that arrives in chunks. They equal those that [Mel.Append] computes for all chunks as one
// sound, bit for bit; only the Range of a Log differs. One goroutine at a time may use a Stream.
//
// A frame comes out of the call that brings its last sample, so every hop of sound brings a frame. Where frames are centered,
// that sample is half of Spec.FFT behind the frame's center. Resampling needs some more: see [Mel.Latency].
type Stream struct {
	m       *Mel
	memory  *streamMemory // nil after Close
	held    []float32     // samples of the input from base on that are still needed, in memory.input
	base    int
	end     int // samples of the input so far
	next    int // frame
	largest float32
	key     uint64 // of the sound
}

// streamMemory is what streams use again.
type streamMemory struct {
	input   []float32
	scratch *scratch
}

// Stream returns a new Stream, which the caller closes. Close returns its memory to m for the next Stream.
func (m *Mel) Stream() *Stream {
	s := &Stream{m: m, memory: m.streams.get()}
	s.Reset()
	return s
}

func (m *Mel) newStreamMemory() *streamMemory {
	// What a block of frames is made of, and as much again to come in at a time.
	n := (m.lanes-1)*m.spec.Hop + m.spec.FFT + 4
	if m.resampler != nil {
		first, end := m.resampler.reach(0, n)
		n = end - first + 4
	}
	return &streamMemory{input: make([]float32, 2*n), scratch: m.newScratch()}
}

// Latency returns how long a Stream waits for a frame, in samples of the input: from the center of the frame, or from its
// beginning where frames are Inside, to the sample with which it comes out.
func (m *Mel) Latency() int {
	behind := m.begins + m.spec.Window - m.lead
	if m.resampler == nil {
		return behind
	}
	_, end := m.resampler.reach(behind-1, behind)
	return end
}

// Reset drops all sound so far. The next chunk begins a new sound.
func (s *Stream) Reset() {
	s.mustBeOpen()
	s.held, s.base, s.end, s.next = s.memory.input[:0], 0, 0, 0
	s.key = s.m.sounds.Add(1)
}

// Close returns the memory of s to its Mel. Afterwards every method of s panics, Close among them.
func (s *Stream) Close() {
	s.mustBeOpen()
	s.m.streams.put(s.memory)
	s.memory, s.held = nil, nil
}

func (s *Stream) mustBeOpen() {
	if s.memory == nil {
		panic("mel: Stream used after Close")
	}
}

// Append reads a chunk of sound and appends to dst the features of the frames that it completes. It borrows pcm until it
// returns.
func (s *Stream) Append(dst, pcm []float32) []float32 {
	s.mustBeOpen()
	for len(pcm) > 0 {
		n := s.room(len(pcm))
		s.held = append(s.held, pcm[:n]...)
		pcm = pcm[n:]
		dst = s.advance(dst, n, false)
	}
	return dst
}

// AppendPCM16 is Append for 16-bit little-endian samples. It ignores an odd byte at the end: a chunk is whole samples.
func (s *Stream) AppendPCM16(dst []float32, pcm []byte) []float32 {
	s.mustBeOpen()
	for len(pcm) >= 2 {
		n := s.room(len(pcm) / 2)
		at := len(s.held)
		s.held = s.held[:at+n]
		s.m.k.PCM16(s.held[at:], pcm[:2*n])
		pcm = pcm[2*n:]
		dst = s.advance(dst, n, false)
	}
	return dst
}

// Flush ends the sound and appends to dst the features of the frames that reach beyond its end. The next chunk begins a new
// sound.
func (s *Stream) Flush(dst []float32) []float32 {
	s.mustBeOpen()
	dst = s.advance(dst, 0, true)
	s.Reset()
	return dst
}

// room drops the samples that no frame needs any more, and returns how many of n samples there is room for.
func (s *Stream) room(n int) int {
	m := s.m
	// The frame's first sample, and one before it for pre-emphasis.
	first := s.next*m.spec.Hop - m.lead - 1
	if m.resampler != nil && first > 0 {
		first, _ = m.resampler.reach(first, first+1)
		first-- // inputs takes one before
	}
	if drop := first - s.base; drop > 0 {
		drop = min(drop, len(s.held))
		s.held = s.held[:copy(s.held, s.held[drop:])]
		s.base += drop
	}
	return min(n, cap(s.held)-len(s.held))
}

// advance computes the frames that n more samples complete, or with last, all remaining ones.
func (s *Stream) advance(dst []float32, n int, last bool) []float32 {
	m := s.m
	s.end += n
	in := sound{f32: s.held, base: s.base, end: s.end, whole: last, key: s.key}
	in.total = m.total(&in)
	frames := s.ready(in.total)
	if last {
		frames = m.frames(in.total)
	}
	for s.next < frames {
		count := min(m.lanes, frames-s.next)
		at := len(dst)
		dst = slices.Grow(dst, count*m.spec.Bands)[:at+count*m.spec.Bands]
		m.block(s.memory.scratch, dst[at:], &in, s.next, count)
		if m.limits.reach > 0 {
			s.limit(dst[at:])
		}
		s.next += count
	}
	return dst
}

// ready returns how many frames n samples of the Spec's rate complete when more samples follow.
func (s *Stream) ready(n int) int {
	m := s.m
	// Frame i needs the samples below i*Hop + behind.
	behind := m.begins + m.spec.Window - m.lead
	if m.spec.Frames != Inside && n <= m.lead {
		return s.next // the samples that are reflected at the beginning have not arrived
	}
	if n < behind {
		return s.next
	}
	ready := (n-behind)/m.spec.Hop + 1
	if m.spec.Frames == CenteredDropLast {
		ready = min(ready, m.frames(n))
	}
	return max(ready, s.next)
}

// limit applies the Range of a Log, frame by frame.
func (s *Stream) limit(features []float32) {
	m := s.m
	for i := 0; i < len(features); i += m.spec.Bands {
		frame := features[i : i+m.spec.Bands]
		most := largest(frame)
		if s.next > 0 || i > 0 {
			most = max(most, s.largest)
		}
		s.largest = most
		m.limits.apply(frame, most)
	}
}
