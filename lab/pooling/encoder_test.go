package pooling

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
)

// TestResizeIsThePipelines: the image between frame and JPEG is what package pipeline makes of the frame.
func TestResizeIsThePipelines(t *testing.T) {
	w := W1.workload()
	in := randomBytes(w.sizes[inputBuffer])
	got := make([]byte, w.sizes[imageBuffer])
	newEncoder(w).resize(got, in)

	p, err := pipeline.Compile(pipeline.Spec{
		Input:  w.input,
		Resize: pipeline.Resize{Width: w.image.Width, Height: w.image.Height},
		Output: pipeline.Output{Format: pipeline.RawRGBA},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	batch := pipeline.Batch{In: []frame.Frame{wrap(w.input, in)}}
	if err := p.Run(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	defer batch.Release()
	if want := batch.Out[0].Bytes(); !bytes.Equal(got, want) {
		t.Errorf("the image differs from the pipeline's, of %d bytes", len(want))
	}
}

// TestFramesDiffer: no two frames may give the same JPEG, or one could stand for the other unseen; and each fits its buffer.
func TestFramesDiffer(t *testing.T) {
	f := heapFrames()
	w := W1.workload()
	m := newEncoder(w)
	pixels := make([]byte, w.sizes[imageBuffer])
	seen := map[uint64]int{}
	for n, hash := range f.hashes {
		if other, there := seen[hash]; there {
			t.Errorf("frames %d and %d give the same JPEG", other, n)
		}
		seen[hash] = n
		m.resize(pixels, f.input(n))
		encoded := m.encode(nil, pixels)
		if len(encoded) > w.sizes[jpegBuffer]/2 {
			t.Errorf("frame %d: got a JPEG of %d bytes, want half of the buffer's %d at most", n, len(encoded), w.sizes[jpegBuffer])
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(encoded))
		if err != nil || c.Width != w.image.Width || c.Height != w.image.Height {
			t.Fatalf("frame %d: got %v, %v, want an image of %v", n, c, err, w.image)
		}
	}
	if len(seen) != w.frames {
		t.Errorf("got %d frames, want %d", len(seen), w.frames)
	}
}

// TestEncodeIsTheFrame: the JPEG shows the image.
func TestEncodeIsTheFrame(t *testing.T) {
	w := W1.workload()
	m := newEncoder(w)
	pixels := make([]byte, w.sizes[imageBuffer])
	m.resize(pixels, heapFrames().input(7))
	decoded, err := jpeg.Decode(bytes.NewReader(m.encode(nil, pixels)))
	if err != nil {
		t.Fatal(err)
	}
	want := &image.RGBA{Pix: pixels, Stride: 4 * w.image.Width, Rect: image.Rect(0, 0, w.image.Width, w.image.Height)}
	var sum float64
	for y := range w.image.Height {
		for x := range w.image.Width {
			r, g, b, _ := decoded.At(x, y).RGBA()
			wr, wg, wb, _ := want.At(x, y).RGBA()
			for _, d := range []float64{float64(r) - float64(wr), float64(g) - float64(wg), float64(b) - float64(wb)} {
				sum += d * d / (257 * 257)
			}
		}
	}
	if mse := sum / float64(3*w.image.Width*w.image.Height); mse > 100 { // 28 dB
		t.Errorf("mean square error: got %.1f, want 100 at most", mse)
	}
}

func TestEncoderAllocatesNothing(t *testing.T) {
	for _, size := range []Size{W1, W3} {
		w := size.workload()
		m := newEncoder(w)
		in, pixels, dst := randomBytes(w.sizes[inputBuffer]), make([]byte, sizeOf(w.image)), make([]byte, 0, 16<<20)
		alloctest.Zero(t, 3, func() {
			if w.resizes() {
				m.resize(pixels, in)
			}
			m.encode(dst, pixels)
		})
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(b) // it never fails
	return b
}
