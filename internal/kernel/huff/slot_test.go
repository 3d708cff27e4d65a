//go:build !purego && (amd64 || arm64)

package huff

import (
	"testing"
	"unsafe"
)

// TestSlotLayout wants the fields of Slot, Order, Codes and Partial to be where _asm/huff believes them.
func TestSlotLayout(t *testing.T) {
	var s Slot
	got := [...]uintptr{
		unsafe.Offsetof(s.First), unsafe.Offsetof(s.Step), unsafe.Offsetof(s.Component), unsafe.Offsetof(s.Class),
		unsafe.Offsetof(s.Short), unsafe.Sizeof(s),
	}
	if want := [...]uintptr{0, 8, 16, 24, 25, 32}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	var o Order
	if got, want := [...]uintptr{unsafe.Offsetof(o.at), unsafe.Offsetof(o.shuffles), unsafe.Offsetof(o.packs), unsafe.Offsetof(o.packs) + unsafe.Offsetof(o.packs[0].runs), unsafe.Offsetof(o.gaps)},
		[...]uintptr{0, 96, 1120, 1136, 9312}; got != want {
		t.Errorf("Order: got %v, want %v", got, want)
	}
	if at := unsafe.Offsetof(Codes{}.left); at != 4<<16 {
		t.Errorf("Codes.left: got offset %d, want %d", at, 4<<16)
	}
	var p Partial
	if at := unsafe.Offsetof(p.Len); at != 8 || unsafe.Sizeof(p.Len) != 8 {
		t.Errorf("Partial.Len: got offset %d and size %d, want 8 and 8", at, unsafe.Sizeof(p.Len))
	}
	if at := unsafe.Offsetof(p.long); at != 16 {
		t.Errorf("Partial.long: got offset %d, want 16", at)
	}
}
