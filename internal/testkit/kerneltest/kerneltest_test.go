package kerneltest

import (
	"testing"
	"unsafe"
)

func TestMake(t *testing.T) {
	for n := range 70 {
		for shift := range 40 {
			s := Make(n, shift, int16(7))
			if len(s.S) != n || cap(s.S) != n {
				t.Fatalf("Make(%d, %d): got length %d and capacity %d, want %d", n, shift, len(s.S), cap(s.S), n)
			}
			if at := uintptr(unsafe.Pointer(unsafe.SliceData(s.S))) % alignment; n > 0 && at != uintptr(2*shift)%alignment {
				t.Fatalf("Make(%d, %d): got an address of %d modulo 64, want %d", n, shift, at, 2*shift%alignment)
			}
			for i, z := range s.zones {
				if len(z)*2 < zone {
					t.Fatalf("Make(%d, %d): red zone %d: got %d bytes, want >= %d", n, shift, i, len(z)*2, zone)
				}
			}
		}
	}
}

func TestCheckFindsWrites(t *testing.T) {
	for zone := range 2 {
		for _, at := range []int{0, 1, 31} {
			s := Make(10, 3, byte(7))
			if i, _, found := s.written(); found {
				t.Fatalf("fresh slice: got a write to red zone %d, want none", i)
			}
			s.zones[zone][at]++
			if i, k, found := s.written(); !found || i != zone || k != at {
				t.Errorf("write to element %d of zone %d: got %d, %d, %v", at, zone, k, i, found)
			}
		}
	}
}
