// Package patches makes videos of eight colored stripes with an exact matrix, range, depth and transfer, and tells how
// far an image is from them.
package patches

import (
	"bytes"
	"image"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/internal/testkit/oracle"
)

// Colors are the stripes, from left to right, as R, G, B.
var Colors = [8][3]float64{
	{200, 30, 30}, {30, 200, 30}, {30, 30, 200}, {200, 200, 30}, {200, 30, 200}, {30, 200, 200}, {235, 235, 235}, {20, 20, 20},
}

// Video says how stripes are coded.
type Video struct {
	Width, Height int    // even
	Matrix        string // of the samples: bt709, bt601, bt2020, fcc, smpte240m; or rgb: PixFmt has no chroma
	Full          bool   // range of the samples
	PixFmt        string // yuv420p, yuv422p10le and so on, or of RGB
	HDR           string // "pq" or "hlg": the stripes are SDR of BT.709, shown with a white of 203 cd/m2, in BT.2020

	Tags   string // arguments of ffmpeg that say what the stream is: -colorspace bt709
	Codec  string // arguments of ffmpeg; empty: FFV1
	Frames int    // 0: 3
}

// matrices are the coefficients of ITU-T H.273, table 4.
var matrices = map[string]oracle.Matrix{
	"bt709": {Kr: 0.2126, Kb: 0.0722}, "bt601": {Kr: 0.299, Kb: 0.114}, "bt2020": {Kr: 0.2627, Kb: 0.0593},
	"fcc": {Kr: 0.30, Kb: 0.11}, "smpte240m": {Kr: 0.212, Kb: 0.087},
}

// Make writes the video to a file of that name in a folder of the test's own, and returns its path. It needs ffmpeg.
func Make(t testing.TB, name string, v Video) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if v.Codec == "" {
		v.Codec = "-c:v ffv1"
	}
	if v.Frames == 0 {
		v.Frames = 3
	}
	input := v.PixFmt
	if v.Matrix == "rgb" {
		input = "rgb24"
	}
	size := strconv.Itoa(v.Width) + "x" + strconv.Itoa(v.Height)
	args := []string{"-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", input, "-s", size, "-r", "25"}
	args = append(args, strings.Fields(v.Tags)...)
	args = append(args, "-i", "-")
	if v.Matrix == "rgb" {
		args = append(args, "-pix_fmt", v.PixFmt)
	}
	args = append(append(append(args, strings.Fields(v.Codec)...), strings.Fields(v.Tags)...), path)
	cmd := exec.Command(exttool.Require(t, "ffmpeg", "ffmpeg"), args...)
	cmd.Stdin = bytes.NewReader(bytes.Repeat(v.frame(), v.Frames))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %q: %v: %s", args, err, out)
	}
	return path
}

// frame returns the samples of a frame.
func (v *Video) frame() []byte {
	if v.Matrix == "rgb" {
		var row []byte
		for x := range v.Width {
			for _, c := range Colors[v.stripe(x)] {
				row = append(row, byte(c))
			}
		}
		return bytes.Repeat(row, v.Height)
	}
	base, digits, deep := strings.Cut(strings.TrimSuffix(v.PixFmt, "le"), "p1")
	depth := 8
	if deep {
		n, _ := strconv.Atoi("1" + digits)
		depth = n
	}
	subX, subY := 1, 1
	switch base = strings.TrimSuffix(base, "p"); base {
	case "yuv420", "yuvj420":
		subX, subY = 2, 2
	case "yuv422", "yuvj422":
		subX = 2
	}
	plane := func(channel, subX, subY int) (all []byte) {
		var row []byte
		for x := 0; x < v.Width; x += subX {
			n := 0.0 // the mean of the pixels that the sample stands for
			for i := range subX {
				n += v.code(channel, v.stripe(x+i), depth) / float64(subX)
			}
			s := int(min(max(math.Round(n), 0), float64(int(1)<<depth-1)))
			if row = append(row, byte(s)); depth > 8 {
				row = append(row, byte(s>>8))
			}
		}
		return bytes.Repeat(row, v.Height/subY)
	}
	return append(append(plane(0, 1, 1), plane(1, subX, subY)...), plane(2, subX, subY)...)
}

