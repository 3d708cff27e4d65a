package frame_test

import (
	"errors"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestNew(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.NV12, Width: 5, Height: 3}
	f, err := frame.New(p, d)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Owned() || f.Desc != d || len(f.Planes()) != 2 || len(f.Row(1, 1)) != 6 {
		t.Errorf("got %s, owned %t, %d planes, want %s, owned, 2 planes", f.Desc, f.Owned(), len(f.Planes()), d)
	}
	f.Release()
	if f.Owned() || len(f.Planes()) != 0 || p.Stats().InUse != 0 {
		t.Errorf("got owned %t, %d planes, %d bytes in use after Release, want none", f.Owned(), len(f.Planes()), p.Stats().InUse)
	}
	f.Release() // a second Release of the same variable does nothing

	_, err = frame.New(p, frame.Desc{Format: frame.NV12, Width: 0, Height: 3})
	wantDescError(t, err, "width", "got 0")
	if _, err = frame.New(p, frame.Desc{Format: frame.BGR24, Width: 20_000, Height: 20_000}); !errors.Is(err, pool.ErrSize) {
		t.Errorf("got error %v, want %v", err, pool.ErrSize)
	}
	small := pooltest.New(t, &pool.Options{Budget: 4096})
	if _, err = frame.New(small, frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}); !errors.Is(err, pool.ErrBudget) {
		t.Errorf("got error %v, want %v", err, pool.ErrBudget)
	}
}

// TestStaleCopyPanics: no copy of a released frame gives access to memory that may have a new owner.
func TestStaleCopyPanics(t *testing.T) {
	p := pool.New(nil) // pooltest's would fail the test for what it does
	f, err := frame.New(p, frame.Desc{Format: frame.Gray8, Width: 8, Height: 8})
	if err != nil {
		t.Fatal(err)
	}
	stale := f
	f.Release()
	tests := []struct {
		name string
		call func()
	}{
		{"planes", func() { stale.Planes() }},
		{"plane", func() { stale.Plane(0) }},
		{"row", func() { stale.Row(0, 0) }},
		{"release", func() { c := stale; c.Release() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			tt.call()
		})
	}
}

// TestFromBufTakes: the buffer is released once, also when FromBuf returns an error.
func TestFromBufTakes(t *testing.T) {
	p := pooltest.New(t, nil)
	tests := []struct {
		name  string
		desc  frame.Desc
		bytes int
		field string // of the error, if any
	}{
		{"ok", frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}, 64, ""},
		{"short", frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}, 63, "data"},
		{"long", frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}, 65, "data"},
		{"bad-desc", frame.Desc{Format: frame.Gray8, Width: -8, Height: 8}, 64, "width"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := p.Get(tt.bytes)
			if err != nil {
				t.Fatal(err)
			}
			f, err := frame.FromBuf(tt.desc, b)
			if tt.field != "" {
				wantDescError(t, err, tt.field, "got ")
			} else if err != nil || &f.Row(0, 0)[0] != &b.Bytes()[0] {
				t.Errorf("got error %v, or memory that is not the buffer's", err)
			}
			f.Release()
			if inUse := p.Stats().InUse; inUse != 0 {
				t.Errorf("got %d bytes in use, want 0", inUse)
			}
		})
	}
	_, err := frame.FromBuf(frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}, pool.Buf{})
	wantDescError(t, err, "data", "got 0 bytes, want 64")
}

func TestNewAllocates(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.I420, Width: 64, Height: 36}
	alloctest.Zero(t, 1000, func() {
		f, err := frame.New(p, d)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Planes() {
			f.Row(i, 0)[0]++
		}
		f.Release()
	})
}
