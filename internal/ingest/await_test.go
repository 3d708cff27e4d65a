package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestAwait: Await takes no memory and no bytes, distinguishes the end of the stream from another frame, and leaves a
// frame that is cut short to Next.
func TestAwait(t *testing.T) {
	broken := errors.New("broken")
	for _, d := range []frame.Desc{{Format: frame.Gray8, Width: 8, Height: 8}, {Format: frame.BGR24, Width: 64, Height: 48}} {
		size := mustSize(t, d)
		data := noise(1, 2*size+5)
		for _, kind := range readerKinds {
			tests := []struct {
				name   string
				stream io.Reader
				frames int
				await  error // after the frames
				next   func(error) bool
			}{
				{"whole", bytes.NewReader(data[:2*size]), 2, io.EOF, func(err error) bool { return err == io.EOF }},
				{"empty", bytes.NewReader(nil), 0, io.EOF, func(err error) bool { return err == io.EOF }},
				{"cut", bytes.NewReader(data), 2, nil, func(err error) bool {
					var cut *ingest.TruncatedError
					return errors.As(err, &cut) && cut.Frame == 2 && cut.Got == 5
				}},
				{"broken", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), 2, broken, func(err error) bool { return errors.Is(err, broken) }},
			}
			for _, tt := range tests {
				t.Run(d.String()+"/"+kind.name+"/"+tt.name, func(t *testing.T) {
					p := pooltest.New(t, nil)
					r, err := ingest.NewRaw(kind.wrap(tt.stream), d, p)
					if err != nil {
						t.Fatal(err)
					}
					for i := range tt.frames {
						if err := r.Await(); err != nil {
							t.Fatalf("Await %d: %v", i, err)
						}
						if n := p.Stats().InUse; n != 0 {
							t.Fatalf("Await %d: got %d bytes leased, want none", i, n)
						}
						f, err := r.Next()
						if err != nil {
							t.Fatalf("Next %d: %v", i, err)
						}
						if !bytes.Equal(samples(&f), data[i*size:(i+1)*size]) {
							t.Errorf("frame %d has other samples than the stream", i)
						}
						f.Release()
					}
					if err := r.Await(); !errors.Is(err, tt.await) {
						t.Errorf("Await at the end: got %v, want %v", err, tt.await)
					}
					if _, err := r.Next(); !tt.next(err) {
						t.Errorf("Next at the end: got %v", err)
					}
				})
			}
		}
	}
}

// failsOnce gives data, fails once, and has ended then, as a body of net/http that broke off.
type failsOnce struct {
	data   []byte
	failed bool
}

var errBroke = errors.New("broke off")

func (f *failsOnce) Read(p []byte) (int, error) {
	n := copy(p, f.data)
	f.data = f.data[n:]
	switch {
	case n > 0:
		return n, nil
	case f.failed:
		return 0, io.EOF
	}
	f.failed = true
	return 0, errBroke
}

// TestFailsOnce: a stream that broke off anywhere has no good end, also where its reader says so only once.
func TestFailsOnce(t *testing.T) {
	d := frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}
	pixels := noise(1, 64)
	image := encodeJPEG(t, 1, 16, 16)
	part := concat("\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n", image)
	p := pooltest.New(t, nil)
	next := func(f frame.Frame, err error) error {
		f.Release()
		return err
	}
	nextJPEG := func(r *ingest.JPEGReader) func() error {
		return func() error {
			j, err := r.Next()
			j.Buf.Release()
			return err
		}
	}
	for _, tt := range []struct {
		name string
		unit []byte
		open func(r io.Reader) (await, next func() error, err error)
	}{
		{"raw", pixels, func(r io.Reader) (func() error, func() error, error) {
			f, err := ingest.NewRaw(r, d, p)
			return f.Await, func() error { return next(f.Next()) }, err
		}},
		{"lines", concat("FRAME captured_us=5\n", pixels), func(r io.Reader) (func() error, func() error, error) {
			f, err := ingest.NewLines(r, d, p)
			return f.Await, func() error { return next(f.Next()) }, err
		}},
		{"y4m", concat("FRAME\n", pixels), func(r io.Reader) (func() error, func() error, error) {
			f, err := ingest.NewY4M(io.MultiReader(bytes.NewReader([]byte("YUV4MPEG2 W8 H8 Cmono\n")), r), p, ingest.Limits{})
			return f.Await, func() error { return next(f.Next()) }, err
		}},
		{"images", concat("IMAGE regions=1\n", pixels), func(r io.Reader) (func() error, func() error, error) {
			f, err := ingest.NewImages(r, d, ingest.ImageOptions{Lines: true}, p)
			return f.Await, func() error {
				m, err := f.Next()
				if err == nil {
					m.Release()
				}
				return err
			}, err
		}},
		{"jpeg", image, func(r io.Reader) (func() error, func() error, error) {
			f := ingest.NewJPEG(r, p, ingest.Limits{})
			return f.Await, nextJPEG(f), nil
		}},
		{"multipart", part, func(r io.Reader) (func() error, func() error, error) {
			f := ingest.NewMultipart(r, "b", p, ingest.Limits{})
			return f.Await, nextJPEG(f), nil
		}},
	} {
		data := concat(tt.unit, tt.unit)
		for n := range len(data) + 1 {
			await, next, err := tt.open(&failsOnce{data: data[:n]})
			for err == nil {
				if err = await(); err == nil {
					err = next()
				}
			}
			if !errors.Is(err, errBroke) {
				t.Errorf("%s: after %d of %d bytes: got %v, want that it broke off", tt.name, n, len(data), err)
				break
			}
		}
	}
}
