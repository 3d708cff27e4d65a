package pool_test

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// get is p.Get for tests that expect no error.
func get(t testing.TB, p *pool.Pool, n int) pool.Buf {
	t.Helper()
	b, err := p.Get(n)
	if err != nil {
		t.Fatalf("Get(%d): %v", n, err)
	}
	return b
}

// noGC keeps the collector off until t ends, so that idle slabs stay.
func noGC(t testing.TB) {
	old := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(old) })
}

// newPool returns pool.New(o), and fails t when something of it is not given back at its end. It is checked only in programs built
// with -tags poolcheck, so that both kinds of pool have these tests.
func newPool(t testing.TB, o pool.Options) *pool.Pool {
	p := pool.New(&o)
	t.Cleanup(func() {
		t.Helper()
		if leaks := pooltest.Leaks(p.Stats()); leaks != "" {
			t.Error(leaks)
		}
	})
	return p
}

// recovered returns what f panics with, nil if it does not; of a *pool.Misuse the first line alone.
func recovered(f func()) (value any) {
	defer func() {
		value = recover()
		if m, ok := value.(*pool.Misuse); ok {
			value, _, _ = strings.Cut(m.Error(), "\n")
		}
	}()
	f()
	return nil
}

func TestGet(t *testing.T) {
	tests := []struct {
		name    string
		n       int
		wantCap int // 0: ErrSize
	}{
		{"negative", -1, 0},
		{"zero", 0, 4 << 10},
		{"one", 1, 4 << 10},
		{"smallest_class", 4 << 10, 4 << 10},
		{"next_class", 4<<10 + 1, 5 << 10},
		{"bgr_of_640x360", 691_200, 768 << 10},
		{"largest_class", pool.MaxSize, pool.MaxSize},
		{"above", pool.MaxSize + 1, 0},
	}
	p := newPool(t, pool.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := p.Get(tt.n)
			if tt.wantCap == 0 {
				want := fmt.Sprintf("pool: size out of range: got %d bytes, want 0 to 268435456", tt.n)
				var typed *pool.SizeError
				if !errors.Is(err, pool.ErrSize) || !errors.As(err, &typed) || err.Error() != want || !b.IsZero() {
					t.Errorf("Get(%d): got error %v, want %q", tt.n, err, want)
				}
				return
			}
			if err != nil {
				t.Fatalf("Get(%d): %v", tt.n, err)
			}
			defer b.Release()
			mem := b.Bytes()
			if len(mem) != tt.n || cap(mem) != tt.wantCap || b.Len() != tt.n || b.Cap() != tt.wantCap || b.IsZero() {
				t.Errorf("Get(%d): got length %d, capacity %d, want capacity %d", tt.n, b.Len(), b.Cap(), tt.wantCap)
			}
			grown := append(mem, make([]byte, tt.wantCap-tt.n)...)
			if unsafe.SliceData(grown) != unsafe.SliceData(mem) {
				t.Errorf("Get(%d): append up to the capacity moved the buffer", tt.n)
			}
		})
	}
}

// TestGetIsDirty shows that a lease begins with what the last one left, in a checked pool with what Release filled it with, and
// with its own length.
func TestGetIsDirty(t *testing.T) {
	noGC(t)
	p := newPool(t, pool.Options{})
	b := get(t, p, 100)
	want := byte(0xA5)
	b.Bytes()[99] = want
	if pool.EveryPool {
		want = 0xDB
	}
	b.SetLen(1)
	b.Release()
	b = get(t, p, 200)
	defer b.Release()
	if b.Len() != 200 || b.Bytes()[99] != want {
		t.Errorf("got length %d, byte 99 = %#x, want 200 and %#x", b.Len(), b.Bytes()[99], want)
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name string
		o    pool.Options
		want any
	}{
		{"zero", pool.Options{}, nil},
		{"align_1", pool.Options{Align: 1}, nil},
		{"align_4096", pool.Options{Align: 4096}, nil},
		{"align_odd", pool.Options{Align: 48}, "pool: Options.Align is not a power of two up to 4096"},
		{"align_negative", pool.Options{Align: -64}, "pool: Options.Align is not a power of two up to 4096"},
		{"align_too_large", pool.Options{Align: 8192}, "pool: Options.Align is not a power of two up to 4096"},
		{"budget_negative", pool.Options{Budget: -1}, "pool: Options.Budget, Options.Floor, Options.Reserve or Options.HalfLife is negative"},
		{"reserve_negative", pool.Options{Reserve: -1}, "pool: Options.Budget, Options.Floor, Options.Reserve or Options.HalfLife is negative"},
		{"floor_negative", pool.Options{Floor: -1}, "pool: Options.Budget, Options.Floor, Options.Reserve or Options.HalfLife is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p *pool.Pool
			if got := recovered(func() { p = pool.New(&tt.o) }); got != tt.want {
				t.Fatalf("New(%+v): got panic %v, want %v", tt.o, got, tt.want)
			}
			if tt.want != nil {
				return
			}
			align := max(tt.o.Align, 1)
			b := get(t, p, 5000)
			defer b.Release()
			if off := uintptr(unsafe.Pointer(unsafe.SliceData(b.Bytes()))) % uintptr(align); off != 0 {
				t.Errorf("New(%+v): a buffer is %d bytes off", tt.o, off)
			}
		})
	}
}

// TestPrewarm runs on one processor: sync.Pool keeps one slab for each other, which a Get finds only if it is among the records at which
// it looks.
func TestPrewarm(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	noGC(t)
	tests := []struct {
		name      string
		o         pool.Options
		n, count  int
		wantErr   error
		wantSlabs int64
	}{
		{"none", pool.Options{}, 4096, 0, nil, 0},
		{"hundred", pool.Options{}, 691_200, 100, nil, 100},
		{"more_than_a_look", pool.Options{}, 4096, 1000, nil, 1000},
		{"bad_size", pool.Options{}, -1, 3, pool.ErrSize, 0},
		{"over_budget", pool.Options{Budget: 10 << 12}, 4096, 11, pool.ErrBudget, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t, tt.o)
			if err := p.Prewarm(tt.n, tt.count); !errors.Is(err, tt.wantErr) {
				t.Fatalf("Prewarm(%d, %d): got %v, want %v", tt.n, tt.count, err, tt.wantErr)
			}
			if s := p.Stats(); s.InUse != 0 || s.Idle != tt.wantSlabs*int64(pool.ClassSize(tt.n)) {
				t.Fatalf("got %d bytes in use, %d idle, want %d slabs idle", s.InUse, s.Idle, tt.wantSlabs)
			}
			for range tt.wantSlabs { // all at once: each must hit
				defer get(t, p, tt.n).Release()
			}
			for _, c := range p.Stats().Classes {
				if c.Misses != uint64(tt.wantSlabs) || c.InUse != tt.wantSlabs {
					t.Errorf("after Gets of all: got %d misses, %d in use, want %d", c.Misses, c.InUse, tt.wantSlabs)
				}
			}
		})
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 1 << 20})
	scratch := pool.Of[[64]int]{}
	tests := []struct {
		name string
		f    func()
	}{
		{"lease", func() {
			b, err := p.Get(691_200)
			if err != nil {
				t.Fatal(err)
			}
			b.Bytes()[0]++
			b.SetLen(10)
			b.Retain().Release()
			b.Release()
		}},
		{"grant", func() {
			g, err := p.Admit(t.Context(), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			g.Release()
		}},
		{"typed", func() { scratch.Put(scratch.Get()) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { alloctest.Zero(t, 1000, tt.f) })
	}
}
