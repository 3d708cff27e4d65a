package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// concat joins strings and byte slices.
func concat(parts ...any) []byte {
	var all []byte
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			all = append(all, p...)
		case []byte:
			all = append(all, p...)
		}
	}
	return all
}

func TestY4MHeader(t *testing.T) {
	i420 := frame.Desc{Format: frame.I420, Width: 640, Height: 360}
	full, limited, gray := i420, i420, i420
	full.Range, limited.Range, gray.Format = frame.RangeFull, frame.RangeLimited, frame.Gray8
	tests := []struct {
		name, header string
		desc         frame.Desc
		num, den     int
	}{
		{"minimal", "YUV4MPEG2 W640 H360", i420, 0, 0},
		{"mjpegtools", "YUV4MPEG2 W640 H360 F30000:1001 It A10:11 C420mpeg2", i420, 30000, 1001},
		{"ffmpeg", "YUV4MPEG2 W640 H360 F179:6 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL", full, 179, 6},
		{"limited", "YUV4MPEG2 W640 H360 F25:1 C420paldv XCOLORRANGE=LIMITED", limited, 25, 1},
		{"plain-420", "YUV4MPEG2 H360 W640 C420 F0:0 I? A0:0", i420, 0, 0},
		{"mono", "YUV4MPEG2 W640 H360 F25:1 Cmono", gray, 25, 1},
		{"yscss-alone", "YUV4MPEG2 W640 H360 XYSCSS=420MPEG2", i420, 0, 0},
		{"yscss-loses-to-c", "YUV4MPEG2 W640 H360 Cmono XYSCSS=422", gray, 0, 0},
		{"unknown-parameters", "YUV4MPEG2 W640 H360  Z9 Xhello X=1 X ", i420, 0, 0},
		{"longest-line", "YUV4MPEG2 W640 H360 X" + strings.Repeat("x", 234), i420, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pooltest.New(t, nil)
			r, err := ingest.NewY4M(strings.NewReader(tt.header+"\n"), p, ingest.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			num, den := r.FPS()
			if r.Desc() != tt.desc || num != tt.num || den != tt.den {
				t.Errorf("got %s at %d:%d, want %s at %d:%d", r.Desc(), num, den, tt.desc, tt.num, tt.den)
			}
			if f, err := r.Next(); err != io.EOF {
				t.Errorf("got %s, %v, want %v", f.Desc, err, io.EOF)
			}
			if n := len(p.Stats().Classes); n != 0 {
				t.Errorf("got %d size classes in use for a header alone, want 0", n)
			}
		})
	}
}

func TestY4MHeaderRefuses(t *testing.T) {
	tests := []struct{ name, stream, field, reason string }{
		{"empty", "", "header", `got "" and the end of the stream`},
		{"cut", "YUV4MPEG2 W640 H360", "header", `got "YUV4MPEG2 W640 H360" and the end`},
		{"other", "RIFF....AVI \n", "header", `got "RIFF....AVI ", want a line that begins YUV4MPEG2`},
		{"other-magic", "YUV4MPEG W640 H360\n", "header", "want a line that begins YUV4MPEG2"},
		{"longer-magic", "YUV4MPEG22 W640 H360\n", "header", "want a line that begins YUV4MPEG2"},
		{"binary", "\x00\xff\x80\n", "header", `got "\x00\xff\x80"`},
		{"no-line-end", strings.Repeat("YUV4MPEG2 ", 1000), "header", "got a line of more than 256 bytes"},
		{"line-too-long", "YUV4MPEG2 W640 H360 X" + strings.Repeat("x", 235) + "\n", "header", "got a line of more than 256 bytes"},
		{"no-width", "YUV4MPEG2 H360\n", "W", "got none"},
		{"no-height", "YUV4MPEG2 W640\n", "H", "got none"},
		{"zero-width", "YUV4MPEG2 W0 H360\n", "W", `got "0", want 1..65535`},
		{"negative", "YUV4MPEG2 W640 H-360\n", "H", `got "-360"`},
		{"huge", "YUV4MPEG2 W65536 H65536\n", "W", `got "65536"`},
		{"overflow", "YUV4MPEG2 W99999999999999999999999 H1\n", "W", "want 1..65535"},
		{"letters", "YUV4MPEG2 Wabc H1\n", "W", `got "abc"`},
		{"bare-w", "YUV4MPEG2 W H1\n", "W", `got ""`},
		{"c422", "YUV4MPEG2 W640 H360 C422\n", "C", `got "422", want 420, 420jpeg, 420mpeg2, 420paldv or mono: convert it with ffmpeg -pix_fmt yuv420p`},
		{"c420p10", "YUV4MPEG2 W640 H360 C420p10\n", "C", `got "420p10"`},
		{"yscss-444", "YUV4MPEG2 W640 H360 XYSCSS=444\n", "C", `got "444"`},
		{"range", "YUV4MPEG2 W640 H360 XCOLORRANGE=half\n", "XCOLORRANGE", `got "half", want FULL or LIMITED`},
		{"rate-word", "YUV4MPEG2 W640 H360 F25\n", "F", `got "25", want a ratio`},
		{"rate-zero-den", "YUV4MPEG2 W640 H360 F25:0\n", "F", `got "25:0"`},
		{"rate-negative", "YUV4MPEG2 W640 H360 F-25:1\n", "F", `got "-25:1"`},
		{"rate-huge", "YUV4MPEG2 W640 H360 F2147483648:1\n", "F", "want a ratio"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range readerKinds {
				r, err := ingest.NewY4M(kind.wrap(strings.NewReader(tt.stream)), pooltest.New(t, nil), ingest.Limits{})
				wantFormatError(t, err, tt.field, tt.reason)
				if r != nil {
					t.Errorf("%s: got a reader with an error", kind.name)
				}
			}
		})
	}
}

