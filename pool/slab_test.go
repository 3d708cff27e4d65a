package pool

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"
)

func TestSizes(t *testing.T) {
	tests := []struct {
		name      string
		got, want uintptr
	}{
		{"Buf", unsafe.Sizeof(Buf{}), 16},
		{"Grant", unsafe.Sizeof(Grant{}), 16},
		{"slab", unsafe.Sizeof(slab{}), 64},     // no cache line shared by two slabs
		{"record", unsafe.Sizeof(record{}), 64}, // nor by two records
	}
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("sizes are those of 64-bit targets")
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("a %s has %d bytes: want %d", tt.name, tt.got, tt.want)
		}
	}
}

func TestAlignedBytes(t *testing.T) {
	for align := 1; align <= maxAlign; align *= 2 {
		for i := range 17 { // up to 64 KiB: above, the Go heap gives whole pages
			size := classSize(i)
			mem := alignedBytes(size, align)
			if len(mem) != size || cap(mem) != size || misaligned(mem, align) != 0 {
				t.Errorf("alignedBytes(%d, %d): got length %d, capacity %d, %d bytes off",
					size, align, len(mem), cap(mem), misaligned(mem, align))
			}
		}
	}
}

// TestDefaultAlignIsFree shows that the Go heap aligns every class to 64 bytes by itself, so that none pays for it.
func TestDefaultAlignIsFree(t *testing.T) {
	for i := range numClasses {
		if off := misaligned(make([]byte, classSize(i)), defaultAlign); off != 0 {
			t.Errorf("make([]byte, %d) is %d bytes off a multiple of %d", classSize(i), off, defaultAlign)
		}
	}
}

func TestRetainLimit(t *testing.T) {
	p := New(nil)
	b, err := p.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	held := []Buf{b}
	for range maxHolders - 1 {
		held = append(held, b.Retain())
	}
	if got := recovered(func() { b.Retain() }); got != msgHolders {
		t.Errorf("Retain with %d holders: got panic %v, want %q", maxHolders, got, msgHolders)
	}
	if want := fmt.Sprintf("pool: Buf retained more than %d times", maxHolders-1); msgHolders != want {
		t.Errorf("the message is %q: want %q", msgHolders, want)
	}
	for _, b := range slices.Backward(held) {
		b.Release()
	}
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("after as many Releases: got %d bytes in use, want 0", s.InUse)
	}
}

// TestHusk: a Get skips slabs that sync.Pool still refers to but does not own any more: an evicted slab, and one that
// another goroutine found through its record.
func TestHusk(t *testing.T) {
	p := New(nil)
	c := &p.classes[0]
	evictedSlab := newSlab(c, &record{})
	evictedSlab.record.attach(evictedSlab)
	if !evictedSlab.record.evict() || evictedSlab.mem != nil || evictedSlab.record.evict() {
		t.Fatal("an idle slab can be evicted once, and loses its memory")
	}
	leased, err := p.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	defer leased.Release()
	c.idle.Put(evictedSlab)
	c.idle.Put(leased.s)
	b, err := p.Get(1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if b.s == evictedSlab || b.s == leased.s || len(b.Bytes()) != 1 {
		t.Error("Get leased a slab that was not idle")
	}
}

// recovered returns what f panics with, nil if it does not.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}
