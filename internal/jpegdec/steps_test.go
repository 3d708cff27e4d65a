package jpegdec

import (
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
)

// TestSteps: the decoder is given the data of a scan in steps of few blocks, however few bytes stand for them.
func TestSteps(t *testing.T) {
	for _, m := range []oddjpeg.Image{
		{Width: 8000, Height: 6000, Progressive: true, ACScans: 31},
		{Width: 8000, Height: 6000, Sampling: []byte{0x11, 0x11, 0x11}},
		{Width: 64, Height: 64, Progressive: true, ACScans: 3},
	} {
		data := m.Bytes()
		h := header{collecting: true}
		if err := h.read(data); err != nil {
			t.Fatal(err)
		}
		total, last := h.blocks(0)*len(m.Sampling), 0
		if m.Sampling == nil {
			total = h.blocks(0)
		}
		for _, p := range h.pieces {
			if p.step < minStep || p.step > maxStep || p.end < last {
				t.Fatalf("%+v: got piece %+v after %d", m, p, last)
			}
			size := p.end - last
			if steps := (size + p.step - 1) / p.step; p.step > minStep && p.step < maxStep && steps < total/stepBlocks {
				t.Errorf("%+v: got %d steps for %d blocks, want %d or more", m, steps, total, total/stepBlocks)
			}
			if p.step == maxStep && size > 200 && size*stepBlocks < total*maxStep/2 {
				t.Errorf("%+v: got %d bytes in steps of %d for %d blocks", m, size, p.step, total)
			}
			last = p.end
		}
		if last != len(data) {
			t.Errorf("%+v: got pieces up to %d, want %d", m, last, len(data))
		}
	}
}
