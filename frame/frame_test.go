package frame_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestWrap(t *testing.T) {
	d := frame.Desc{Format: frame.I420, Width: 5, Height: 3}
	pix := make([]byte, 100)
	for i := range pix {
		pix[i] = byte(i)
	}
	f, err := frame.Wrap(d,
		frame.Plane{Pix: pix[:40], Stride: 16, Width: 5, Height: 3},
		frame.Plane{Pix: pix[50:]}, // tight
		frame.Plane{Pix: pix[60:71], Stride: 8})
	if err != nil {
		t.Fatal(err)
	}
	want := []frame.Plane{
		{Pix: pix[:37], Stride: 16, Width: 5, Height: 3},
		{Pix: pix[50:56], Stride: 3, Width: 3, Height: 2},
		{Pix: pix[60:71], Stride: 8, Width: 3, Height: 2},
	}
	if f.Desc != d || f.Owned() || len(f.Planes()) != len(want) {
		t.Fatalf("got %s, owned %t, %d planes, want %s, borrowed, %d planes", f.Desc, f.Owned(), len(f.Planes()), d, len(want))
	}
	for i, w := range want {
		got := *f.Plane(i)
		if !bytes.Equal(got.Pix, w.Pix) || got.Stride != w.Stride || got.Width != w.Width || got.Height != w.Height {
			t.Errorf("plane %d: got %+v, want %+v", i, got, w)
		}
		if cap(got.Pix) != len(got.Pix) {
			t.Errorf("plane %d: got capacity %d, want %d: no way into what follows", i, cap(got.Pix), len(got.Pix))
		}
	}
	if got, want := f.Row(0, 2), pix[32:37]; !bytes.Equal(got, want) {
		t.Errorf("row 2 of plane 0: got %v, want %v", got, want)
	}
	if got, want := f.Row(2, 1), pix[68:71]; !bytes.Equal(got, want) {
		t.Errorf("row 1 of plane 2: got %v, want %v", got, want)
	}
	f.Release()
	f.Release()
	if len(f.Planes()) != 3 {
		t.Errorf("got %d planes after Release of a borrowed frame, want 3: it does nothing", len(f.Planes()))
	}
}

func TestWrapRefuses(t *testing.T) {
	bgr := frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}
	nv12 := frame.Desc{Format: frame.NV12, Width: 5, Height: 3}
	pix := make([]byte, 691200)
	luma := frame.Plane{Pix: pix[:15]}
	tests := []struct {
		name          string
		desc          frame.Desc
		planes        []frame.Plane
		field, reason string
	}{
		{"bad-desc", frame.Desc{Format: frame.BGR24, Width: 65536, Height: 65536}, []frame.Plane{{Pix: pix}}, "width", "got 65536"},
		{"no-plane", bgr, nil, "planes", "got 0, want 1 for bgr24"},
		{"too-many", bgr, []frame.Plane{{Pix: pix}, {Pix: pix}}, "planes", "got 2, want 1 for bgr24"},
		{"too-few", nv12, []frame.Plane{luma}, "planes", "got 1, want 2 for nv12"},
		{"stride", bgr, []frame.Plane{{Pix: pix, Stride: 640}}, "planes[0].stride", "got 640, want >= 1920 for bgr24 640x360"},
		{"negative-stride", bgr, []frame.Plane{{Pix: pix, Stride: -1920}}, "planes[0].stride", "got -1920"},
		{"huge-stride", bgr, []frame.Plane{{Pix: pix, Stride: math.MaxInt}}, "planes[0].pix", "got 691200 bytes"},
		{"overflowing-stride", bgr, []frame.Plane{{Pix: pix, Stride: math.MaxInt/359 + 1}}, "planes[0].pix", "got 691200 bytes"},
		{"empty", bgr, []frame.Plane{{}}, "planes[0].pix", "got 0 bytes, want 360 rows of 1920, 1920 apart"},
		{"one-short", bgr, []frame.Plane{{Pix: pix[:691199]}}, "planes[0].pix", "got 691199 bytes"},
		{"less-than-a-row", bgr, []frame.Plane{{Pix: pix[:1919]}}, "planes[0].pix", "got 1919 bytes"},
		{"strided-short", nv12, []frame.Plane{luma, {Pix: pix[:13], Stride: 8}}, "planes[1].pix", "got 13 bytes, want 2 rows of 6, 8 apart"},
		{"width", nv12, []frame.Plane{luma, {Pix: pix, Width: 5}}, "planes[1].width", "got 5, want 3"},
		{"height", nv12, []frame.Plane{luma, {Pix: pix, Height: 3}}, "planes[1].height", "got 3, want 2"},
		{"negative-width", nv12, []frame.Plane{{Pix: pix, Width: -5}, luma}, "planes[0].width", "got -5, want 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := frame.Wrap(tt.desc, tt.planes...)
			wantDescError(t, err, tt.field, tt.reason)
			if len(f.Planes()) != 0 || f.Desc != (frame.Desc{}) {
				t.Errorf("got %s with an error, want the zero Frame", f.Desc)
			}
		})
	}
}

