package soak

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pipeline"
)

// ring is frames that carry their index, and the image that the server must make of each, byte for byte: an image that
// belongs to another frame, or is partly another's, is seen whatever it shows.
type ring struct {
	spec    pipeline.Spec
	first   int // index that the first frame carries
	frames  [][]byte
	images  [][]byte
	numbers map[string]int // of the images, by their bytes
}

// Size in pixels of the corner of a frame that carries its index, at half of which it is still read.
const cornerWidth, cornerHeight = 128, 64

// newRing returns a ring of n frames, whose indices count from first. What is not the index is an animated scene. The
// expected images are the library's, in this process; that each carries its frame's index image/jpeg has seen.
func newRing(t testing.TB, spec pipeline.Spec, n, first int) *ring {
	t.Helper()
	size, err := spec.Input.Size()
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Compile(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &ring{spec: spec, first: first, numbers: map[string]int{}}
	scene := synth.New(spec.Input.Width, spec.Input.Height, uint64(first)+1)
	for i := range n {
		memory := make([]byte, size)
		f, err := frame.WrapBytes(spec.Input, memory)
		if err != nil {
			t.Fatal(err)
		}
		scene.Render(&f, i)
		if spec.Input.Format == frame.BGR24 {
			stampCorner(&f, first+i)
		} else {
			synth.Fill(&f, synth.Index(spec.Input.Width, spec.Input.Height, first+i))
		}
		b := pipeline.Batch{In: []frame.Frame{f}}
		if err := p.Run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		data := bytes.Clone(b.Out[0].Bytes())
		b.Release()
		if got, err := r.index(data); err != nil || got != first+i {
			t.Fatalf("image of frame %d: got index %d, %v", first+i, got, err)
		}
		r.frames, r.images = append(r.frames, memory), append(r.images, data)
		r.numbers[string(data)] = i
	}
	return r
}

// stampCorner draws the index n into the upper left corner of a BGR24 frame.
func stampCorner(f *frame.Frame, n int) {
	pattern := synth.Index(cornerWidth, cornerHeight, n)
	for y := range cornerHeight {
		row := f.Row(0, y)
		for x := range cornerWidth {
			red, green, blue := pattern(x, y)
			row[3*x], row[3*x+1], row[3*x+2] = blue, green, red
		}
	}
}

// index returns the index that an image of the ring's carries.
func (r *ring) index(data []byte) (int, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	if r.spec.Input.Format != frame.BGR24 {
		return synth.ReadIndex(img)
	}
	bounds := img.Bounds()
	corner := image.NewRGBA(image.Rect(0, 0, cornerWidth*bounds.Dx()/r.spec.Input.Width, cornerHeight*bounds.Dy()/r.spec.Input.Height))
	draw.Draw(corner, corner.Bounds(), img, bounds.Min, draw.Src)
	return synth.ReadIndex(corner)
}

// run returns n numbers of frames, in their order, from a place that depends on call.
func (r *ring) run(call, n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = (call*7 + i) % len(r.frames)
	}
	return numbers
}

// batch returns the frames of those numbers.
func (r *ring) batch(numbers []int) [][]byte {
	var all [][]byte
	for _, i := range numbers {
		all = append(all, r.frames[i])
	}
	return all
}

// check returns an errMixed unless image is the one of that frame.
func (r *ring) check(data []byte, number int) error {
	if bytes.Equal(data, r.images[number]) {
		return nil
	}
	index, err := r.index(data)
	return &mixedError{fmt.Sprintf("of frame %d: got %d bytes that are not its image; they carry index %d (%v)", r.first+number, len(data), index, err)}
}

// mixedError is an image that is not the one that it should be.
type mixedError struct{ what string }

// Error returns which image, and what it is.
func (e *mixedError) Error() string { return "a wrong image " + e.what }

// query returns the ring's spec in the words of HTTP; raw frames are described too.
func (r *ring) query(raw bool) string {
	q := fmt.Sprintf("quality=%d", r.spec.Output.Quality)
	if r.spec.Resize.Width > 0 {
		q += fmt.Sprintf("&resize=%dx%d", r.spec.Resize.Width, r.spec.Resize.Height)
	}
	if raw {
		q += fmt.Sprintf("&format=%s&size=%dx%d", r.spec.Input.Format, r.spec.Input.Width, r.spec.Input.Height)
	}
	return q
}

// y4m returns the frames of those numbers as a Y4M stream.
func (r *ring) y4m(t testing.TB, numbers []int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := ingest.NewY4MWriter(&out, r.spec.Input, 25, 1)
	for _, i := range numbers {
		var f frame.Frame
		if err == nil {
			f, err = frame.WrapBytes(r.spec.Input, r.frames[i])
		}
		if err == nil {
			err = w.WriteFrame(&f)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// soakRings makes the frames that are sent for encoding.
func soakRings(t testing.TB, n int) *rings {
	w1 := pipeline.Spec{
		Input:  frame.Desc{Format: frame.BGR24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320}, Output: pipeline.Output{Quality: 80},
	}
	planes := pipeline.Spec{
		Input:  frame.Desc{Format: frame.I420, Width: 320, Height: 180, Range: frame.RangeLimited},
		Output: pipeline.Output{Quality: 80},
	}
	r := &rings{w1: newRing(t, w1, n, 0), y4m: newRing(t, planes, n, 10_000)}
	for i := range 8 {
		r.y4ms = append(r.y4ms, r.y4m.y4m(t, r.y4m.run(i, y4mFrames)))
	}
	return r
}

// liveRings makes the frames of the live streams, no two of which have one in common.
func liveRings(t testing.TB, n int) map[string]*ring {
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 320, Height: 180}, Output: pipeline.Output{Quality: 80}}
	all := map[string]*ring{}
	for i, name := range liveNames {
		all[name] = newRing(t, spec, n, 20_000*(i+1))
	}
	return all
}
