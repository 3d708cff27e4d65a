package pool

import "sync"

// Slices lends a Pool's buffers as *[]byte, for code that wants an interface of that form: it is a BufferPool of
// google.golang.org/grpc/mem. Such code puts a pointer back, so a use after Put goes unnoticed; but a second Put, and one of
// a pointer that was not lent here, do nothing and are counted. Prefer Pool.Get.
type Slices struct {
	pool *Pool

	mu    sync.Mutex
	lent  map[*[]byte]*lentSlice
	free  []*lentSlice
	stats SlicesStats
}

// SlicesStats counts what Slices did beside lending.
type SlicesStats struct {
	Lent    int    // now
	Made    uint64 // Gets that the pool refused, so that memory outside the Budget was made, for the collector
	Foreign uint64 // Puts of what was not lent, or was put back before
}

type lentSlice struct {
	mem []byte // what Get returned points here
	buf Buf    // zero: made
}

// NewSlices returns Slices of p.
func NewSlices(p *Pool) *Slices { return &Slices{pool: p, lent: map[*[]byte]*lentSlice{}} }

// Get returns n bytes of undefined content. The interface has no errors: where the Pool has no room, they are made. It panics
// when n is negative.
func (s *Slices) Get(n int) *[]byte {
	b, err := s.pool.Get(n)
	mem := b.Bytes()
	if err != nil {
		mem = make([]byte, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stats.Made++
	}
	var l *lentSlice
	if last := len(s.free) - 1; last >= 0 {
		l, s.free = s.free[last], s.free[:last]
	} else {
		l = new(lentSlice)
	}
	l.mem, l.buf = mem, b
	s.lent[&l.mem] = l
	return &l.mem
}

// Put takes back what Get returned, whatever slice it points to by now.
func (s *Slices) Put(mem *[]byte) {
	s.mu.Lock()
	l := s.lent[mem]
	if l == nil {
		s.stats.Foreign++
		s.mu.Unlock()
		return
	}
	delete(s.lent, mem)
	b := l.buf
	*l = lentSlice{}
	s.free = append(s.free, l)
	s.mu.Unlock()
	b.Release()
}

// Stats returns the counts so far.
func (s *Slices) Stats() SlicesStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Lent = len(s.lent)
	return stats
}
