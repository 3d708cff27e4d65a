package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// encodeJPEG returns a JPEG of noise that follows from seed alone, as image/jpeg writes it: baseline, with the
// standard Huffman tables, without JFIF.
func encodeJPEG(t testing.TB, seed uint64, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	copy(m.Pix, noise(seed, len(m.Pix)))
	return encodeImage(t, m)
}

func encodeImage(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segment returns a marker segment of a JPEG.
func segment(marker byte, data ...any) []byte {
	body := concat(data...)
	return concat([]byte{0xFF, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body)
}

// insert returns jpeg with b after its SOI.
func insert(jpeg, b []byte) []byte { return concat(jpeg[:2], b, jpeg[2:]) }

// withoutTables returns a JPEG of encodeJPEG without its DHT segment, and that segment.
func withoutTables(t testing.TB, jpeg []byte) (rest, tables []byte) {
	t.Helper()
	i := bytes.Index(jpeg, []byte{0xFF, 0xC4})
	n := 2 + int(jpeg[i+2])<<8 + int(jpeg[i+3])
	if jpeg[i+n] != 0xFF || jpeg[i+n+1] != 0xDA {
		t.Fatal("the tables are not the last thing before the scan")
	}
	return concat(jpeg[:i], jpeg[i+n:]), jpeg[i : i+n]
}

// copied is a JPEG of a stream, with its bytes copied.
type copied struct {
	data                      string
	width, height, components int
	progressive               bool
}

// read returns the JPEGs of r up to its final error, which must come again, and the errors before that.
func read(t testing.TB, r *ingest.JPEGReader) (jpegs []copied, broken []error, end error) {
	t.Helper()
	for {
		j, err := r.Next()
		var je *ingest.JPEGError
		switch {
		case err == nil:
			jpegs = append(jpegs, copied{string(j.Buf.Bytes()), j.Width, j.Height, j.Components, j.Progressive})
			j.Buf.Release()
		case errors.As(err, &je) && !je.Final:
			broken = append(broken, err)
		default:
			if _, again := r.Next(); again != err {
				t.Errorf("got error %v from a second call, want %v again", again, err)
			}
			return jpegs, broken, err
		}
	}
}

// TestJPEG: JPEGs come out as they went in, however the stream is cut into pieces, and what their headers say is what
// image/jpeg reads there.
func TestJPEG(t *testing.T) {
	small, large := encodeJPEG(t, 1, 31, 17), encodeJPEG(t, 2, 160, 96)
	gray := encodeImage(t, &image.Gray{Pix: noise(3, 24*24), Stride: 24, Rect: image.Rect(0, 0, 24, 24)})
	thumbnail := insert(small, segment(0xE1, "Exif\x00\x00", gray))
	tests := []struct {
		name   string
		stream []byte
		want   [][]byte
	}{
		{"one", small, [][]byte{small}},
		{"several", concat(small, large, gray, small), [][]byte{small, large, gray, small}},
		{"padding", concat("\r\n", small, "\x00\x00\x00\n", large, "\x00"), [][]byte{small, large}},
		{"thumbnail", concat(thumbnail, gray), [][]byte{thumbnail, gray}},
		{"comment", concat(insert(small, segment(0xFE, "\xff\xd9\xff\xd8")), gray), [][]byte{insert(small, segment(0xFE, "\xff\xd9\xff\xd8")), gray}},
		{"empty-segment", insert(small, segment(0xFE)), [][]byte{insert(small, segment(0xFE))}},
		{"fill-bytes", insert(small, []byte{0xFF, 0xFF, 0xFF, 0xFE, 0, 2}), [][]byte{insert(small, []byte{0xFF, 0xFF, 0xFF, 0xFE, 0, 2})}},
		{"none", nil, nil},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				got, _, err := read(t, ingest.NewJPEG(kind.wrap(bytes.NewReader(tt.stream)), p, ingest.Limits{}))
				if err != io.EOF || len(got) != len(tt.want) {
					t.Fatalf("got %d JPEGs, error %v, want %d, %v", len(got), err, len(tt.want), io.EOF)
				}
				for i := range got {
					wantJPEG(t, got[i], tt.want[i])
				}
			})
		}
	}
}

