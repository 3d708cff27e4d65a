package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// readerKinds are the ways in which a stream may hand out its bytes.
var readerKinds = []struct {
	name string
	wrap func(io.Reader) io.Reader
}{
	{"plain", func(r io.Reader) io.Reader { return r }},
	{"one-byte", iotest.OneByteReader},
	{"half", iotest.HalfReader},
	{"data-with-error", iotest.DataErrReader},
}

// noise returns n bytes that follow from seed alone.
func noise(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// samples returns all rows of all planes of f, one after the other.
func samples(f *frame.Frame) []byte {
	var data []byte
	for i, p := range f.Planes() {
		for y := range p.Height {
			data = append(data, f.Row(i, y)...)
		}
	}
	return data
}

func mustSize(t testing.TB, d frame.Desc) int {
	t.Helper()
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// readAll returns the samples of the frames of r up to its first error, and that error, which must come again.
func readAll(t testing.TB, r ingest.Reader) ([]byte, error) {
	t.Helper()
	var data []byte
	for {
		f, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				t.Errorf("got error %v from a second call, want %v again", again, err)
			}
			return data, err
		}
		if f.Desc != r.Desc() {
			t.Errorf("got %s, want %s", f.Desc, r.Desc())
		}
		data = append(data, samples(&f)...)
		f.Release()
	}
}

func TestRaw(t *testing.T) {
	p := pooltest.New(t, nil)
	for _, format := range frame.Formats() {
		d := frame.Desc{Format: format, Width: 31, Height: 17}
		want := noise(1, 3*mustSize(t, d))
		for _, kind := range readerKinds {
			r, err := ingest.NewRaw(kind.wrap(bytes.NewReader(want)), d, p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, r)
			if err != io.EOF || !bytes.Equal(got, want) {
				t.Errorf("%s %s: got %d bytes, error %v, want the %d bytes written, %v", d, kind.name, len(got), err, len(want), io.EOF)
			}
		}
	}
}

func TestRawTruncated(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.BGR24, Width: 31, Height: 17}
	size := mustSize(t, d)
	tests := []struct{ length, frames, got int }{
		{1, 0, 1}, {size - 1, 0, size - 1}, {size + 1, 1, 1}, {3*size - 1, 2, size - 1}, {2*size + 512, 2, 512}, {2*size + 513, 2, 513},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			want := noise(2, tt.length)
			r, err := ingest.NewRaw(kind.wrap(bytes.NewReader(want)), d, p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, r)
			var te *ingest.TruncatedError
			if !errors.As(err, &te) || *te != (ingest.TruncatedError{Frame: tt.frames, Got: tt.got, Want: size}) {
				t.Errorf("%d bytes, %s: got error %v, want %d whole frames and %d bytes", tt.length, kind.name, err, tt.frames, tt.got)
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v is not %v", err, io.ErrUnexpectedEOF)
			}
			if !bytes.Equal(got, want[:tt.frames*size]) {
				t.Errorf("%d bytes, %s: got %d bytes, want those of %d frames", tt.length, kind.name, len(got), tt.frames)
			}
		}
	}
	te := &ingest.TruncatedError{Frame: 12, Got: 100, Want: 691200}
	if got, want := te.Error(), "ingest: stream ends inside a frame, after 12 whole ones: got 100 bytes, want 691200"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRawStreamErrors: an error of the stream is returned, wrapped with its place, and no memory is lost.
func TestRawStreamErrors(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.Gray8, Width: 40, Height: 40} // 1,600 bytes
	broken := errors.New("cable pulled")
	tests := []struct {
		name   string
		before int // bytes before the error
		text   string
	}{
		{"at-once", 0, "ingest: read after 0 whole frames and 0 bytes: cable pulled"},
		{"inside", 1000, "ingest: read after 0 whole frames and 1000 bytes: cable pulled"},
		{"between", 1600, "ingest: read after 1 whole frames and 0 bytes: cable pulled"},
		{"inside-the-second", 1601, "ingest: read after 1 whole frames and 1 bytes: cable pulled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ingest.NewRaw(io.MultiReader(bytes.NewReader(noise(3, tt.before)), iotest.ErrReader(broken)), d, p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(t, r)
			if !errors.Is(err, broken) || err.Error() != tt.text || len(got) != tt.before/1600*1600 {
				t.Errorf("got %d bytes, error %v, want %d, %s", len(got), err, tt.before/1600*1600, tt.text)
			}
		})
	}
	// An HTTP body that ends before its Content-Length says io.ErrUnexpectedEOF: that is a cut stream too.
	r, err := ingest.NewRaw(io.MultiReader(bytes.NewReader(noise(3, 1600)), iotest.ErrReader(io.ErrUnexpectedEOF)), d, p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t, r)
	var te *ingest.TruncatedError
	if !errors.As(err, &te) || *te != (ingest.TruncatedError{Frame: 1, Got: 0, Want: 1600}) {
		t.Errorf("got error %v, want 1 whole frame and 0 bytes", err)
	}
}

