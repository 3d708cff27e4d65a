package returned

import (
	"bytes"
	"slices"
)

// Right: copies are returned.

func slicesClone(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return slices.Clone(b.Bytes())
}

func bytesClone(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return bytes.Clone(b.Bytes())
}

func withoutRoom(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	x := b.Bytes()
	return append(x[:0:0], x...)
}

func toNil(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return append([]byte(nil), b.Bytes()...)
}

func concat(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return slices.Concat(b.Bytes())
}

func upper(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return bytes.ToUpper(b.Bytes())
}

// Wrong: these have the same memory.

func grown(s string) []byte {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString(s)
	return slices.Grow(b.Bytes(), 10) // want `grown returns memory that goes back`
}
