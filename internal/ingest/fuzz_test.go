package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// fuzzBytes caps a fuzzed stream, fuzzPixels what it may declare.
const (
	fuzzBytes  = 1 << 14
	fuzzPixels = 1 << 12
)

// fuzzBudget is what reading such a stream may lease at once: one frame of the widest format, in its size class.
const fuzzBudget = fuzzPixels * 16

// FuzzRaw holds that, whatever is declared and sent, the samples of the frames and the rest that TruncatedError counts
// are the bytes of the stream, within one frame's memory.
func FuzzRaw(f *testing.F) {
	f.Add(uint8(frame.BGR24), 4, 2, []byte("twenty-four bytes a frame, and some more"))
	f.Add(uint8(frame.I420), 3, 3, noise(1, 34))
	f.Add(uint8(frame.NV12), 1, 1, noise(2, 9))
	f.Add(uint8(frame.BGRF32P), 1, 2, noise(3, 23))
	f.Add(uint8(frame.Gray8), 65536, 65536, []byte{})
	f.Add(uint8(200), -1, 1, []byte("x"))
	f.Fuzz(func(t *testing.T, format uint8, width, height int, data []byte) {
		if len(data) > fuzzBytes {
			return
		}
		d := frame.Desc{Format: frame.PixelFormat(format), Width: width, Height: height}
		p := pooltest.New(t, &pool.Options{Budget: fuzzBudget})
		r, err := ingest.NewRaw(bytes.NewReader(data), d, p)
		if err != nil {
			if d.Validate() == nil && !errors.Is(err, pool.ErrSize) {
				t.Fatalf("%s: got error %v for a valid geometry", d, err)
			}
			return
		}
		size := mustSize(t, d)
		if pool.ClassSize(size) > fuzzBudget {
			if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) && len(data) > 0 {
				t.Fatalf("%s: got error %v, want %v", d, err, pool.ErrBudget)
			}
			return
		}
		got, err := readAll(t, r)
		rest := len(data) % size
		var te *ingest.TruncatedError
		switch {
		case rest == 0 && err != io.EOF:
			t.Fatalf("%s: got error %v after whole frames, want %v", d, err, io.EOF)
		case rest != 0 && (!errors.As(err, &te) || *te != ingest.TruncatedError{Frame: len(data) / size, Got: rest, Want: size}):
			t.Fatalf("%s: got error %v for %d bytes", d, err, len(data))
		}
		if !bytes.Equal(got, data[:len(data)-rest]) {
			t.Fatalf("%s: the samples of the frames are not those of the stream", d)
		}
	})
}

// FuzzY4M holds that what can be read, written again and read again gives the same frames, within one frame's memory.
func FuzzY4M(f *testing.F) {
	f.Add(concat("YUV4MPEG2 W5 H3 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\nFRAME\n", noise(1, 27), "FRAME Ip\n", noise(2, 27)))
	f.Add(concat("YUV4MPEG2 W4 H2 F30000:1001 C420mpeg2 XCOLORRANGE=LIMITED\nFRAME\n", noise(3, 12)))
	f.Add(concat("YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcdFRAME\nab"))
	f.Add([]byte("YUV4MPEG2 W1 H1\nFRAME\nyuvFRAMED\n"))
	f.Add([]byte("YUV4MPEG2 W65535 H65535 F25:1\nFRAME\n"))
	f.Add([]byte("YUV4MPEG2 W65536 H65536 F25:1\nFRAME\n"))
	f.Add([]byte("YUV4MPEG2 W640 H360 C444p16 F0:0\n"))
	f.Add([]byte("YUV4MPEG2 X" + string(noise(4, 300))))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > fuzzBytes {
			return
		}
		first, err := readY4M(t, stream)
		if err != nil {
			return
		}
		if first.desc.Width*first.desc.Height > fuzzPixels || len(first.samples) > len(stream) {
			t.Fatalf("got %d bytes of %s out of a stream of %d bytes", len(first.samples), first.desc, len(stream))
		}
		var b bytes.Buffer
		w, err := ingest.NewY4MWriter(&b, first.desc, first.num, first.den)
		if err != nil {
			t.Fatal(err)
		}
		size := mustSize(t, first.desc)
		for i := 0; i < len(first.samples); i += size {
			f, err := frame.WrapBytes(first.desc, first.samples[i:i+size])
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WriteFrame(&f); err != nil {
				t.Fatal(err)
			}
		}
		second, err := readY4M(t, b.Bytes())
		if err != nil || second.end != io.EOF {
			t.Fatalf("got errors %v, %v from the stream written again", err, second.end)
		}
		second.end = first.end
		if !reflect.DeepEqual(second, first) {
			t.Fatalf("got %d bytes of %s from the stream written again, want the %d of %s",
				len(second.samples), second.desc, len(first.samples), first.desc)
		}
	})
}

// y4mContent is all that a Y4M stream holds.
type y4mContent struct {
	desc     frame.Desc
	num, den int
	samples  []byte // of the whole frames
	end      error  // what ended them
}

// readY4M returns what stream holds, or the error of its header.
func readY4M(t *testing.T, stream []byte) (y4mContent, error) {
	p := pooltest.New(t, &pool.Options{Budget: fuzzBudget})
	r, err := ingest.NewY4M(bytes.NewReader(stream), p, ingest.Limits{MaxPixels: fuzzPixels})
	if err != nil {
		return y4mContent{}, err
	}
	c := y4mContent{desc: r.Desc()}
	c.num, c.den = r.FPS()
	c.samples, c.end = readAll(t, r)
	return c, nil
}