// stripe returns the stripe of column x.
func (v *Video) stripe(x int) int { return min(x/(v.Width/len(Colors)), len(Colors)-1) }

// code returns the code of luma (channel 0), Cb or Cr of a stripe.
func (v *Video) code(channel, stripe, depth int) float64 {
	r, g, b := v.signal(Colors[stripe])
	y, cb, cr := matrices[v.Matrix].YCC(r, g, b) // for 0..1
	s := float64(int(1) << (depth - 8))
	luma, chroma, black := 219*s, 224*s, 16*s
	if v.Full {
		luma, chroma, black = 256*s-1, 256*s-1, 0
	}
	return [3]float64{black + luma*y, 128*s + chroma*cb, 128*s + chroma*cr}[channel]
}

// signal returns a color as R, G, B of 0..1 in the video's transfer.
func (v *Video) signal(c [3]float64) (r, g, b float64) {
	if v.HDR == "" {
		return c[0] / 255, c[1] / 255, c[2] / 255
	}
	var l [3]float64 // linear light, 1 for white
	for i := range c {
		l[i] = math.Pow(c[i]/255, 2.4) // ITU-R BT.1886
	}
	// ITU-R BT.2087, M2: BT.709's primaries to BT.2020's.
	m := [3][3]float64{{0.6274, 0.3293, 0.0433}, {0.0691, 0.9195, 0.0114}, {0.0164, 0.0880, 0.8956}}
	var out [3]float64
	for i := range out {
		out[i] = m[i][0]*l[0] + m[i][1]*l[1] + m[i][2]*l[2]
	}
	if v.HDR == "hlg" {
		// The system's gamma of 1.2 at 1000 cd/m2 is undone on luminance (ITU-R BT.2100, table 5).
		luminance := (0.2627*out[0] + 0.6780*out[1] + 0.0593*out[2]) * 203 / 1000
		for i := range out {
			out[i] = hlg(out[i] * 203 / 1000 * math.Pow(luminance, (1-1.2)/1.2))
		}
		return out[0], out[1], out[2]
	}
	return pq(out[0] * 203), pq(out[1] * 203), pq(out[2] * 203)
}

// pq returns the signal of light in cd/m2 (SMPTE ST 2084, ITU-R BT.2100, table 4).
func pq(light float64) float64 {
	const m1, m2, c1, c2, c3 = 2610.0 / 16384, 2523.0 / 32, 3424.0 / 4096, 2413.0 / 128, 2392.0 / 128
	y := math.Pow(light/10000, m1)
	return math.Pow((c1+c2*y)/(1+c3*y), m2)
}

// hlg returns the signal of scene light of 0..1 (ITU-R BT.2100, table 5).
func hlg(e float64) float64 {
	const a = 0.17883277
	if e <= 1.0/12 {
		return math.Sqrt(3 * e)
	}
	return a*math.Log(12*e-(1-4*a)) + 0.5 - a*math.Log(4*a)
}

// Error returns the largest difference of the middles of an image's stripes from Colors, in levels of 0..255, and the
// colors that it found.
func Error(m image.Image) (worst float64, got [8][3]float64) {
	bounds := m.Bounds()
	width := float64(bounds.Dx()) / float64(len(Colors))
	for i := range Colors {
		x0, y0 := bounds.Min.X+int((float64(i)+0.5)*width)-2, bounds.Min.Y+bounds.Dy()/2-2
		for x := x0; x < x0+4; x++ {
			for y := y0; y < y0+4; y++ {
				r, g, b, _ := m.At(x, y).RGBA()
				for c, n := range [3]uint32{r, g, b} {
					got[i][c] += float64(n) / 257 / 16
				}
			}
		}
		for c := range got[i] {
			worst = max(worst, math.Abs(got[i][c]-Colors[i][c]))
		}
	}
	return worst, got
}
