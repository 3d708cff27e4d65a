package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestPPM(t *testing.T) {
	p := pooltest.New(t, pool.Options{})
	first, second := []byte("abcdefghijkl"), []byte("mnopqrstuvwx")
	in := fmt.Sprintf("P6\n2 2\n255\n%sP6\n2 2\n255\n%s", first, second)
	r, err := newPPM(strings.NewReader(in), p)
	if err != nil {
		t.Fatal(err)
	}
	if want := (frame.Desc{Format: frame.RGB24, Width: 2, Height: 2}); r.Desc() != want {
		t.Errorf("geometry: got %v, want %v", r.Desc(), want)
	}
	for _, want := range [][]byte{first, second} {
		f, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Plane(0).Pix; !bytes.Equal(got, want) {
			t.Errorf("pixels: got %q, want %q", got, want)
		}
		f.Release()
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last picture: got %v, want io.EOF", err)
	}
}

func TestPPMErrors(t *testing.T) {
	whole := "P6\n1 1\n255\nabc"
	tests := []struct{ name, in, want string }{
		{"empty", "", "unexpected EOF"},
		{"magic", "P5\n1 1\n255\na", `magic: got "P5\n"`},
		{"cut-header", "P6\n1", "unexpected EOF"},
		{"no-number", "P6\n 1\n255\n", "want a number"},
		{"huge-number", "P6\n123456 1\n255\n", "want a number"},
		{"zero-width", "P6\n0 1\n255\n", "width: got 0"},
		{"deep", "P6\n1 1\n65535\n", "largest value: got 65535"},
		{"other-size", whole + "P6\n2 1\n255\nabcdef", "picture 2 is 2x1, those before it 1x1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := readPPM(t, tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error: got %v, want one with %q", err, tt.want)
			}
		})
	}
	var cut *ingest.TruncatedError
	if err := readPPM(t, whole+"P6\n1 1\n255\nab"); !errors.As(err, &cut) || *cut != (ingest.TruncatedError{Frame: 1, Got: 2, Want: 3}) {
		t.Errorf("cut picture: got %v", err)
	}
}

// readPPM reads all of in and returns the error it ends with, nil for io.EOF.
func readPPM(t *testing.T, in string) error {
	r, err := newPPM(strings.NewReader(in), pooltest.New(t, pool.Options{}))
	for err == nil {
		var f frame.Frame
		if f, err = r.Next(); err == nil {
			f.Release()
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Whatever the bytes, the reader ends, gives frames of one geometry, and holds no buffer at its end.
func FuzzPPM(f *testing.F) {
	f.Add([]byte("P6\n1 1\n255\nabcP6\n1 1\n255\nabc"))
	f.Add([]byte("P6\n1 1\n255\nab"))
	f.Add([]byte("P6\n65535 65535\n255\nab"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var w, h int
		if fmt.Sscanf(string(in), "P6\n%d %d", &w, &h); w*h > 1<<20 {
			t.Skip("a large picture is a large buffer")
		}
		p := pooltest.New(t, pool.Options{})
		r, err := newPPM(bytes.NewReader(in), p)
		if err != nil {
			return
		}
		for range len(in) {
			fr, err := r.Next()
			if err != nil {
				return
			}
			if fr.Desc != r.Desc() {
				t.Errorf("geometry: got %v, want %v", fr.Desc, r.Desc())
			}
			fr.Release()
		}
	})
}
