package pipeline

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
)

// liveHeap returns the bytes of the live objects of the heap.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemoryOfTables: what Memory says of tables and scratch is not below what the heap grows by, and not far above.
func TestMemoryOfTables(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector changes the sizes of objects")
	}
	const copies = 4
	p := pool.New(nil)
	if _, err := Compile(w1, &Options{Pool: p}); err != nil { // makes what all pipelines share
		t.Fatal(err)
	}
	liveHeap() // What other tests left takes two collections.
	for _, format := range []frame.PixelFormat{frame.BGRA, frame.NV12, frame.RGBF32P, frame.RGB24P, frame.BGRF16} {
		for _, filter := range []Filter{Bilinear, Area, Nearest} {
			for _, size := range [][4]int{
				{64, 64, 32, 32}, {640, 360, 320, 320}, {1920, 1080, 640, 360}, {1920, 1080, 1919, 1079},
				{65535, 32, 65534, 31}, {32, 65535, 31, 65534}, {65535, 32, 320, 32}, {320, 32, 65535, 32},
			} {
				s := Spec{
					Input:  frame.Desc{Format: format, Width: size[0], Height: size[1]},
					Resize: Resize{Width: size[2], Height: size[3], Filter: filter}, Output: Output{Subsampling: jpeg.Sub420},
				}
				if format == frame.NV12 || format == frame.RGB24P {
					s.Output.Reuse = ReuseSegments
				}
				var keep [copies]*Pipeline
				before := liveHeap()
				for i := range keep {
					var err error
					if keep[i], err = Compile(s, &Options{Pool: p}); err != nil {
						t.Fatal(err)
					}
				}
				got, said := (liveHeap()-before)/copies, int64(keep[0].Memory().Tables)
				if got > said || said > 8*got+64<<10 {
					t.Errorf("%s %s %v: tables take %d bytes, Memory says %d", format, filter, size, got, said)
				}
				before = liveHeap()
				for i := range keep {
					keep[i].scratch.Put(keep[i].newScratch())
				}
				got, said = (liveHeap()-before)/copies, int64(keep[0].Memory().Kept)
				if said != int64(keep[0].Memory().Scratch) || got < said*9/10 || got > said*9/8+8<<10 {
					t.Errorf("%s %s %v: scratch takes %d bytes, Memory says %d", format, filter, size, got, said)
				}
			}
		}
	}
}

// TestMaxScratch: it bounds how many goroutines work on a run and what is kept; JPEGs stay the same.
func TestMaxScratch(t *testing.T) {
	workers := NewWorkers(4)
	defer workers.Close()
	s := Spec{Input: frame.Desc{Format: frame.Gray8, Width: 64, Height: 64}}
	in := make([]frame.Frame, 16)
	for i := range in {
		var err error
		if in[i], err = frame.WrapBytes(s.Input, make([]byte, 64*64)); err != nil {
			t.Fatal(err)
		}
	}
	unbounded, err := Compile(s, &Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	one := int64(unbounded.Memory().Scratch)
	for _, tt := range []struct {
		max  int64
		want int
	}{{0, 4}, {1, 1}, {one, 1}, {2 * one, 2}, {3*one - 1, 2}, {100 * one, 4}} {
		p, err := Compile(s, &Options{Workers: workers, MaxScratch: tt.max})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Goroutines(16); got != tt.want {
			t.Errorf("MaxScratch %d: got %d goroutines, want %d", tt.max, got, tt.want)
		}
		var counting sync.Mutex
		made := 0
		p.scratch.Init(16, func() *scratch {
			counting.Lock()
			made++
			counting.Unlock()
			return p.newScratch()
		})
		b := Batch{In: in}
		for range 20 {
			if err := p.Run(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			for i := range b.Out {
				if b.Out[i].Err != nil {
					t.Fatal(b.Out[i].Err)
				}
			}
			b.Release()
		}
		if made > tt.want {
			t.Errorf("MaxScratch %d: got scratch for %d goroutines, want %d at most", tt.max, made, tt.want)
		}
		if kept := p.Memory().Kept; kept != made*p.Memory().Scratch {
			t.Errorf("MaxScratch %d: got %d bytes kept, want %d times %d", tt.max, kept, made, p.Memory().Scratch)
		}
	}
}
