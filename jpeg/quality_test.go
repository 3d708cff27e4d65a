package jpeg

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/race"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// TestAgainstCjpeg compares with libjpeg-turbo's accurate integer DCT on the same pixels, both decoded by image/jpeg:
// at most 0.1 dB less, and at most 2 % more bytes.
func TestAgainstCjpeg(t *testing.T) {
	race.SkipSequential(t)
	cjpeg := exttool.Require(t, "cjpeg", "libjpeg-turbo-progs")
	samples := map[Subsampling]string{Sub420: "2x2", Sub422: "2x1", Sub444: "1x1"}
	for seed := range uint64(3) {
		p := newTestImage(333, 251, seed)
		for _, s := range []Subsampling{Sub420, Sub422, Sub444, Gray} {
			for _, quality := range []int{50, 75, 90, 95} {
				t.Run(fmt.Sprintf("image=%d/subsampling=%v/q=%d", seed, s, quality), func(t *testing.T) {
					ours := encode(t, p.frame(t, frame.RGB24), Options{Quality: quality, Subsampling: s})
					args := []string{"-quality", fmt.Sprint(quality), "-dct", "int", "-baseline"}
					if s == Gray {
						args = append(args, "-grayscale")
					} else {
						args = append(args, "-sample", samples[s])
					}
					cmd := exec.Command(cjpeg, args...)
					cmd.Stdin = bytes.NewReader(fmt.Appendf(nil, "P6\n%d %d\n255\n%s", p.width, p.height, p.rgb))
					theirs, err := cmd.Output()
					if err != nil {
						t.Fatal(err)
					}
					psnr, want := p.psnr(decode(t, ours, p.width, p.height, s)), p.psnr(decode(t, theirs, p.width, p.height, s))
					t.Logf("%.2f dB in %d bytes, libjpeg-turbo %.2f dB in %d", psnr, len(ours), want, len(theirs))
					if psnr < want-0.1 {
						t.Errorf("got %.2f dB, libjpeg-turbo %.2f", psnr, want)
					}
					if len(ours) > len(theirs)+len(theirs)/50 {
						t.Errorf("got %d bytes, libjpeg-turbo %d", len(ours), len(theirs))
					}
				})
			}
		}
	}
}

// TestQuantTables compares the quantization tables of every quality with cjpeg's, byte for byte.
func TestQuantTables(t *testing.T) {
	cjpeg := exttool.Require(t, "cjpeg", "libjpeg-turbo-progs")
	p := newTestImage(16, 16, 1)
	for quality := 1; quality <= 100; quality++ {
		cmd := exec.Command(cjpeg, "-quality", fmt.Sprint(quality), "-baseline")
		cmd.Stdin = bytes.NewReader(fmt.Appendf(nil, "P6\n16 16\n255\n%s", p.rgb))
		theirs, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		ours := encode(t, p.frame(t, frame.RGB24), Options{Quality: quality})
		if got, want := quantTables(ours), quantTables(theirs); !slices.Equal(got, want) {
			t.Errorf("quality %d: got %v, want %v", quality, got, want)
		}
	}
}

// quantTables returns the parameters of the DQT segments of b, one after the other.
func quantTables(b []byte) (tables []byte) {
	for b = b[2:]; b[1] != markerSOS; {
		n := 2 + int(b[2])<<8 + int(b[3])
		if b[1] == markerDQT {
			tables = append(tables, b[4:n]...)
		}
		b = b[n:]
	}
	return tables
}
