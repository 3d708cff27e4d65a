package kerneltest

import (
	"testing"
	"unsafe"
)

// Edge is a side of a slice.
type Edge int

// The edges.
const (
	Start Edge = iota
	End
)

// Edges are both.
var Edges = [...]Edge{Start, End}

// Guarded returns n zero elements with memory that can't be accessed right beside one edge: where a kernel reads or
// writes there, the program dies. Where the operating system has no such memory for us, it is an ordinary slice.
func Guarded[T any](t *testing.T, n int, edge Edge) []T {
	t.Helper()
	size := n * int(unsafe.Sizeof(*new(T)))
	if size == 0 {
		return nil
	}
	m := guardedBytes(t, size, edge)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), n)
}

// GuardedCopy is Guarded with the elements of s.
func GuardedCopy[T any](t *testing.T, s []T, edge Edge) []T {
	t.Helper()
	c := Guarded[T](t, len(s), edge)
	copy(c, s)
	return c
}
