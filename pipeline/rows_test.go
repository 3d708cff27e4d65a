package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// filling is a frame that is filled from the top, and holds other bytes until then.
type filling struct {
	whole, frame frame.Frame
	rows         int
}

func newFilling(t *testing.T, d frame.Desc) *filling {
	return &filling{whole: draw(t, d, waves(3), 0), frame: draw(t, d, noise, 0)}
}

// fill fills it up to row n.
func (f *filling) fill(n int) {
	for p := range f.whole.Desc.Format.Planes() {
		_, height, _ := f.whole.Desc.PlaneSize(p)
		for y := f.rows * height / f.whole.Desc.Height; y < n*height/f.whole.Desc.Height; y++ {
			copy(f.frame.Row(p, y), f.whole.Row(p, y))
		}
	}
	f.rows = n
}

// TestRows: a frame that is filled while it is encoded becomes the same bytes as a whole one, no row is used before it is there, and for the last
// band all of them are.
func TestRows(t *testing.T) {
	const width, height = 150, 133
	geometries := []Spec{
		{},
		{Resize: Resize{Width: 64, Height: 70}},
		{Resize: Resize{Width: 75, Height: 66, Filter: Area}},
		{Resize: Resize{Width: 200, Height: 190}},
		{Resize: Resize{Width: 96, Height: 200, Mode: Fit}},
		{Resize: Resize{Width: 40, Height: 40, Filter: Nearest}},
		{Crop: Rect{X: 8, Y: 10, Width: 100, Height: 60}},
	}
	for i, d := range inputs(width, height) {
		for j, s := range geometries {
			for k, out := range outputs {
				if j > 0 && k != (i+j)%len(outputs) { // not all of them with each
					continue
				}
				if s.Input, s.Output = d, out; s.Validate() == nil {
					t.Run(fmt.Sprintf("%s/%d/%d", d, j, k), func(t *testing.T) { checkRows(t, s) })
				}
			}
		}
	}
}

func checkRows(t *testing.T, s Spec) {
	p := compile(t, s, newWorkers(t, 3))
	f := newFilling(t, s.Input)
	whole := Batch{In: []frame.Frame{f.whole}}
	defer whole.Release()
	if err := p.Run(t.Context(), &whole); err != nil || whole.Out[0].Err != nil {
		t.Fatal(err, whole.Out[0].Err)
	}
	b := Batch{In: []frame.Frame{f.frame}}
	defer b.Release()
	b.Rows = func(n int) error {
		if n < f.rows || n > s.Input.Height {
			t.Errorf("got %d rows after %d, want no fewer, and %d at most", n, f.rows, s.Input.Height)
		}
		f.fill(n)
		return nil
	}
	if err := p.Run(t.Context(), &b); err != nil || b.Out[0].Err != nil {
		t.Fatal(err, b.Out[0].Err)
	}
	if f.rows != s.Input.Height {
		t.Errorf("got %d rows asked for, want all %d", f.rows, s.Input.Height)
	}
	if !bytes.Equal(b.Out[0].Bytes(), whole.Out[0].Bytes()) {
		t.Error("got other bytes than of the whole frame")
	}
}

// TestRowsAreFew: a packed frame need not be there as a whole before the last bands are made.
func TestRowsAreFew(t *testing.T) {
	s := Spec{Input: frame.Desc{Format: frame.BGR24, Width: 64, Height: 160}}
	p := compile(t, s, nil)
	b := batchOf(t, s, 1)
	defer b.Release()
	var got []int
	b.Rows = func(n int) error { got = append(got, n); return nil }
	if err := p.Run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, n := range got {
		if want := 16 * (i + 1); n != want {
			t.Errorf("band %d: got %d rows, want %d", i, n, want)
		}
	}
	if len(got) != 10 {
		t.Errorf("got %d calls, want one for each of 10 bands", len(got))
	}
}

// TestRowsDoNotCome: the error is the frame's, and nothing is left.
func TestRowsDoNotCome(t *testing.T) {
	late := errors.New("late")
	p := compile(t, small, newWorkers(t, 2))
	b := batchOf(t, small, 1)
	b.Rows = func(int) error { return late }
	if err := p.Run(t.Context(), b); err != nil || !errors.Is(b.Out[0].Err, late) || !b.Out[0].Buf.IsZero() {
		t.Errorf("got %v, %v, want the frame's error %v", err, b.Out[0].Err, late)
	}
	b.Rows = nil
	if err := p.Run(t.Context(), b); err != nil || b.Out[0].Err != nil {
		t.Errorf("afterwards: got %v, %v", err, b.Out[0].Err)
	}
	b.Release()
}