// wantJPEG compares got with the bytes of a JPEG, and with image/jpeg's description of them.
func wantJPEG(t testing.TB, got copied, want []byte) {
	t.Helper()
	if got.data != string(want) {
		t.Errorf("got %d other bytes than the %d of the JPEG", len(got.data), len(want))
	}
	wantHeader(t, got)
}

// wantHeader compares the description of a JPEG with image/jpeg's.
func wantHeader(t testing.TB, got copied) {
	t.Helper()
	c, err := jpeg.DecodeConfig(strings.NewReader(got.data))
	if err != nil {
		t.Fatal(err)
	}
	components := map[color.Model]int{color.GrayModel: 1, color.YCbCrModel: 3, color.RGBAModel: 3, color.CMYKModel: 4}[c.ColorModel]
	if got.width != c.Width || got.height != c.Height || got.components != components {
		t.Errorf("got %dx%d of %d components, want %dx%d of %d", got.width, got.height, got.components, c.Width, c.Height, components)
	}
}

// frameHeader returns a JPEG of one component that has the frame header's marker and fields as given, an empty table
// and a scan of one byte.
func frameHeader(marker, precision byte, width, height int, components byte) []byte {
	header := []byte{precision, byte(height >> 8), byte(height), byte(width >> 8), byte(width), components, 1, 0x11, 0}
	return concat("\xff\xd8", segment(marker, header), segment(0xC4), segment(0xDA), "\x00\xff\xd9")
}

// TestJPEGKinds: kinds that browsers show are told apart, others refused.
func TestJPEGKinds(t *testing.T) {
	for marker, want := range map[byte]string{
		0xC0: "", 0xC1: "", 0xC2: "", 0xC3: "lossless", 0xC5: "hierarchical", 0xC9: "arithmetic", 0xCF: "lossless", 0xDE: "hierarchical",
	} {
		p := pooltest.New(t, nil)
		got, _, err := read(t, ingest.NewJPEG(bytes.NewReader(frameHeader(marker, 8, 7, 5, 3)), p, ingest.Limits{}))
		var je *ingest.JPEGError
		switch {
		case want != "":
			if !errors.As(err, &je) || !strings.Contains(je.Reason, want) {
				t.Errorf("marker %#x: got error %v, want a *ingest.JPEGError about %s", marker, err, want)
			}
		case err != io.EOF || len(got) != 1 || got[0].width != 7 || got[0].height != 5 || got[0].components != 3 || got[0].progressive != (marker == 0xC2):
			t.Errorf("marker %#x: got %+v, error %v", marker, got, err)
		}
	}
}

