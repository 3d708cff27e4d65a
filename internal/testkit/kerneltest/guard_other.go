//go:build !linux

package kerneltest

import (
	"testing"
	"unsafe"
)

func guardedBytes(_ *testing.T, size int, _ Edge) []byte {
	words := make([]uint64, (size+7)/8) // aligned as any element wants it
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}
