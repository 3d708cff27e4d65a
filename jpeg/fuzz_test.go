package jpeg

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// FuzzAppend wants every image to decode in image/jpeg at its size, with the same bytes however the runs are split.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(1), uint8(1), uint8(75), uint8(0), int16(0), []byte{0})
	f.Add(uint8(33), uint8(17), uint8(100), uint8(0), int16(1), []byte{0, 255, 255, 0})
	f.Add(uint8(70), uint8(40), uint8(1), uint8(1), int16(-1), []byte("slow gradients"))
	f.Add(uint8(16), uint8(64), uint8(50), uint8(2), int16(5), []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 7})
	f.Add(uint8(200), uint8(9), uint8(95), uint8(3), int16(300), []byte{1, 2, 3, 4, 250, 100, 90})
	f.Fuzz(func(t *testing.T, width, height, quality, subsampling uint8, interval int16, pixels []byte) {
		w, h := max(int(width), 1), max(int(height), 1)
		o := Options{Quality: int(quality) % 101, Subsampling: Subsampling(subsampling % 4), RestartInterval: max(int(interval), RestartRow)}
		p := &testImage{w, h, make([]byte, 3*w*h)}
		for n := 0; n < len(p.rgb) && len(pixels) > 0; {
			n += copy(p.rgb[n:], pixels)
		}
		fr := p.frame(t, frame.RGB24)
		e, err := NewEncoder(fr.Desc, &o)
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Append(nil, fr)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, want, w, h, o.Subsampling)
		rng := rand.New(rand.NewPCG(uint64(width), uint64(height)))
		if got := joinRuns(e.coder, bandsOf(e, fr), rng); !bytes.Equal(got, want) {
			t.Errorf("%dx%d %+v: runs of %d bands give other bytes than Append", w, h, o, e.coder.RunBands())
		}
	})
}