// TestJPEGBroken: the error says what is wrong, and where.
func TestJPEGBroken(t *testing.T) {
	whole := encodeJPEG(t, 1, 31, 17)
	scan := bytes.Index(whole, []byte{0xFF, 0xDA})
	tests := []struct {
		name   string
		stream []byte
		want   ingest.JPEGError
	}{
		{"no-jpeg", []byte("GIF89a"), ingest.JPEGError{Offset: 0, Reason: "got byte 0x47, want FF D8, with which a JPEG begins"}},
		{"no-soi", []byte("\xff\xe0"), ingest.JPEGError{Offset: 1, Reason: "got bytes 0xffe0, want FF D8, with which a JPEG begins"}},
		{"no-marker", []byte("\xff\xd8JFIF"), ingest.JPEGError{Offset: 2, Reason: "got byte 0x4a, want a marker, which begins with 0xff"}},
		{"second", concat(whole, "x"), ingest.JPEGError{Index: 1, Reason: "got byte 0x78, want FF D8, with which a JPEG begins"}},
		{"short-segment", insert(whole, []byte{0xFF, 0xFE, 0, 1}), ingest.JPEGError{Offset: 5, Reason: "segment 0xfe: got length 1, want 2 or more"}},
		{"reserved", insert(whole, []byte{0xFF, 0x02}), ingest.JPEGError{Offset: 3, Reason: "got marker 0x02, want none that is reserved"}},
		{"restart", insert(whole, []byte{0xFF, 0xD3}), ingest.JPEGError{Offset: 3, Reason: "got restart marker 0xd3 outside of a scan"}},
		{"end-at-once", []byte("\xff\xd8\xff\xd9"), ingest.JPEGError{Offset: 3, Reason: "the JPEG ends before its first scan"}},
		{"scan-first", []byte("\xff\xd8\xff\xda"), ingest.JPEGError{Offset: 3, Reason: "the first scan comes before the frame header"}},
		{"12-bits", frameHeader(0xC1, 12, 8, 8, 1), ingest.JPEGError{Offset: 14, Reason: "frame header: got 12 bits a sample, want 8"}},
		{"no-width", frameHeader(0xC0, 8, 0, 8, 1), ingest.JPEGError{Offset: 14, Reason: "frame header: got size 0x8, want 1 or more each way"}},
		{"no-height", frameHeader(0xC0, 8, 8, 0, 1), ingest.JPEGError{Offset: 14, Reason: "frame header: got size 8x0, want 1 or more each way"}},
		{"no-component", frameHeader(0xC0, 8, 8, 8, 0), ingest.JPEGError{Offset: 14, Reason: "frame header: got 0 components, want 1..4"}},
		{"short-header", concat("\xff\xd8", segment(0xC0, "12345")), ingest.JPEGError{Offset: 5, Reason: "frame header: got length 7, want 8 or more"}},
		{"two-headers", concat(whole[:scan], segment(0xC0, "12345678")), ingest.JPEGError{Offset: scan + 3, Reason: "got a second frame header, want one"}},
		{"padding", bytes.Repeat([]byte{0}, 1<<17), ingest.JPEGError{Reason: "got 65536 bytes of padding, want a JPEG"}},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				_, _, err := read(t, ingest.NewJPEG(kind.wrap(bytes.NewReader(tt.stream)), p, ingest.Limits{}))
				want := tt.want
				want.Final = true
				var je *ingest.JPEGError
				if !errors.As(err, &je) || *je != want {
					t.Errorf("got error %#v, want %#v", err, &want)
				}
			})
		}
	}
}

// TestJPEGResumes: after a JPEG that was cut short, the next one is read whole.
func TestJPEGResumes(t *testing.T) {
	whole := encodeJPEG(t, 1, 31, 17)
	bare, _ := withoutTables(t, whole)
	scan := bytes.Index(whole, []byte{0xFF, 0xDA})
	for _, tt := range []struct {
		name   string
		cut    []byte
		offset int
	}{
		{"in-the-scan", whole[:scan+20], scan + 21},
		{"after-0xff", concat(whole[:scan+20], "\xff"), scan + 22},
		{"before-the-scan", whole[:scan], scan + 1},
		{"at-once", whole[:2], 3},
	} {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				got, broken, err := read(t, ingest.NewJPEG(kind.wrap(bytes.NewReader(concat(whole, tt.cut, bare, tt.cut, tt.cut, whole))), p, ingest.Limits{}))
				if err != io.EOF || len(got) != 3 || len(broken) != 3 {
					t.Fatalf("got %d JPEGs, errors %v, %v, want 3, 3, %v", len(got), broken, err, io.EOF)
				}
				for _, g := range got {
					wantJPEG(t, g, whole)
				}
				want := ingest.JPEGError{Index: 1, Offset: tt.offset, Reason: "another JPEG begins before the end of this one"}
				var je *ingest.JPEGError
				if !errors.As(broken[0], &je) || *je != want {
					t.Errorf("got error %#v, want %#v", broken[0], &want)
				}
			})
		}
	}
}

