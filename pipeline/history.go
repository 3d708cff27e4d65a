package pipeline

import (
	"unsafe"

	"github.com/steadyframe/steadyframe/pool"
)

// History is what a stream's last image left for the next one, where Output.Reuse asks for it: the source of restart segments,
// and their bytes. It belongs to one stream: set Batch.History of every batch of its frames, in order. The zero History is ready.
// When the Spec changes it begins anew. Call Release at the end.
//
// Its memory is the pool's: a copy of the frame, and the last image, which it retains. So nobody may change an image of the
// stream, or its length, before the second image after it. What does not fit half of the pool's budget is not taken: then
// frames are encoded in full. A History is for one Run at a time.
type History struct {
	spec  Spec
	pool  *pool.Pool // nil: there was no frame yet
	retry int        // frames until memory is asked for again

	memory, imageMemory pool.Grant
	imageBytes          int64    // of imageMemory
	kept                pool.Buf // the source of the kept segments, as changes lays it out; zero: nothing is kept
	source              []byte   // of kept
	image               pool.Buf // the last one; zero: no segment is kept
	coded               []byte   // of image
	segments            []segment
	starts, next        []int // where the segments begin in the last image, and in the one that is made; and where the last ends

	counts [2]uint64 // of reused segments, and of all
}

// segment is the state of a restart segment.
type segment struct {
	kept  bool // its source and its bytes are those of the last image
	use   use
	score uint8 // of recent changes
	wait  uint8 // frames until it is kept again
}

// use is what is done with a segment of an image.
type use uint8

const (
	code    use = iota // coded
	codeNew            // coded, and kept for the next frame
	reused             // copied from the last image
)

// A change of a kept segment adds changeScore to its score, and that it was the same takes 1 off. So a segment must be the same
// in two of three frames to stay kept: less is not worth the copies of its source. Every second point above the first two
// doubles how many frames it rests after a change, up to 63 or so.
const (
	changeScore = 2
	mostScore   = 14
)

// changed notes that segment n, which was kept, has changed.
func (s *segment) changed(n int) {
	s.kept = false
	s.score = min(s.score+changeScore, mostScore)
	s.wait = 1<<(s.score/2-1) - 1
	if s.wait > 1 { // Segments that begin to move together do not wake together.
		s.wait += uint8(n*37%int(s.wait/2+1)) - s.wait/4
	}
}

// retryAfter is how many frames are encoded in full where there was no memory, before it is asked for again.
const retryAfter = 64

// Release gives the memory back. The History is then as new, but for Counts.
func (h *History) Release() {
	h.close()
	h.pool, h.spec, h.retry = nil, Spec{}, 0
}

// close gives the memory back.
func (h *History) close() {
	h.forget()
	h.kept.Release()
	h.memory.Release()
	h.imageMemory.Release()
	h.kept, h.source, h.memory, h.imageMemory, h.imageBytes = pool.Buf{}, nil, pool.Grant{}, pool.Grant{}, 0
}

// forget keeps no segment.
func (h *History) forget() {
	h.image.Release()
	h.image, h.coded = pool.Buf{}, nil
	for i := range h.segments {
		h.segments[i].kept = false
	}
}

// Counts returns how many restart segments were copied from the image before, and how many there were, in all images made with h.
func (h *History) Counts() (reused, all uint64) { return h.counts[0], h.counts[1] }

// begin prepares for the next frame of p. It returns false when that is to be encoded in full: the first one, since there may be
// no second, and where there is no memory.
func (h *History) begin(p *Pipeline) bool {
	if h.pool != p.pool || h.spec != p.spec {
		h.close()
		h.pool, h.spec, h.retry = p.pool, p.spec, 0
		return false
	}
	if h.retry > 0 {
		h.retry--
		return false
	}
	if h.kept.IsZero() && !h.open(p.changes) {
		h.retry = retryAfter
		return false
	}
	if !h.image.IsZero() {
		if h.coded = h.image.Bytes(); len(h.coded) < h.starts[len(h.segments)] {
			h.forget() // Its holder made it shorter.
		}
	}
	return true
}

// open takes memory for the source of c, and returns false when there is none.
func (h *History) open(c *changes) bool {
	n := c.segments
	if cap(h.segments) < n {
		h.segments, h.starts, h.next = make([]segment, n), make([]int, n+1), make([]int, n+1)
	}
	h.segments, h.starts, h.next = h.segments[:n], h.starts[:n+1], h.next[:n+1]
	clear(h.segments)
	size := c.sourceBytes()
	if size > pool.MaxSize {
		return false
	}
	var ok bool
	state := n * int(unsafe.Sizeof(segment{})+2*unsafe.Sizeof(int(0)))
	if h.memory, ok = h.admit(pool.ClassSize(size) + state); !ok {
		return false
	}
	buf, err := h.pool.Get(size)
	if err != nil {
		h.memory.Release()
		h.memory = pool.Grant{}
		return false
	}
	h.kept, h.source = buf, buf.Bytes()
	return true
}

// admit returns a grant for n bytes if half of the budget is left then.
func (h *History) admit(n int) (pool.Grant, bool) {
	if s := h.pool.Stats(); s.Budget > 0 && s.Admitted+int64(n) > s.Budget/2 {
		return pool.Grant{}, false
	}
	return h.pool.TryAdmit(int64(n))
}

// end takes in the image that was made of the frame: a zero one where there is none.
func (h *History) end(image pool.Buf) {
	old := h.image
	h.image, h.coded = pool.Buf{}, nil
	if image.IsZero() || !h.holdImage(int64(image.Cap())) {
		h.forget()
	} else if h.count() {
		h.image = image.Retain()
	}
	h.starts, h.next = h.next, h.starts
	old.Release()
}

// count counts the segments of an image, and reports whether any is kept.
func (h *History) count() (kept bool) {
	for i := range h.segments {
		kept = kept || h.segments[i].kept
		if h.segments[i].use == reused {
			h.counts[0]++
		}
	}
	h.counts[1] += uint64(len(h.segments))
	return kept
}

// holdImage makes sure that n bytes are admitted for the last image.
func (h *History) holdImage(n int64) bool {
	if n <= h.imageBytes {
		return true
	}
	h.imageMemory.Release()
	h.imageMemory, h.imageBytes = pool.Grant{}, 0
	g, ok := h.admit(int(n))
	if !ok {
		h.retry = retryAfter
		return false
	}
	h.imageMemory, h.imageBytes = g, n
	return true
}
