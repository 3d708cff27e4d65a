package pipeline

import (
	"bytes"
	"fmt"
	stdjpeg "image/jpeg"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// Any number of workers makes the same bytes, of one large frame split among them and of more frames.
func TestBitIdenticalForAnyWorkers(t *testing.T) {
	counts := []int{1, 2, 3, 5, 8, 13, 32}
	if testing.Short() {
		counts = []int{2, 5, 32}
	}
	workers := make([]*Workers, len(counts))
	for i, n := range counts {
		workers[i] = newWorkers(t, n)
	}
	for i, d := range inputs(500, 281) {
		frames := []frame.Frame{draw(t, d, waves(1), 3), draw(t, d, waves(2), 0), draw(t, d, waves(3), 0)}
		// Every input with an output that is split, and by turns with all the others.
		as := []Output{{Restart: RestartRow}, outputs[i%len(outputs)], outputs[(i+7)%len(outputs)]}
		if testing.Short() && i%4 != 0 {
			as = as[:1]
		}
		for _, o := range as {
			t.Run(fmt.Sprintf("%s/%s", d, o.explain()), func(t *testing.T) {
				s := Spec{Input: d, Resize: Resize{Width: 400, Height: 400, Mode: Fit}, Output: o}
				alone := compile(t, s, nil)
				var want [][]byte
				for _, f := range frames {
					want = append(want, runOne(t, alone, f))
				}
				for i, w := range workers {
					b := &Batch{In: frames[:1+2*(i%2)]} // one frame or all three
					if err := compile(t, s, w).Run(t.Context(), b); err != nil {
						t.Fatal(err)
					}
					for k := range b.Out {
						if !bytes.Equal(b.Out[k].Bytes(), want[k]) {
							t.Errorf("%d workers, frame %d of %d: differs from what the caller alone makes", counts[i], k, len(b.In))
						}
					}
					b.Release()
				}
			})
		}
	}
}

// What is split is decided by the Spec and by how many workers there are for how many frames; the parts cover every
// band once.
func TestParts(t *testing.T) {
	large := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}}
	row, raw := large, large
	row.Output.Restart = RestartRow
	raw.Output.Format = RawRGB24
	tests := []struct {
		name            string
		spec            Spec
		workers, frames int
		want            int
	}{
		{"no-restart", large, 8, 1, 1},
		{"alone", row, 1, 1, 1},
		{"one-frame", row, 8, 1, 16},
		{"three-frames", row, 8, 3, 6},
		{"as-many-frames-as-workers", row, 8, 8, 1},
		{"more-workers-than-work", row, 64, 1, 31},
		{"raw", raw, 8, 1, 16},
		{"small", Spec{Input: w1.Input, Output: Output{Restart: RestartRow}}, 8, 1, 3},
		{"tiny", small, 8, 1, 1},
		{"no-frames", row, 8, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, tt.spec, newWorkers(t, tt.workers))
			n := p.parts(tt.frames)
			if n != tt.want && tt.frames > 0 {
				t.Errorf("got %d parts, want %d", n, tt.want)
			}
			total, unit := p.out.bands()
			next := 0
			for i := range n {
				first, last := p.partBands(i, n)
				if first != next || last <= first || first%unit != 0 {
					t.Errorf("part %d of %d: got bands %d..%d, want from %d on", i, n, first, last, next)
				}
				next = last
			}
			if next != total {
				t.Errorf("the parts end at band %d, want %d", next, total)
			}
		})
	}
}

// A JPEG larger than any before it moves to larger buffers, in any part, and loses nothing.
func TestGrowth(t *testing.T) {
	s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 512, Height: 512}, Output: Output{Quality: 100, Subsampling: jpeg.Sub444, Restart: RestartRow}}
	noisy := draw(t, s.Input, noise, 0)
	flat := draw(t, s.Input, func(x, y float64) (r, g, b float64) { return 10, 20, 30 }, 0)
	want := runOne(t, compile(t, s, nil), noisy)
	for _, workers := range []int{1, 4} {
		p := compile(t, s, newWorkers(t, workers))
		runOne(t, p, flat)
		if expected := p.out.expected(); expected > len(want)/4 {
			t.Fatalf("after a flat image %d bytes are expected, want far fewer than %d", expected, len(want))
		}
		if !bytes.Equal(runOne(t, p, noisy), want) {
			t.Errorf("%d workers: the JPEG that had to grow differs", workers)
		}
		if expected := p.out.expected(); expected < len(want) || len(want) > p.MaxOutput() {
			t.Errorf("got %d bytes expected, %d at most after a JPEG of %d", expected, p.MaxOutput(), len(want))
		}
	}
}

