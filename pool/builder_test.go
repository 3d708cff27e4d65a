package pool_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
)

var (
	_ io.Writer       = (*pool.Builder)(nil)
	_ io.ByteWriter   = (*pool.Builder)(nil)
	_ io.StringWriter = (*pool.Builder)(nil)
	_ mem.BufferPool  = (*pool.Slices)(nil)
)

// TestBuilder: whatever is written in whatever pieces, a Builder has what a bytes.Buffer has, and leases one buffer.
func TestBuilder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	p := newPool(t, pool.Options{})
	for range 50 {
		w, want := p.NewBuilder(), new(bytes.Buffer)
		for range r.IntN(50) {
			piece := bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(1<<r.IntN(15)))
			var err error
			switch r.IntN(4) {
			case 0:
				_, err = w.Write(piece)
			case 1:
				_, err = w.WriteString(string(piece))
			case 2:
				piece = []byte{7}
				err = w.WriteByte(7)
			case 3:
				err = w.Grow(len(piece))
				piece = nil
			}
			if err != nil {
				t.Fatal(err)
			}
			want.Write(piece)
			if !bytes.Equal(w.Bytes(), want.Bytes()) || w.Len() != want.Len() {
				t.Fatalf("got %d bytes, want %d, or others", w.Len(), want.Len())
			}
		}
		if r.IntN(2) == 0 {
			b := w.Take()
			if !bytes.Equal(b.Bytes(), want.Bytes()) || w.Len() != 0 {
				t.Error("Take: got other bytes than were written")
			}
			b.Release()
		}
		w.Release()
		w.Release()
		if s := p.Stats(); s.InUse != 0 {
			t.Fatalf("got %d bytes in use after Release", s.InUse)
		}
	}
}

// TestBuilderWithoutRoom: what does not fit is an error, what was written stays, and less may fit.
func TestBuilderWithoutRoom(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 24 * kib})
	w := p.NewBuilder()
	defer w.Release()
	if _, err := w.Write(make([]byte, 8*kib)); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write(make([]byte, 9*kib)); n != 0 || !errors.Is(err, pool.ErrBudget) || w.Len() != 8*kib {
		t.Errorf("got %d, %v, %d bytes, want nothing appended and ErrBudget", n, err, w.Len())
	}
	if err := w.WriteByte(1); err != nil || w.Len() != 8*kib+1 {
		t.Errorf("got %v, %d bytes, want one more", err, w.Len())
	}
	if err := w.Grow(pool.MaxSize); !errors.Is(err, pool.ErrSize) {
		t.Errorf("got %v, want ErrSize", err)
	}
	if err := json.NewEncoder(w).Encode(make([]int, 20*kib)); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("JSON: got %v, want ErrBudget", err)
	}
	if got := recovered(func() { _ = w.Grow(-1) }); got != "pool: Builder.Grow of a negative number" {
		t.Errorf("got panic %v", got)
	}
}

func TestBuilderAllocations(t *testing.T) {
	p := pool.New(&pool.Options{Floor: 1 << 20})
	w, piece := p.NewBuilder(), make([]byte, 1000)
	alloctest.Zero(t, 100, func() {
		for range 20 {
			_, _ = w.Write(piece)
		}
		w.Take().Release()
	})
}

func TestSlices(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 16 * kib})
	s := pool.NewSlices(p)
	a := s.Get(5000)
	if len(*a) != 5000 || p.Stats().InUse != 5*kib {
		t.Fatalf("got %d bytes, %d in use", len(*a), p.Stats().InUse)
	}
	made := s.Get(12 * kib)
	if len(*made) != 12*kib || p.Stats().InUse != 5*kib {
		t.Errorf("got %d bytes where the pool has no room, %d in use", len(*made), p.Stats().InUse)
	}
	*a = (*a)[:7]
	s.Put(a)
	s.Put(a)
	s.Put(made)
	s.Put(new([]byte))
	if got, want := s.Stats(), (pool.SlicesStats{Made: 1, Foreign: 2}); got != want || p.Stats().InUse != 0 {
		t.Errorf("got %+v, %d bytes in use, want %+v, 0", got, p.Stats().InUse, want)
	}
	alloctest.Zero(t, 100, func() { s.Put(s.Get(100)) })
}

// TestSlicesConcurrent: no two goroutines have one buffer, also where they put twice.
func TestSlicesConcurrent(t *testing.T) {
	p := newPool(t, pool.Options{Budget: 64 * kib})
	s := pool.NewSlices(p)
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for range 200 {
				b := s.Get(4*kib + g)
				(*b)[0] = byte(g)
				if (*b)[0] != byte(g) {
					t.Errorf("goroutine %d: another one wrote", g)
				}
				s.Put(b)
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Lent != 0 || got.Foreign != 0 || p.Stats().InUse != 0 {
		t.Errorf("got %+v, %d bytes in use", got, p.Stats().InUse)
	}
}
