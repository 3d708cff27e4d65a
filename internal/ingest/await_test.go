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
