package inner

import "sync"

var sized [4]sync.Pool

// Wrong: others put theirs back into the pool of the size.
func sum(i int, p []byte) (n int) {
	b := sized[i].Get().(*[1024]byte) // want `b from sized.* is never put back`
	for _, c := range b[:copy(b[:], p)] {
		n += int(c)
	}
	return n + fold(b)
}

var fold func(b *[1024]byte) int

// Right.
func sumAndBack(i int, p []byte) int {
	b := sized[i].Get().(*[1024]byte)
	defer sized[i].Put(b)
	copy(b[:], p)
	return fold(b)
}

// Wrong: where the text is too short.
func sumOrNot(i int, p []byte) int {
	b := sized[i].Get().(*[1024]byte) // want `b from sized.* is not put back when the function returns at line \d+`
	if len(p) < 4 {
		return 0
	}
	n := fold(b)
	sized[i].Put(b)
	return n
}

var bySize = map[int]*sync.Pool{}

// Right: what comes from a pool by its size goes back by it.
func bySizeAndBack(p []byte) int {
	pool := bySize[len(p)]
	b := pool.Get().(*[1024]byte)
	defer pool.Put(b)
	return fold(b)
}