// TestWrapShortest: the last row needs no padding, for one row and for many.
func TestWrapShortest(t *testing.T) {
	for _, height := range []int{1, 2, 3, 100} {
		d := frame.Desc{Format: frame.RGB24, Width: 7, Height: height}
		const stride = 32
		pix := make([]byte, (height-1)*stride+21)
		if _, err := frame.Wrap(d, frame.Plane{Pix: pix, Stride: stride}); err != nil {
			t.Errorf("height %d: %v", height, err)
		}
		if _, err := frame.Wrap(d, frame.Plane{Pix: pix[1:], Stride: stride}); err == nil {
			t.Errorf("height %d: one byte less was taken", height)
		}
	}
}

func TestWrapBytes(t *testing.T) {
	for _, format := range frame.Formats() {
		d := frame.Desc{Format: format, Width: 5, Height: 3}
		size, err := d.Size()
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size)
		f, err := frame.WrapBytes(d, data)
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		// Count each byte through the rows: all of data, each once.
		for i, p := range f.Planes() {
			for y := range p.Height {
				for x := range f.Row(i, y) {
					f.Row(i, y)[x]++
				}
			}
		}
		if n := bytes.Count(data, []byte{1}); n != size {
			t.Errorf("%s: the rows cover %d bytes once, want %d", d, n, size)
		}
		for _, wrong := range []int{0, size - 1, size + 1} {
			_, err := frame.WrapBytes(d, make([]byte, wrong))
			wantDescError(t, err, "data", d.String())
		}
	}
	_, err := frame.WrapBytes(frame.Desc{}, nil)
	wantDescError(t, err, "format", "got 0")
}

func TestAppendBatch(t *testing.T) {
	for _, format := range frame.Formats() {
		d := frame.Desc{Format: format, Width: 5, Height: 3}
		size, err := d.Size()
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 3*size)
		for i := range data {
			data[i] = byte(i / size)
		}
		first, err := frame.AppendBatch(nil, d, data[:size])
		if err != nil || len(first) != 1 {
			t.Fatalf("%s: got %d frames, %v, want 1", d, len(first), err)
		}
		frames, err := frame.AppendBatch(first, d, data)
		if err != nil || len(frames) != 4 {
			t.Fatalf("%s: got %d frames, %v, want 1 and 3", d, len(frames), err)
		}
		for n, f := range frames[1:] {
			last := f.Planes()[format.Planes()-1]
			if got := last.Pix[len(last.Pix)-1]; f.Desc != d || f.Owned() || int(got) != n {
				t.Errorf("%s: frame %d: got %s, byte %d", d, n, f.Desc, got)
			}
		}
		for _, wrong := range []int{1, size - 1, size + 1, 3*size - 1} {
			same, err := frame.AppendBatch(first, d, make([]byte, wrong))
			wantDescError(t, err, "data", "want a multiple of")
			if len(same) != 1 {
				t.Errorf("%s: got %d frames with an error, want the 1 that was there", d, len(same))
			}
		}
		if none, err := frame.AppendBatch(nil, d, nil); len(none) != 0 || err != nil {
			t.Errorf("%s: got %d frames of nothing, %v", d, len(none), err)
		}
	}
	_, err := frame.AppendBatch(nil, frame.Desc{}, nil)
	wantDescError(t, err, "format", "got 0")
}

func TestPlanePanics(t *testing.T) {
	f, err := frame.WrapBytes(frame.Desc{Format: frame.Gray8, Width: 2, Height: 2}, make([]byte, 4))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		call func()
	}{
		{"plane-1", func() { f.Plane(1) }},
		{"plane-minus-1", func() { f.Plane(-1) }},
		{"row-2", func() { f.Row(0, 2) }},
		{"row-minus-1", func() { f.Row(0, -1) }},
		{"zero-frame", func() { new(frame.Frame).Plane(0) }},
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

func TestWrapAllocates(t *testing.T) {
	bgr := frame.Desc{Format: frame.BGR24, Width: 64, Height: 36}
	i420 := frame.Desc{Format: frame.I420, Width: 64, Height: 36}
	data := make([]byte, 64*36*3)
	y, cb, cr := data[:2304], data[2304:2880], data[2880:3456]
	alloctest.Zero(t, 1000, func() {
		if _, err := frame.Wrap(bgr, frame.Plane{Pix: data, Stride: 192}); err != nil {
			t.Fatal(err)
		}
		if _, err := frame.WrapBytes(i420, data[:3456]); err != nil {
			t.Fatal(err)
		}
		f, err := frame.Wrap(i420, frame.Plane{Pix: y}, frame.Plane{Pix: cb}, frame.Plane{Pix: cr})
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Planes() {
			f.Row(i, 0)[0]++
		}
		f.Release()
	})
}
