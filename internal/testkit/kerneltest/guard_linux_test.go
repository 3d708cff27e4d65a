package kerneltest

import (
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"
)

// TestGuarded wants an access one byte beside the guarded edge to fault, and none inside.
func TestGuarded(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 63, 4095, 4096, 4097} {
		for _, edge := range Edges {
			s := Guarded[byte](t, n, edge)
			for i := range s {
				s[i]++
			}
			beside := unsafe.Pointer(unsafe.SliceData(s))
			if edge == Start {
				beside = unsafe.Add(beside, -1)
			} else {
				beside = unsafe.Add(beside, n)
			}
			if !faults((*byte)(beside)) {
				t.Errorf("%d bytes: the byte beside edge %d can be read", n, edge)
			}
		}
	}
}

func faults(p *byte) (fault bool) {
	defer func() { fault = recover() != nil }()
	runtime.KeepAlive(*p)
	return false
}
