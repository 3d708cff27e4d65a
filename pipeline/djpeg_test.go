package pipeline

import (
	"bytes"
	"fmt"
	stdjpeg "image/jpeg"
	"os/exec"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// libjpeg-turbo decodes every kind of JPEG, split among workers or not, without a warning, and sees what image/jpeg
// sees.
func TestDjpegDecodes(t *testing.T) {
	djpeg := exttool.Require(t, "djpeg", "libjpeg-turbo-progs")
	workers := newWorkers(t, 4)
	in := frame.Desc{Format: frame.BGR24, Width: 641, Height: 359}
	scene := synth.New(in.Width, in.Height, 7)
	f := draw(t, in, waves(0), 0)
	scene.Render(&f, 0)
	for _, o := range outputs {
		if o.Format != JPEG {
			continue
		}
		t.Run(fmt.Sprintf("subsampling=%s/restart=%s", o.Subsampling, o.Restart), func(t *testing.T) {
			data := runOne(t, compile(t, Spec{Input: in, Output: o}, workers), f)
			// Plain upsampling, as image/jpeg does it; -strict makes warnings fail.
			cmd := exec.Command(djpeg, "-nosmooth", "-dct", "int", "-strict", "-rgb", "-pnm")
			cmd.Stdin = bytes.NewReader(data)
			var complaints bytes.Buffer
			cmd.Stderr = &complaints
			pnm, err := cmd.Output()
			if err != nil || complaints.Len() > 0 {
				t.Fatalf("djpeg: %v: %s", err, complaints.Bytes())
			}
			header := fmt.Sprintf("P6\n%d %d\n255\n", in.Width, in.Height)
			pix, ok := bytes.CutPrefix(pnm, []byte(header))
			if !ok || len(pix) != 3*in.Width*in.Height {
				t.Fatalf("djpeg: got %d bytes beginning %q, want %q and the pixels", len(pnm), pnm[:min(20, len(pnm))], header)
			}
			img, err := stdjpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if db := psnr(colors(img), unpack(pix, RawRGB24, in.Width, in.Height)); db < 45 {
				t.Errorf("djpeg and image/jpeg differ: got %.1f dB, want >= 45", db)
			}
		})
	}
}