// TestJPEGTruncated: a stream that ends inside a JPEG is an error, at every byte of it.
func TestJPEGTruncated(t *testing.T) {
	whole := encodeJPEG(t, 1, 31, 17)
	p := pooltest.New(t, nil)
	for n := 1; n < len(whole); n++ {
		got, _, err := read(t, ingest.NewJPEG(bytes.NewReader(concat(whole, whole[:n])), p, ingest.Limits{}))
		var te *ingest.TruncatedError
		if !errors.As(err, &te) || *te != (ingest.TruncatedError{Frame: 1, Got: n}) || len(got) != 1 {
			t.Fatalf("%d bytes: got %d JPEGs, error %v, want one, and the error of a stream that is cut", n, len(got), err)
		}
	}
	te := &ingest.TruncatedError{Frame: 3, Got: 100}
	if got, want := te.Error(), "ingest: stream ends inside a JPEG, after 3 whole ones: got 100 bytes, want its end (FF D9)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJPEGLimits: a JPEG above a limit is refused when it reaches the limit, not when it has been read.
func TestJPEGLimits(t *testing.T) {
	whole := encodeJPEG(t, 1, 31, 17)
	tests := []struct {
		name   string
		limits ingest.Limits
		want   *ingest.LimitError
	}{
		{"below", ingest.Limits{MaxPixels: 31 * 17, MaxBytes: len(whole)}, nil},
		{"pixels", ingest.Limits{MaxPixels: 31*17 - 1}, &ingest.LimitError{Limit: "pixels", Got: 31 * 17, Max: 31*17 - 1}},
		{"bytes", ingest.Limits{MaxBytes: len(whole) - 1}, &ingest.LimitError{Limit: "bytes", Got: int64(len(whole)), Max: int64(len(whole) - 1)}},
		{"far-above", ingest.Limits{MaxBytes: 100}, &ingest.LimitError{Limit: "bytes", Got: 101, Max: 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pooltest.New(t, nil)
			got, _, err := read(t, ingest.NewJPEG(bytes.NewReader(whole), p, tt.limits))
			if tt.want == nil {
				if err != io.EOF || len(got) != 1 {
					t.Errorf("got %d JPEGs, error %v, want one", len(got), err)
				}
				return
			}
			var le *ingest.LimitError
			if !errors.As(err, &le) || *le != *tt.want {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
	p := pooltest.New(t, nil)
	huge := io.MultiReader(bytes.NewReader(whole[:len(whole)-2]), &endless{data: bytes.Repeat([]byte{1}, 1<<12)})
	if _, _, err := read(t, ingest.NewJPEG(huge, p, ingest.Limits{MaxBytes: 1 << 16})); err == nil {
		t.Error("got no error for a JPEG without an end")
	}
}

// TestJPEGTables: a JPEG without Huffman tables gets those that image/jpeg writes, and no other gets any.
func TestJPEGTables(t *testing.T) {
	whole := encodeJPEG(t, 1, 31, 17)
	bare, tables := withoutTables(t, whole)
	if bytes.Contains(bare, tables) || len(bare)+len(tables) != len(whole) {
		t.Fatal("the JPEG still has its tables")
	}
	for _, kind := range readerKinds {
		p := pooltest.New(t, nil)
		got, _, err := read(t, ingest.NewJPEG(kind.wrap(bytes.NewReader(concat(bare, whole, bare))), p, ingest.Limits{}))
		if err != io.EOF || len(got) != 3 {
			t.Fatalf("%s: got %d JPEGs, error %v, want 3", kind.name, len(got), err)
		}
		for _, g := range got {
			wantJPEG(t, g, whole)
		}
	}
}

// TestJPEGHoldsNothingWhileWaiting: memory is leased once a JPEG has begun, and as much as has come of it.
func TestJPEGHoldsNothingWhileWaiting(t *testing.T) {
	p := pooltest.New(t, nil)
	whole := encodeJPEG(t, 1, 160, 96)
	w := &watcher{data: concat("\r\n--frame\r\nContent-Length: 9999999\r\n\r\n", whole, "\r\n--frame\r\nContent-Length: 5000000\r\n\r\n\xff"), chunk: 1, pool: p, inUse: map[int]int64{}}
	if _, _, err := read(t, ingest.NewMultipart(w, "", p, ingest.Limits{})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got error %v, want %v", err, io.ErrUnexpectedEOF)
	}
	begin := bytes.Index(w.data, whole)
	end := begin + len(whole)
	for off := range w.data {
		switch got := w.inUse[off]; {
		case (off <= begin || off >= end && off < len(w.data)) && got != 0:
			t.Errorf("got %d bytes leased while waiting for byte %d, outside of a JPEG", got, off)
		case got > int64(2*len(whole)+16<<10):
			t.Errorf("got %d bytes leased after %d", got, off)
		}
	}
	if w.inUse[begin+100] == 0 {
		t.Error("got no memory leased inside a JPEG")
	}
}

// TestJPEGBudget: a JPEG for which there is no memory is dropped, and the ones after it are read.
func TestJPEGBudget(t *testing.T) {
	small, large := encodeJPEG(t, 1, 31, 17), encodeJPEG(t, 2, 300, 200)
	p := pooltest.New(t, &pool.Options{Budget: 32 << 10})
	r := ingest.NewJPEG(bytes.NewReader(concat(small, large, small, small)), p, ingest.Limits{})
	for i, want := range []error{nil, pool.ErrBudget, nil, pool.ErrBudget, io.EOF} {
		if want == pool.ErrBudget && i == 3 { // not even the first bytes
			b, err := p.Get(28 << 10)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
		}
		j, err := r.Next()
		if !errors.Is(err, want) {
			t.Fatalf("JPEG %d: got error %v, want %v", i, err, want)
		}
		if err == nil && string(j.Buf.Bytes()) != string(small) {
			t.Errorf("JPEG %d is another than the small one", i)
		}
		j.Buf.Release()
	}
}

// TestJPEGStreamErrors: an error of the stream is returned, wrapped with its place.
func TestJPEGStreamErrors(t *testing.T) {
	whole, broken := encodeJPEG(t, 1, 31, 17), errors.New("cable pulled")
	for _, n := range []int{0, 1, 300} {
		p := pooltest.New(t, nil)
		_, _, err := read(t, ingest.NewJPEG(io.MultiReader(bytes.NewReader(concat(whole, whole[:n])), iotest.ErrReader(broken)), p, ingest.Limits{}))
		want := fmt.Sprintf("ingest: read after 1 whole JPEGs and %d bytes: cable pulled", n)
		if !errors.Is(err, broken) || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

// TestJPEGPanicInside: pooltest fails the test when the buffer of the JPEG stays leased.
func TestJPEGPanicInside(t *testing.T) {
	p := pooltest.New(t, nil)
	r := ingest.NewJPEG(panicking{bytes.NewReader(encodeJPEG(t, 1, 31, 17)[:300])}, p, ingest.Limits{})
	defer func() {
		if got := recover(); got != "reader broke" {
			t.Errorf("got panic %v, want that of the reader", got)
		}
	}()
	_, err := r.Next()
	t.Errorf("got %v, want a panic", err)
}

func TestJPEGAllocates(t *testing.T) {
	p := pooltest.New(t, nil)
	whole := encodeJPEG(t, 1, 160, 96)
	bare, _ := withoutTables(t, whole)
	part := "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1234567\r\n\r\n"
	for _, tt := range []struct {
		name string
		r    *ingest.JPEGReader
	}{
		{"jpeg", ingest.NewJPEG(&endless{data: whole}, p, ingest.Limits{})},
		{"tables", ingest.NewJPEG(&endless{data: bare}, p, ingest.Limits{})},
		{"multipart", ingest.NewMultipart(&endless{data: concat(part, whole, "\r\n")}, "frame", p, ingest.Limits{})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alloctest.Zero(t, 500, func() {
				j, err := tt.r.Next()
				if err != nil {
					t.Fatal(err)
				}
				j.Buf.Release()
			})
		})
	}
}