func TestNewRawRefuses(t *testing.T) {
	p := pooltest.New(t, nil)
	var de *frame.DescError
	r, err := ingest.NewRaw(strings.NewReader(""), frame.Desc{Format: frame.BGR24, Width: 65536, Height: 65536}, p)
	if !errors.As(err, &de) || r != nil {
		t.Errorf("got reader %v, error %v, want a *frame.DescError", r, err)
	}
	r, err = ingest.NewRaw(strings.NewReader(""), frame.Desc{Format: frame.BGR24, Width: 20_000, Height: 20_000}, p)
	if !errors.Is(err, pool.ErrSize) || r != nil {
		t.Errorf("got reader %v, error %v, want %v", r, err, pool.ErrSize)
	}
}

// TestBudgetLosesNothing: Next, refused by the pool, returns the same frame when it is called again.
func TestBudgetLosesNothing(t *testing.T) {
	p := pooltest.New(t, &pool.Options{Budget: 4096})
	d := frame.Desc{Format: frame.Gray8, Width: 50, Height: 50}
	want := noise(4, 2*2500)
	raw, err := ingest.NewRaw(bytes.NewReader(want), d, p)
	if err != nil {
		t.Fatal(err)
	}
	y4m, err := ingest.NewY4M(bytes.NewReader(concat("YUV4MPEG2 W50 H50 Cmono\nFRAME\n", want[:2500], "FRAME\n", want[2500:])), p, ingest.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []ingest.Reader{raw, y4m} {
		first, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) {
				t.Errorf("%T: got error %v with the budget in use, want %v", r, err, pool.ErrBudget)
			}
		}
		first.Release()
		got, err := readAll(t, r)
		if err != io.EOF || !bytes.Equal(got, want[2500:]) {
			t.Errorf("%T: got %d bytes, error %v, want the second frame, %v", r, len(got), err, io.EOF)
		}
	}
}

// TestSkip: a frame that is skipped takes no memory, also after Next was refused it, and those after it are whole.
func TestSkip(t *testing.T) {
	p := pooltest.New(t, &pool.Options{Budget: 4096})
	d := frame.Desc{Format: frame.Gray8, Width: 50, Height: 50}
	want := noise(4, 3*2500)
	for _, kind := range readerKinds {
		raw, err := ingest.NewRaw(kind.wrap(bytes.NewReader(want)), d, p)
		if err != nil {
			t.Fatal(err)
		}
		stream := concat("YUV4MPEG2 W50 H50 Cmono\nFRAME\n", want[:2500], "FRAME\n", want[2500:5000], "FRAME\n", want[5000:])
		y4m, err := ingest.NewY4M(kind.wrap(bytes.NewReader(stream)), p, ingest.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []interface {
			ingest.Reader
			Skip() error
		}{raw, y4m} {
			if err := r.Skip(); err != nil {
				t.Fatal(err)
			}
			b, err := p.Get(4096)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) {
				t.Errorf("%T: got error %v with the budget in use, want %v", r, err, pool.ErrBudget)
			}
			if err := r.Skip(); err != nil {
				t.Fatal(err)
			}
			b.Release()
			got, err := readAll(t, r)
			if err != io.EOF || !bytes.Equal(got, want[5000:]) {
				t.Errorf("%T, %s: got %d bytes, error %v, want the third frame, %v", r, kind.name, len(got), err, io.EOF)
			}
			if err := r.Skip(); err != io.EOF {
				t.Errorf("%T: got error %v from Skip at the end, want %v", r, err, io.EOF)
			}
		}
		cut, err := ingest.NewRaw(kind.wrap(bytes.NewReader(want[:2600])), d, p)
		if err != nil {
			t.Fatal(err)
		}
		var te *ingest.TruncatedError
		if err := errors.Join(cut.Skip(), cut.Skip()); !errors.As(err, &te) || *te != (ingest.TruncatedError{Frame: 1, Got: 100, Want: 2500}) {
			t.Errorf("%s: got error %v from Skip of a frame that is cut", kind.name, err)
		}
	}
}

