package dirty

import (
	"bufio"
	"compress/gzip"
	"hash"
	"hash/fnv"
	"io"
	"sync"
)

var (
	hashPool   = sync.Pool{New: func() any { return fnv.New64a() }}
	gzipPool   = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}
	readerPool = sync.Pool{New: func() any { return bufio.NewReader(nil) }}
	mapPool    = sync.Pool{New: func() any { return map[string]int{} }}
	slicePool  = sync.Pool{New: func() any { return new([]int) }}
)

func sum(b []byte) []byte {
	h := hashPool.Get().(hash.Hash) // want `h from hashPool.Get is used in line 23 without Reset`
	defer hashPool.Put(h)
	h.Write(b)
	return h.Sum(nil)
}

func zip(b []byte) {
	w := gzipPool.Get().(*gzip.Writer) // want `w from gzipPool.Get is used in line 29 without Reset`
	w.Write(b)
	w.Close()
	gzipPool.Put(w)
}

func read() byte {
	r := readerPool.Get().(*bufio.Reader) // want `r from readerPool.Get is used in line 37 without Reset`
	defer readerPool.Put(r)
	b, _ := r.ReadByte()
	return b
}

func count(words []string) int {
	m := mapPool.Get().(map[string]int) // want `m from mapPool.Get is used in line 45 without Reset`
	defer mapPool.Put(m)
	for _, w := range words {
		m[w]++
	}
	return len(m)
}

func gather(n int) int {
	s := slicePool.Get().(*[]int) // want `s from slicePool.Get is used in line 53 without Reset`
	for i := range n {
		*s = append(*s, i)
	}
	sum := len(*s)
	slicePool.Put(s)
	return sum
}
