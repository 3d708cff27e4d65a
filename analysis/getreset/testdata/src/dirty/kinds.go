package dirty

import (
	"bufio"
	"bytes"
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
	h := hashPool.Get().(hash.Hash) // want `h from hashPool.Get is used in line 24 without Reset`
	defer hashPool.Put(h)
	h.Write(b)
	return h.Sum(nil)
}

func zip(b []byte) {
	w := gzipPool.Get().(*gzip.Writer) // want `w from gzipPool.Get is used in line 30 without Reset`
	w.Write(b)
	w.Close()
	gzipPool.Put(w)
}

func read() byte {
	r := readerPool.Get().(*bufio.Reader) // want `r from readerPool.Get is used in line 38 without Reset`
	defer readerPool.Put(r)
	b, _ := r.ReadByte()
	return b
}

func count(words []string) int {
	m := mapPool.Get().(map[string]int) // want `m from mapPool.Get is used in line 46 without Reset`
	defer mapPool.Put(m)
	for _, w := range words {
		m[w]++
	}
	return len(m)
}

func gather(n int) int {
	s := slicePool.Get().(*[]int) // want `s from slicePool.Get is used in line 54 without Reset`
	for i := range n {
		*s = append(*s, i)
	}
	sum := len(*s)
	slicePool.Put(s)
	return sum
}

// What takes an io.Writer cuts something else, and resets nothing.
type varint int32

func (v varint) WriteTo(w io.Writer) (int64, error) {
	var b [5]byte
	n, err := w.Write(b[:1])
	return int64(n), err
}

var packets = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func pack(w io.Writer, data []byte) error {
	buf := packets.Get().(*bytes.Buffer) // want `buf from packets.Get is used in line \d+ without Reset`
	defer packets.Put(buf)
	if _, err := varint(len(data)).WriteTo(buf); err != nil {
		return err
	}
	buf.Write(data)
	_, err := w.Write(buf.Bytes())
	return err
}

// A compressor of others, that is behind an interface.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

var compressors sync.Pool

func compress(src *bytes.Buffer) error {
	c, _ := compressors.Get().(compressor) // want `c from compressors.Get is used in line \d+ without Reset`
	defer compressors.Put(c)
	if _, err := src.WriteTo(c); err != nil {
		return err
	}
	return c.Close()
}
