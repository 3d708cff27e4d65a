package stream

import (
	"cmp"
	"math"
	"time"
)

// PinnedLimits bound the memory that slow viewers hold: of images that are not the newest any more. A viewer that is
// above its limit is evicted. When a stream or all streams together are above theirs, the viewers that hold the oldest
// image are evicted. The zero value bounds nothing.
type PinnedLimits struct {
	Total     int64 // bytes, of all streams together; 0: no bound
	PerStream int64 // 0: no bound
	PerViewer int64 // 0: no bound
	// Ready is what is set aside, where there is enough, as long as there are viewers: else requests that take all the memory there is
	// would cost those their connection that are a little slow just then. 0: nothing.
	Ready int64
	// Reserve changes the memory that is set aside for images to that many bytes, and reports whether there is enough. If
	// not, it keeps what it had. It is called from any goroutine, by one at a time, and must not wait. nil: there is
	// always enough.
	Reserve func(bytes int64) bool
}

func (l PinnedLimits) withDefaults() PinnedLimits {
	l.Total, l.PerStream, l.PerViewer = cmp.Or(l.Total, math.MaxInt64), cmp.Or(l.PerStream, math.MaxInt64), cmp.Or(l.PerViewer, math.MaxInt64)
	if l.Reserve == nil {
		l.Reserve = func(int64) bool { return true }
	}
	return l
}

// covered is how many pinned images do not count while there is a publisher, the latest ones: a viewer that is given the
// newest image holds it for a while after the next one has come.
const covered = 2

// hold is an image that viewers have or may be given.
type hold struct {
	bytes      int64         // of its buffer
	since      time.Duration // when it became the newest
	viewers    int           // that have it
	retired    bool          // it is not the newest any more
	counts     bool          // its bytes are in pins.counted
	evicted    bool          // its viewers were told to close: its bytes do not count any more
	prev, next *hold         // of those that are pinned, by age; next also of those that are free
}

// pins are the holds of a stream. stream.mu guards them.
type pins struct {
	newest      *hold // nil when there is no image
	first, last *hold // that are pinned: retired, and with viewers
	free        *hold // to be used again
	bytes       int64 // of all that are pinned
	counted     int64 // of those that count for the limits
}

// retire notes that the newest image is replaced by one of that many bytes, 0 for none. s.mu is held.
func (s *stream) retire(bytes int64) {
	p := &s.pins
	if old := p.newest; old != nil {
		old.retired = true
		if old.viewers == 0 {
			s.recycle(old)
		} else {
			s.pin(old)
		}
	}
	p.newest = nil
	if bytes > 0 {
		h := p.free
		if h == nil {
			h = new(hold)
		} else {
			p.free = h.next
		}
		*h = hold{bytes: bytes, since: s.hub.now()}
		p.newest = h
	}
	s.recount()
}

// holdNewest notes that v has the newest image. v.mu and s.mu are held.
func (s *stream) holdNewest(v *Viewer) *hold {
	h := s.pins.newest
	h.viewers++
	v.holds = append(v.holds, h)
	return h
}

// drop notes that v has released the image of h.
func (v *Viewer) drop(h *hold) {
	s := v.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range v.holds {
		if v.holds[i] == h {
			last := len(v.holds) - 1
			v.holds[i] = v.holds[last]
			v.holds = v.holds[:last]
			break
		}
	}
	if h.viewers--; h.viewers == 0 && h.retired {
		s.unpin(h)
		s.recycle(h)
		s.recount()
	}
}

// recycle keeps h for another image.
func (s *stream) recycle(h *hold) { h.next, s.pins.free = s.pins.free, h }

// pin makes h the last of those that are pinned.
func (s *stream) pin(h *hold) {
	p := &s.pins
	h.prev, h.next = p.last, nil
	if p.last == nil {
		p.first = h
	} else {
		p.last.next = h
	}
	p.last = h
	p.bytes += h.bytes
	s.hub.pinned.Add(h.bytes)
}

// unpin takes h out of those that are pinned.
func (s *stream) unpin(h *hold) {
	p := &s.pins
	if h.prev == nil {
		p.first = h.next
	} else {
		h.prev.next = h.next
	}
	if h.next == nil {
		p.last = h.prev
	} else {
		h.next.prev = h.prev
	}
	p.bytes -= h.bytes
	s.hub.pinned.Add(-h.bytes)
	h.prev, h.next = nil, nil
}

// recount computes which images count: all that are pinned, but for the latest ones while there is a publisher, and
// those whose viewers were told to close. It is called when any of that has changed, with s.mu held.
func (s *stream) recount() {
	p := &s.pins
	free, sum := 0, int64(0)
	if s.publisher != nil {
		free = covered
	}
	for h := p.last; h != nil; h = h.prev {
		h.counts = free <= 0 && !h.evicted
		if h.counts {
			sum += h.bytes
		}
		free--
	}
	if d := sum - p.counted; d != 0 {
		p.counted = sum
		s.hub.counted.Add(d)
	}
}

