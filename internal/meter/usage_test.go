package meter

import (
	"runtime"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestMeter(t *testing.T) {
	m := NewMeter()
	defer m.Close()
	before := m.Read()
	hold := make([]byte, 32<<20)
	for i := range hold {
		hold[i] = 1 // resident
	}
	runtime.GC()
	after := m.Read()
	if after.Collections <= before.Collections {
		t.Errorf("collections: got %d then %d, want more", before.Collections, after.Collections)
	}
	if after.Allocs <= before.Allocs || after.AllocBytes < before.AllocBytes+uint64(len(hold)) {
		t.Errorf("allocations: got %d objects of %d bytes, then %d of %d, want those of %d bytes more",
			before.Allocs, before.AllocBytes, after.Allocs, after.AllocBytes, len(hold))
	}
	if after.RSS < uint64(len(hold)) || after.RSS > 1<<40 {
		t.Errorf("resident set: got %d bytes with %d in use", after.RSS, len(hold))
	}
	runtime.KeepAlive(hold)
}

func TestMeterAllocatesNothing(t *testing.T) {
	m := NewMeter()
	defer m.Close()
	alloctest.Zero(t, 20, func() { m.Read() })
}