// watcher hands out data, up to chunk bytes a call, and notes the most memory that is leased from pool while it is
// asked for the byte at each offset in at.
type watcher struct {
	data  []byte
	off   int
	chunk int
	pool  *pool.Pool
	inUse map[int]int64 // by offset
}

func (w *watcher) Read(p []byte) (int, error) {
	w.inUse[w.off] = w.pool.Stats().InUse
	if w.off == len(w.data) {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), w.chunk)], w.data[w.off:])
	w.off += n
	return n, nil
}

// TestNothingHeldWhileWaiting: no memory is leased before the first byte of a frame has come, whatever was declared.
func TestNothingHeldWhileWaiting(t *testing.T) {
	p := pooltest.New(t, nil)
	header := "YUV4MPEG2 W4000 H3000 F25:1\n"
	w := &watcher{data: []byte(header + "FRAME\nx"), chunk: 1, pool: p, inUse: map[int]int64{}}
	r, err := ingest.NewY4M(w, p, ingest.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got error %v, want %v", err, io.ErrUnexpectedEOF)
	}
	for off := 0; off < len(w.data); off++ {
		if got := w.inUse[off]; got != 0 {
			t.Errorf("Y4M: got %d bytes leased while waiting for byte %d, want 0", got, off)
		}
	}
	if got := w.inUse[len(w.data)]; got < 18_000_000 {
		t.Errorf("Y4M: got %d bytes leased inside a frame, want at least the frame's 18,000,000", got)
	}

	d := frame.Desc{Format: frame.Gray8, Width: 40, Height: 40}
	w = &watcher{data: noise(5, 3200), chunk: 400, pool: p, inUse: map[int]int64{}}
	raw, err := ingest.NewRaw(w, d, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, raw); err != io.EOF {
		t.Errorf("got error %v, want %v", err, io.EOF)
	}
	for off, want := range map[int]bool{0: false, 400: true, 1200: true, 1600: false, 2000: true, 3200: false} {
		if got := w.inUse[off] > 0; got != want {
			t.Errorf("raw: got memory leased %t while waiting for byte %d, want %t", got, off, want)
		}
	}
}

// panicking panics when it is asked for more than its data.
type panicking struct{ data *bytes.Reader }

func (p panicking) Read(b []byte) (int, error) {
	if p.data.Len() == 0 {
		panic("reader broke")
	}
	return p.data.Read(b)
}

// TestPanicInsideLosesNothing: pooltest fails the test when the buffer of the frame stays leased.
func TestPanicInsideLosesNothing(t *testing.T) {
	p := pooltest.New(t, nil)
	r, err := ingest.NewRaw(panicking{bytes.NewReader(noise(6, 1000))}, frame.Desc{Format: frame.Gray8, Width: 40, Height: 40}, p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := recover(); got != "reader broke" {
			t.Errorf("got panic %v, want that of the reader", got)
		}
	}()
	f, err := r.Next()
	t.Errorf("got %v, %v, want a panic", f.Desc, err)
}

// endless repeats data for ever.
type endless struct {
	data []byte
	off  int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.data[e.off:])
	e.off = (e.off + n) % len(e.data)
	return n, nil
}

func TestRawAllocates(t *testing.T) {
	p := pooltest.New(t, nil)
	d := frame.Desc{Format: frame.I420, Width: 64, Height: 36}
	r, err := ingest.NewRaw(&endless{data: noise(7, mustSize(t, d))}, d, p)
	if err != nil {
		t.Fatal(err)
	}
	alloctest.Zero(t, 1000, func() { nextRelease(t, r) })
}

func nextRelease(t testing.TB, r ingest.Reader) {
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	f.Release()
}