// overdue returns the viewers that are to be evicted for the limits of one stream and one viewer. s.mu is held.
func (s *stream) overdue() (late []*Viewer) {
	limits := &s.hub.o.Pinned
	if s.pins.counted > limits.PerViewer {
		for _, v := range s.viewers {
			if !v.evicted && v.counted() > limits.PerViewer {
				late = append(late, s.mark(v))
			}
		}
	}
	for s.pins.counted > limits.PerStream {
		late = s.evictOldest(late)
	}
	return late
}

// counted returns the bytes of the counting images that v holds. stream.mu is held.
func (v *Viewer) counted() (sum int64) {
	for _, h := range v.holds {
		if h.counts {
			sum += h.bytes
		}
	}
	return sum
}

// oldest returns the hold that counts and is the oldest; nil when none counts. s.mu is held.
func (s *stream) oldest() *hold {
	for h := s.pins.first; h != nil; h = h.next {
		if h.counts {
			return h
		}
	}
	return nil
}

// evictOldest marks the viewers that hold the oldest image that counts, and appends them to late. There must be such an
// image. s.mu is held.
func (s *stream) evictOldest(late []*Viewer) []*Viewer {
	h := s.oldest()
	for _, v := range s.viewers {
		for _, held := range v.holds {
			if held == h && !v.evicted {
				late = append(late, s.mark(v))
			}
		}
	}
	h.evicted = true // also where its viewers have closed, and only have to release it
	s.recount()
	return late
}

// mark notes that v is evicted: images that it alone holds do not count any more. s.mu is held.
func (s *stream) mark(v *Viewer) *Viewer {
	v.evicted = true
	for _, h := range v.holds {
		h.evicted = h.evicted || h.viewers == 1
	}
	s.recount()
	return v
}

// evict tells viewers that were marked. No lock is held.
func evict(late []*Viewer) {
	for _, v := range late {
		v.transport.evicted.Add(1)
		close(v.evictedCh)
		v.s.mu.Lock()
		f := v.onEvict
		v.s.mu.Unlock()
		if f != nil {
			f()
		}
		signal(v.wake)
	}
}

// Evicted returns a channel that is closed when the viewer is evicted: it must release what it holds at once, and close.
func (v *Viewer) Evicted() <-chan struct{} { return v.evictedCh }

// OnEvict makes f be called when the viewer is evicted, at once if it is already. It is for viewers in the middle of a
// write, which f ends. It is called from any goroutine, and must neither wait nor call the Hub. A later f replaces it;
// nil: none.
func (v *Viewer) OnEvict(f func()) {
	v.s.mu.Lock()
	v.onEvict = f
	evicted := v.evicted
	v.s.mu.Unlock()
	if evicted && f != nil {
		f()
	}
}

// relieve keeps the pinned images of all streams within the limits and the memory that is reserved for them, by
// evicting the viewers that hold the oldest. No lock is held.
func (h *Hub) relieve() {
	limit := h.o.Pinned.Total
	if n := h.counted.Load(); max(n, h.ready.Load()) == h.reserved.Load() && n <= limit {
		return
	}
	h.relief.Lock()
	defer h.relief.Unlock()
	for {
		n := h.counted.Load()
		if n <= limit {
			for _, want := range [...]int64{max(n, h.ready.Load()), max(n, h.reserved.Load()), n} {
				if want == h.reserved.Load() && want > 0 || h.o.Pinned.Reserve(want) {
					h.reserved.Store(want)
					return
				}
			}
		}
		if !h.evictOldest() {
			return // They have released it meanwhile.
		}
	}
}

// evictOldest evicts the viewers that hold the oldest image of all streams that counts, and reports whether there is
// one.
func (h *Hub) evictOldest() bool {
	h.mu.RLock()
	streams := h.streams
	var from *stream
	var since time.Duration
	for _, s := range streams {
		s.mu.Lock()
		if o := s.oldest(); o != nil && (from == nil || o.since < since) {
			from, since = s, o.since
		}
		s.mu.Unlock()
	}
	h.mu.RUnlock()
	if from == nil {
		return false
	}
	var late []*Viewer
	from.mu.Lock()
	if from.oldest() != nil {
		late = from.evictOldest(late)
	}
	from.mu.Unlock()
	evict(late)
	return true
}

// PinnedBytes returns the memory of all images that are not the newest of their stream any more, and that viewers still
// hold.
func (h *Hub) PinnedBytes() int64 { return h.pinned.Load() }