func wantFormatError(t *testing.T, err error, field, reason string) {
	t.Helper()
	var fe *ingest.FormatError
	if !errors.As(err, &fe) || fe.Field != field || !strings.Contains(fe.Reason, reason) {
		t.Errorf("got error %v, want a *FormatError about %s: %s", err, field, reason)
	}
	if err != nil && (!strings.HasPrefix(err.Error(), "ingest: Y4M "+field+": ") || len(err.Error()) > 200) {
		t.Errorf("got text %q, want a short one that begins with the field", err)
	}
}

func TestY4MLimits(t *testing.T) {
	p := pooltest.New(t, nil)
	tests := []struct {
		size      string
		maxPixels int
		want      error
	}{
		{"W640 H360", 640 * 360, nil},
		{"W640 H360", 640*360 - 1, &ingest.LimitError{Limit: "pixels", Got: 640 * 360, Max: 640*360 - 1}},
		{"W8000 H5000", 0, nil},
		{"W10000 H5001", 0, &ingest.LimitError{Limit: "pixels", Got: 50_010_000, Max: 50_000_000}},
		{"W65535 H65535", 0, &ingest.LimitError{Limit: "pixels", Got: 65535 * 65535, Max: 50_000_000}},
		{"W14000 H14000", 200_000_000, &pool.SizeError{Got: 294_000_000, Max: pool.MaxSize}},
	}
	for _, tt := range tests {
		_, err := ingest.NewY4M(strings.NewReader("YUV4MPEG2 "+tt.size+"\n"), p, ingest.Limits{MaxPixels: tt.maxPixels})
		if (err == nil) != (tt.want == nil) || err != nil && err.Error() != tt.want.Error() {
			t.Errorf("%s within %d: got error %v, want %v", tt.size, tt.maxPixels, err, tt.want)
		}
	}
	if n := len(p.Stats().Classes); n != 0 {
		t.Errorf("got %d size classes in use, want 0: nothing was read", n)
	}
}

func TestY4MFrames(t *testing.T) {
	p := pooltest.New(t, nil)
	header := "YUV4MPEG2 W5 H3 F25:1\n"
	const size = 27 // 15 + 6 + 6
	pix := noise(1, 3*size)
	pix[0] = '\n' // samples are not lines
	copy(pix[size:], "FRAME\n")
	for _, kind := range readerKinds {
		stream := concat(header, "FRAME\n", pix[:size], "FRAME Ixyz Xa=b\n", pix[size:2*size], "FRAME \n", pix[2*size:])
		r, err := ingest.NewY4M(kind.wrap(bytes.NewReader(stream)), p, ingest.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t, r)
		if err != io.EOF || !bytes.Equal(got, pix) {
			t.Errorf("%s: got %d bytes, error %v, want the %d written, %v", kind.name, len(got), err, len(pix), io.EOF)
		}
	}
}

