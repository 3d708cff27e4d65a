package jpeg

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// TestAppendTwice wants the same bytes from a used Encoder, behind what dst had.
func TestAppendTwice(t *testing.T) {
	noise, p := newNoise(100, 75, 1).frame(t, frame.RGB24), newTestImage(100, 75, 2).frame(t, frame.RGB24)
	for _, s := range subsamplings {
		o := Options{Subsampling: s, RestartInterval: 5}
		want := encode(t, p, o)
		e, err := NewEncoder(p.Desc, &o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Append(nil, noise); err != nil {
			t.Fatal(err)
		}
		got, err := e.Append([]byte("before"), p)
		if err != nil || string(got[:6]) != "before" || !bytes.Equal(got[6:], want) {
			t.Errorf("%v: the second image differs from the first of a new Encoder, %v", s, err)
		}
	}
}

// TestFormats wants the same image from every format that holds it.
func TestFormats(t *testing.T) {
	p := newTestImage(120, 80, 3)
	for _, s := range subsamplings {
		rgb, bgr := encode(t, p.frame(t, frame.RGB24), Options{Subsampling: s}), encode(t, p.frame(t, frame.BGR24), Options{Subsampling: s})
		if !bytes.Equal(rgb, bgr) {
			t.Errorf("%v: rgb24 and bgr24 differ", s)
		}
		for _, format := range []frame.PixelFormat{frame.I420, frame.Gray8} {
			m := decode(t, encode(t, p.frame(t, format), Options{Subsampling: s, Quality: 95}), 120, 80, s)
			if got := p.psnr(m); (format == frame.I420 || s == Gray) && got < 30 {
				t.Errorf("%v %v: got %.1f dB, want >= 30", format, s, got)
			}
		}
	}
}

// TestSharedCoder codes with one Coder from several goroutines.
func TestSharedCoder(t *testing.T) {
	f := newTestImage(200, 120, 4).frame(t, frame.RGB24)
	o := Options{RestartInterval: RestartRow}
	want := encode(t, f, o)
	e, err := NewEncoder(f.Desc, &o)
	if err != nil {
		t.Fatal(err)
	}
	bands := bandsOf(e, f)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 6))
			for range 5 {
				if got := joinRuns(e.coder, bands, rng); !bytes.Equal(got, want) {
					t.Errorf("goroutine %d: got other bytes than alone", n)
				}
			}
		})
	}
	wg.Wait()
}

func TestAppendAllocates(t *testing.T) {
	for _, s := range subsamplings {
		t.Run(fmt.Sprintf("subsampling=%v", s), func(t *testing.T) {
			f := newTestImage(333, 111, 5).frame(t, frame.BGR24)
			e, err := NewEncoder(f.Desc, &Options{Subsampling: s, RestartInterval: 7})
			if err != nil {
				t.Fatal(err)
			}
			dst := make([]byte, 0, 1<<18)
			alloctest.Zero(t, 20, func() {
				if _, err := e.Append(dst, f); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
