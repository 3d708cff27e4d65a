// Package origin puts values into another pool than they came from.
package origin

import "sync"

var small, large sync.Pool

type server struct{ reads, writes sync.Pool }

// Wrong.

func direct() {
	b := small.Get().(*[]byte)
	large.Put(b) // want `b from small.Get goes into large, but came out of small: the next Get there finds something else than it expects`
}

func deferred() int {
	b := small.Get().(*[]byte)
	defer large.Put(b) // want `goes into large`
	return len(*b)
}

func (s *server) fields() {
	b := s.reads.Get().(*[]byte)
	s.writes.Put(b) // want `b from s.reads.Get goes into server.writes, but came out of server.reads`
}

func wrapped() {
	b := small.Get().(*[]byte)
	putLarge(b) // want `goes into large`
}

func putLarge(b *[]byte) { large.Put(b) }

// Right.

func same() {
	b := small.Get().(*[]byte)
	small.Put(b)
}

func (s *server) sameField(other *server) {
	b := s.reads.Get().(*[]byte)
	other.reads.Put(b)
}

func unknown(pools []*sync.Pool, i, j int) {
	b := pools[i].Get().(*[]byte)
	pools[j].Put(b)
}

func bySize(b *[]byte) {
	if cap(*b) > 1<<16 {
		large.Put(b)
		return
	}
	small.Put(b)
}

func sorted() {
	b := small.Get().(*[]byte)
	bySize(b)
}

// Two pools of one kind of box: full ones, and empty ones.
type boxes struct{ full, empty sync.Pool }

func (b *boxes) take() int {
	box := b.full.Get().(*int)
	v := *box
	b.empty.Put(box)
	return v
}

func (b *boxes) give(v int) {
	box := b.empty.Get().(*int)
	*box = v
	b.full.Put(box)
}