func TestY4MFramesRefuses(t *testing.T) {
	const size = 27
	truncated := func(frames, got int) error { return &ingest.TruncatedError{Frame: frames, Got: got, Want: size} }
	tests := []struct {
		name   string
		stream []byte // after the header and one whole frame
		want   string
	}{
		{"no-frame-line", noise(2, size), `ingest: Y4M frame: got line`},
		{"other-line", []byte("FRAMES\n"), `ingest: Y4M frame: got line "FRAMES" after 1 whole frames, want FRAME`},
		{"empty-line", []byte("\n"), `ingest: Y4M frame: got line ""`},
		{"long-line", []byte("FRAME X" + strings.Repeat("x", 300)), "ingest: Y4M frame: got a line of more than 256 bytes"},
		{"cut-line", []byte("FRA"), truncated(1, 0).Error()},
		{"no-samples", []byte("FRAME\n"), truncated(1, 0).Error()},
		{"one-sample", []byte("FRAME\nx"), truncated(1, 1).Error()},
		{"one-missing", concat("FRAME\n", noise(2, size-1)), truncated(1, size-1).Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "no-frame-line" {
				tt.stream[10] = '\n' // so that it ends like a line
			}
			for _, kind := range readerKinds {
				stream := concat("YUV4MPEG2 W5 H3 F25:1\nFRAME\n", noise(1, size), tt.stream)
				r, err := ingest.NewY4M(kind.wrap(bytes.NewReader(stream)), pooltest.New(t, nil), ingest.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAll(t, r)
				if len(got) != size || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("%s: got %d bytes, error %v, want %d, %s", kind.name, len(got), err, size, tt.want)
				}
			}
		})
	}
}

func TestY4MStreamErrors(t *testing.T) {
	broken := errors.New("cable pulled")
	p := pooltest.New(t, nil)
	_, err := ingest.NewY4M(io.MultiReader(strings.NewReader("YUV4MPEG2 W5"), iotest.ErrReader(broken)), p, ingest.Limits{})
	if !errors.Is(err, broken) || err.Error() != "ingest: Y4M header: cable pulled" {
		t.Errorf("in the header: got error %v, want %v", err, broken)
	}
	for _, before := range []string{"", "FRA", "FRAME\n", "FRAME\nx"} {
		stream := io.MultiReader(strings.NewReader("YUV4MPEG2 W5 H3\n"+before), iotest.ErrReader(broken))
		r, err := ingest.NewY4M(stream, p, ingest.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, r); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "ingest: ") {
			t.Errorf("after %q: got error %v, want %v", before, err, broken)
		}
	}
}

func TestIsY4M(t *testing.T) {
	for head, want := range map[string]bool{
		"YUV4MPEG2 W640 H360\n": true, "YUV4MPEG2 ": true, "YUV4MPEG2": false, "YUV4MPEG W": false, "": false, "\xff\xd8\xff": false,
	} {
		if got := ingest.IsY4M([]byte(head)); got != want {
			t.Errorf("%q: got %t, want %t", head, got, want)
		}
	}
}

func TestY4MWriter(t *testing.T) {
	var b strings.Builder
	d := frame.Desc{Format: frame.I420, Width: 2, Height: 2, Range: frame.RangeFull}
	w, err := ingest.NewY4MWriter(&b, d, 25, 1)
	if err != nil {
		t.Fatal(err)
	}
	padded, err := frame.Wrap(d, frame.Plane{Pix: []byte("ab..cd"), Stride: 4}, frame.Plane{Pix: []byte("e")}, frame.Plane{Pix: []byte("f")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.WriteFrame(&padded); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.String(), "YUV4MPEG2 W2 H2 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\nFRAME\nabcdefFRAME\nabcdef"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	other := padded
	other.Desc.Range = frame.RangeDefault
	wantFormatError(t, w.WriteFrame(&other), "frame", "got yuv420p 2x2, want yuv420p 2x2 full")
	_, err = ingest.NewY4MWriter(io.Discard, frame.Desc{Format: frame.BGR24, Width: 2, Height: 2}, 0, 0)
	wantFormatError(t, err, "C", "got bgr24, want yuv420p or gray")
	var de *frame.DescError
	if _, err = ingest.NewY4MWriter(io.Discard, frame.Desc{Format: frame.I420}, 0, 0); !errors.As(err, &de) {
		t.Errorf("got error %v, want a *frame.DescError", err)
	}
	broken := errors.New("disk full")
	if _, err = ingest.NewY4MWriter(&failing{0, broken}, d, 0, 0); !errors.Is(err, broken) {
		t.Errorf("header: got error %v, want %v", err, broken)
	}
	for writes := 1; writes <= 5; writes++ { // the header, FRAME, two rows of Y, Cb; Cr fails
		w, err := ingest.NewY4MWriter(&failing{writes, broken}, d, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFrame(&padded); !errors.Is(err, broken) {
			t.Errorf("write %d: got error %v, want %v", writes, err, broken)
		}
	}
}

// failing takes n writes, then fails.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.n == 0 {
		return 0, f.err
	}
	f.n--
	return len(p), nil
}

func TestY4MAllocates(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.I420, Width: 64, Height: 36}
	frames := &endless{data: concat("FRAME\n", noise(7, mustSize(t, d)))}
	r, err := ingest.NewY4M(io.MultiReader(strings.NewReader("YUV4MPEG2 W64 H36\n"), frames), p, ingest.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	alloctest.Zero(t, 1000, func() { nextRelease(t, r) })
}
