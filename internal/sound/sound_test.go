package sound_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/internal/sound"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
)

// TestWAV reads what ffmpeg writes in each encoding, to a file and to a pipe, and compares with ffmpeg's own floats.
func TestWAV(t *testing.T) {
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	for _, encoding := range []string{"u8", "s16le", "s24le", "s32le", "f32le", "f64le"} {
		for _, channels := range []int{1, 2, 6} {
			if channels != 2 && encoding != "s16le" {
				continue
			}
			t.Run(fmt.Sprintf("%s of %d channels", encoding, channels), func(t *testing.T) {
				input := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.7*sin(1000*t*(1+ch)):d=0.2:s=44100:c=" + fmt.Sprint(channels) + "c"}
				if channels == 6 { // ffmpeg writes WAVE_FORMAT_EXTENSIBLE then.
					input[len(input)-1] = strings.Replace(input[len(input)-1], "c=6c", "c=5.1", 1)
				}
				file := filepath.Join(t.TempDir(), "sound.wav")
				run(t, ffmpeg, append(input, "-c:a", "pcm_"+encoding, file)...)
				want := run(t, ffmpeg, "-nostdin", "-v", "error", "-i", file, "-f", "f64le", "-")
				piped := run(t, ffmpeg, "-nostdin", "-v", "error", "-i", file, "-c:a", "pcm_"+encoding, "-f", "wav", "-")
				long := run(t, ffmpeg, "-nostdin", "-v", "error", "-i", file, "-c:a", "pcm_"+encoding, "-rf64", "always", "-f", "wav", "-")
				for _, wav := range [][]byte{run(t, "cat", file), piped, long} {
					r := iotest.OneByteReader(bytes.NewReader(wav))
					f, n, err := sound.ReadHeader(r)
					if err != nil || f.Encoding.String() != encoding || f.Channels != channels || f.Rate != 44100 {
						t.Fatalf("got %+v, %v", f, err)
					}
					data, err := io.ReadAll(r)
					if err != nil || n >= 0 && n != int64(len(data)) {
						t.Fatalf("the header declares %d bytes, and there are %d: %v", n, len(data), err)
					}
					got := f.AppendMono(nil, data)
					if len(got) != 8820 || len(want) != 8820*8*channels {
						t.Fatalf("got %d samples, and %d bytes of ffmpeg", len(got), len(want))
					}
					for i, x := range got {
						mean := 0.0
						for c := range channels {
							mean += math.Float64frombits(binary.LittleEndian.Uint64(want[(i*channels+c)*8:])) / float64(channels)
						}
						if math.Abs(float64(x)-mean) > 1e-7 {
							t.Fatalf("sample %d: got %v, want %v", i, x, mean)
						}
					}
				}
			})
		}
	}
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, args, err)
	}
	return out
}

// header returns the beginning of a WAV file: its tag, channels, rate and bits, and the bytes that it declares.
func header(tag, channels uint16, rate uint32, bits uint16, data uint32) []byte {
	p := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00")
	p = binary.LittleEndian.AppendUint16(p, tag)
	p = binary.LittleEndian.AppendUint16(p, channels)
	p = binary.LittleEndian.AppendUint32(p, rate)
	p = binary.LittleEndian.AppendUint32(p, rate*uint32(channels*bits/8))
	p = binary.LittleEndian.AppendUint16(p, channels*bits/8)
	p = binary.LittleEndian.AppendUint16(p, bits)
	return binary.LittleEndian.AppendUint32(append(p, "data"...), data)
}

func TestWAVErrors(t *testing.T) {
	whole := header(1, 1, 16000, 16, 0)
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "ends inside its header"},
		{"an MP3", "ID3\x04aaaaaaaaaaaaaaaa", "want RIFF and WAVE"},
		{"cut", string(whole[:30]), "ends inside its header"},
		{"no fmt", "RIFF\x00\x00\x00\x00WAVEdata\x10\x00\x00\x00", "before the chunk"},
		{"short fmt", "RIFF\x00\x00\x00\x00WAVEfmt \x04\x00\x00\x00abcd", "got 4 bytes"},
		{"A-law", string(header(6, 1, 8000, 8, 0)), "format 6 with 8 bits"},
		{"12 bits", string(header(1, 1, 8000, 12, 0)), "format 1 with 12 bits"},
		{"no channel", string(header(1, 0, 8000, 16, 0)), "got 0 channels"},
		{"65 channels", string(header(1, 65, 8000, 16, 0)), "got 65 channels"},
		{"endless head", "RIFF\x00\x00\x00\x00WAVEJUNK\x00\x00\x00\x7f" + strings.Repeat("x", 100), "no samples within"},
	} {
		_, _, err := sound.ReadHeader(strings.NewReader(c.in))
		var wrong *sound.FormatError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to contain %q", c.name, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, _, err := sound.ReadHeader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(header(1, 2, 48000, 16, 1000))
	f.Add([]byte("RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00aaaaaaaabbbbbbbbccccccccdddd"))
	f.Add(append([]byte("RIFF\xff\xff\xff\xffWAVELIST\x03\x00\x00\x00abcd"), header(3, 1, 8000, 32, 8)[12:]...))
	f.Fuzz(func(t *testing.T, p []byte) {
		r := bytes.NewReader(p)
		format, n, err := sound.ReadHeader(r)
		if err != nil {
			return
		}
		if n < -1 || format.MomentBytes() < 1 || format.Channels > sound.MaxChannels {
			t.Fatalf("got %+v and %d bytes", format, n)
		}
		rest := p[len(p)-r.Len():]
		if got := len(format.AppendMono(nil, rest)); got != len(rest)/format.MomentBytes() {
			t.Fatalf("got %d samples of %d bytes, %d each", got, len(rest), format.MomentBytes())
		}
	})
}

// TestNPY has numpy load arrays of one to four dimensions.
func TestNPY(t *testing.T) {
	python := exttool.Require(t, "python3", "python3")
	if exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("python3 has no numpy")
	}
	for _, shape := range [][]int{{3}, {0, 80}, {2, 3}, {5, 80, 16}, {1000, 1, 2, 3}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		p := sound.AppendNPYHeader(nil, shape...)
		if len(p)%64 != 0 {
			t.Errorf("%v: the header has %d bytes, want a multiple of 64", shape, len(p))
		}
		for i := range n {
			p = binary.LittleEndian.AppendUint32(p, math.Float32bits(float32(i)/4))
		}
		cmd := exec.Command(python, "-c", "import sys, io, numpy; a = numpy.load(io.BytesIO(sys.stdin.buffer.read())); print(a.dtype, list(a.shape), float(a.sum()))")
		cmd.Stdin = bytes.NewReader(p)
		out, err := cmd.CombinedOutput()
		want := fmt.Sprintf("float32 %s %.1f\n", strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), float64(n)*float64(n-1)/8)
		if n == 0 {
			want = fmt.Sprintf("float32 %s 0.0\n", strings.ReplaceAll(fmt.Sprint(shape), " ", ", "))
		}
		if got := string(out); err != nil || n < 1000 && got != want {
			t.Errorf("%v: got %s, want %s: %v", shape, got, want, err)
		}
	}
}
