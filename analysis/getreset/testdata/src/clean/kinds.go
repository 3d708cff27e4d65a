package clean

import (
	"compress/gzip"
	"hash"
	"hash/fnv"
	"io"
	"sync"
)

var (
	hashPool  = sync.Pool{New: func() any { return fnv.New64a() }}
	gzipPool  = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}
	mapPool   = sync.Pool{New: func() any { return map[string]int{} }}
	slicePool = sync.Pool{New: func() any { return new([]int) }}
)

func sum(b []byte) []byte {
	h := hashPool.Get().(hash.Hash)
	h.Reset()
	h.Write(b)
	out := h.Sum(nil)
	hashPool.Put(h)
	return out
}

func zip(to io.Writer, b []byte) {
	w := gzipPool.Get().(*gzip.Writer)
	w.Reset(to)
	w.Write(b)
	w.Close()
	gzipPool.Put(w)
}

func count(words []string) int {
	m := mapPool.Get().(map[string]int)
	for _, w := range words {
		m[w]++
	}
	n := len(m)
	clear(m)
	mapPool.Put(m)
	return n
}

func gather(n int) int {
	s := slicePool.Get().(*[]int)
	*s = (*s)[:0]
	for i := range n {
		*s = append(*s, i)
	}
	sum := len(*s)
	slicePool.Put(s)
	return sum
}

func gatherBefore(n int) int {
	s := slicePool.Get().(*[]int)
	for i := range n {
		*s = append(*s, i)
	}
	sum := len(*s)
	*s = (*s)[:0]
	slicePool.Put(s)
	return sum
}

func countDeferred(words []string) int {
	m := mapPool.Get().(map[string]int)
	defer func() {
		for k := range m {
			delete(m, k)
		}
		mapPool.Put(m)
	}()
	for _, w := range words {
		m[w]++
	}
	return len(m)
}

func borrowSlice() *[]int {
	s := slicePool.Get().(*[]int)
	*s = (*s)[:0]
	return s
}

func gatherBorrowed(n int) int {
	s := borrowSlice()
	for i := range n {
		*s = append(*s, i)
	}
	sum := len(*s)
	slicePool.Put(s)
	return sum
}

// What nobody reads needs no reset.
var marks = sync.Pool{New: func() any { return map[int]bool{} }}

func mark(n int) {
	m := marks.Get().(map[int]bool)
	for i := range n {
		m[i] = true
	}
	marks.Put(m)
}
