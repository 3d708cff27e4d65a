package scene

import (
	"bytes"
	"testing"

	"github.com/steadyframe/steadyframe/pipeline"
)

// FuzzCompose: wherever a region lies, and whatever segments are, an image is that of the whole.
func FuzzCompose(f *testing.F) {
	f.Add(int32(10), int32(5), uint16(30), uint16(20), uint16(3), uint8(0), uint8(1))
	f.Add(int32(-9), int32(-9), uint16(300), uint16(300), uint16(0), uint8(2), uint8(2))
	f.Add(int32(70), int32(40), uint16(1), uint16(0), uint16(7), uint8(1), uint8(0))
	f.Add(int32(1<<30), int32(-1<<30), uint16(65535), uint16(1), uint16(65535), uint8(3), uint8(3))
	f.Fuzz(func(t *testing.T, x, y int32, width, height, restart uint16, sub, feather uint8) {
		rect := pipeline.Rect{X: int(x), Y: int(y), Width: int(width) % 300, Height: int(height) % 300}
		var mask *Mask
		if feather > 0 {
			mask = &Mask{Shape: Shape(feather % 2), Feather: float64(feather)}
		}
		bg, patch := rgb24(t, 90, 70, 1), rgb24(t, 24, 31, 2)
		b, err := NewBuilder(&Options{Subsampling: subsamplings[sub%4], Restart: int(restart), Movable: true})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Discard()
		err = b.Add(Background{Frame: bg, Places: []Place{{Rect: rect, Mask: mask}}})
		if far := x < -maxOffset || x > maxOffset || y < -maxOffset || y > maxOffset; far != (err != nil) {
			t.Fatalf("%s: got %v, want an error only for far rectangles", rect, err)
		}
		if err != nil {
			return
		}
		s, err := b.Scene()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got, _ := compose(t, s, Image{Regions: []Region{{Frame: patch}}})
		c := newCanvas(t, bg)
		var pix []byte
		if mask != nil {
			pix = maskBytes(mask, rect.Width, rect.Height)
		}
		c.paste(t, patch, rect, pipeline.Bilinear, pix)
		if !bytes.Equal(got, c.encode(t, s)) {
			t.Errorf("%s, mask %+v, restart %d: differs from the whole image", rect, mask, restart)
		}
	})
}