// The guess is the first until there is a JPEG, rises at once, and falls to what is common in some hundred JPEGs.
func TestSizeGuess(t *testing.T) {
	g := sizeGuess{first: 5000}
	if got := g.expected(); got != 5000 {
		t.Errorf("before any JPEG: got %d, want 5000", got)
	}
	for _, n := range []int{8000, 800, 80_000} {
		g.note(n)
	}
	if got, want := g.expected(), 90_000; got != want {
		t.Errorf("after 80000: got %d, want %d", got, want)
	}
	g.note(800)
	if got := g.expected(); got < 80_000 {
		t.Errorf("after one small JPEG: got %d, want >= 80000", got)
	}
	for range 400 {
		g.note(800)
	}
	if got := g.expected(); got < 800 || got > 2000 {
		t.Errorf("after many small JPEGs: got %d, want 900 or little more", got)
	}
}

// indexSide is the side of the square image whose 8x8 blocks show the bits of its index, black or white.
const indexSide = 40

// drawIndex writes index into the pixels of a BGR24 frame of indexSide.
func drawIndex(pix []byte, index uint32) {
	for y := range indexSide {
		for x := range indexSide {
			bit := y/8*(indexSide/8) + x/8
			v := byte(255 * (index >> bit & 1))
			at := 3 * (y*indexSide + x)
			pix[at], pix[at+1], pix[at+2] = v, v, v
		}
	}
}

// readIndex reads what drawIndex wrote from the luma at the middle of each block.
func readIndex(luma func(x, y int) byte) (index uint32) {
	for bit := range 25 {
		if luma(bit%(indexSide/8)*8+4, bit/(indexSide/8)*8+4) > 127 {
			index |= 1 << bit
		}
	}
	return index
}

// 100,000 frames (4,000 with -short) that carry their index go through pipelines that share pool and workers, from
// several goroutines: every JPEG shows its own frame's index.
func TestNoCrossTalk(t *testing.T) {
	const goroutines, batch = 4, 25
	total := 100_000
	if testing.Short() {
		total = 4_000
	}
	workers := newWorkers(t, 3)
	shared := pooltest.New(t, nil)
	in := frame.Desc{Format: frame.BGR24, Width: indexSide, Height: indexSide}
	var pipelines []*Pipeline
	for _, o := range []Output{{Subsampling: jpeg.Gray}, {Format: RawI420}, {Format: RawRGB24}, {Restart: RestartRow}} {
		p, err := Compile(Spec{Input: in, Output: o}, &Options{Pool: shared, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		pipelines = append(pipelines, p)
	}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			var b Batch
			for first := g * batch; first < total && !t.Failed(); first += goroutines * batch {
				p := pipelines[first/batch/goroutines%len(pipelines)]
				crossTalkBatch(t, p, &b, shared, uint32(first), batch)
			}
		})
	}
	all.Wait()
}

// crossTalkBatch runs n frames from index first on through p, with inputs of the same pool, and checks what comes out.
func crossTalkBatch(t *testing.T, p *Pipeline, b *Batch, from *pool.Pool, first uint32, n int) {
	b.In = b.In[:0]
	for i := range n {
		f, err := frame.New(from, p.Spec().Input)
		if err != nil {
			t.Error(err)
			return
		}
		drawIndex(f.Plane(0).Pix, spread(first+uint32(i)))
		b.In = append(b.In, f)
	}
	if err := p.Run(t.Context(), b); err != nil {
		t.Error(err)
	}
	for i := range b.Out {
		got, err := indexOf(p.Spec().Output.Format, b.Out[i].Bytes())
		if want := spread(first + uint32(i)); err != nil || got != want {
			t.Errorf("%s: frame %d shows %d, %v, want %d", p.Spec().Output.Format, first+uint32(i), got, err, want)
		}
	}
	b.Release()
	for i := range b.In {
		b.In[i].Release()
	}
}

// spread maps indices below 1<<25 to one another so that neighbors differ in many blocks.
func spread(index uint32) uint32 { return index * 0x9E3779B1 & (1<<25 - 1) }

func indexOf(format OutputFormat, pix []byte) (uint32, error) {
	switch format {
	case RawI420:
		return readIndex(func(x, y int) byte { return pix[y*indexSide+x] }), nil
	case RawRGB24:
		return readIndex(func(x, y int) byte { return pix[3*(y*indexSide+x)] }), nil
	}
	img, err := stdjpeg.Decode(bytes.NewReader(pix))
	if err != nil {
		return 0, err
	}
	return readIndex(func(x, y int) byte { r, _, _, _ := img.At(x, y).RGBA(); return byte(r >> 8) }), nil
}
