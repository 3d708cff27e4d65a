package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

var fourBytes = frame.Desc{Format: frame.Gray8, Width: 2, Height: 2}

// lined is a frame of fourBytes with what its line says.
type lined struct {
	pix      string
	captured int64
}

// readLines reads all frames with lines.
func readLines(t *testing.T, in io.Reader) ([]lined, error) {
	t.Helper()
	r, err := ingest.NewLines(in, fourBytes, pooltest.New(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var all []lined
	for {
		err := r.Await()
		captured := r.Captured()
		f, next := r.Next()
		if (err != nil || next != nil) && !errors.Is(next, io.ErrUnexpectedEOF) && err != next {
			t.Errorf("got %v of Await, and %v of Next", err, next)
		}
		if next != nil {
			if _, again := r.Next(); again != next {
				t.Errorf("got error %v from a second call, want %v again", again, next)
			}
			return all, next
		}
		if r.Captured() != captured {
			t.Errorf("got %d captured after Next, want %d as after Await", r.Captured(), captured)
		}
		all = append(all, lined{string(samples(&f)), captured})
		f.Release()
	}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct{ input, want, err string }{
		{"FRAME captured_us=12\nabcdFRAME\r\nef\nhFRAME  captured_us=1764480000000000 \nijkl", "abcd@12 ef\nh@0 ijkl@1764480000000000 ", "EOF"},
		{"", "", "EOF"},
		{"FRAME\nabcd\n", "abcd@0 ", `frame 1 line: got "\n", want FRAME captured_us=T`},
		{"FRAME\nabcdFRA", "abcd@0 ", "ends inside a frame, after 1 whole ones: got 3 bytes"},
		{"FRAME\n", "", "ends inside a frame, after 0 whole ones: got 0 bytes"},
		{"FRAME\nabc", "", "ends inside a frame, after 0 whole ones: got 3 bytes"},
		{"abcd\n", "", `frame 0 line: got "abcd\n", want FRAME captured_us=T`},
		{"FRAME x\nabcd", "", `frame 0 line: got "x", want captured_us=T`},
		{"FRAME captured_us=\nabcd", "", `frame 0 captured_us: got "", want microseconds since the Unix epoch`},
		{"FRAME captured_us=-1\nabcd", "", `frame 0 captured_us: got "-1", want`},
		{"FRAME captured_us=99999999999999999999\nabcd", "", `captured_us: got "99999999999999999999", want`},
		{"FRAME " + strings.Repeat("x", 600), "", "frame 0 line: got more than 512 bytes that begin \"FRAME xxx"},
	} {
		for _, kind := range readerKinds {
			got, err := readLines(t, kind.wrap(strings.NewReader(tt.input)))
			text := ""
			for _, f := range got {
				text += fmt.Sprintf("%s@%d ", f.pix, f.captured)
			}
			if text != tt.want || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%.40q, %s: got %q, %v, want %q, %s", tt.input, kind.name, text, err, tt.want, tt.err)
			}
		}
	}
}

// TestLinesWithoutMemory: a frame for which there is no memory can be had later, or skipped; its line is read once.
func TestLinesWithoutMemory(t *testing.T) {
	memory := pooltest.New(t, &pool.Options{Budget: int64(pool.ClassSize(4))})
	r, err := ingest.NewLines(strings.NewReader("FRAME captured_us=1\nabcdFRAME captured_us=2\nefghFRAME captured_us=3\nijkl"), fourBytes, memory)
	if err != nil {
		t.Fatal(err)
	}
	taken, err := memory.Get(4)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) || r.Captured() != 1 {
			t.Fatalf("got %v at %d, want ErrBudget at 1", err, r.Captured())
		}
	}
	if err := r.Skip(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, pool.ErrBudget) || r.Captured() != 2 {
		t.Fatalf("got %v at %d, want ErrBudget at 2", err, r.Captured())
	}
	taken.Release()
	for _, want := range []string{"efgh", "ijkl"} {
		f, err := r.Next()
		if err != nil || string(samples(&f)) != want {
			t.Fatalf("got %v, want %s", err, want)
		}
		f.Release()
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

// FuzzLines: frames and what their lines say, written again, are what was read.
func FuzzLines(f *testing.F) {
	f.Add([]byte("FRAME captured_us=12\nabcdFRAME\nefgh"))
	f.Add([]byte("FRAME\n\nFRAMEFRAME\nab"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzBytes {
			return
		}
		got, err := readLines(t, bytes.NewReader(data))
		var wrong *ingest.FormatError
		var cut *ingest.TruncatedError
		if err != io.EOF && !errors.As(err, &wrong) && !errors.As(err, &cut) {
			t.Fatalf("got error %v", err)
		}
		var again []byte
		for _, f := range got {
			if again = append(again, "FRAME"...); f.captured != 0 {
				again = fmt.Appendf(again, " captured_us=%d", f.captured)
			}
			again = append(append(again, '\n'), f.pix...)
		}
		if err == io.EOF && len(again) > len(data)+20*len(got) { // a number may be written longer
			t.Fatalf("got %d frames of %d bytes", len(got), len(data))
		}
		if second, err := readLines(t, bytes.NewReader(again)); err != io.EOF || !slices.Equal(second, got) {
			t.Fatalf("got %v, %v, want %v as before", second, err, got)
		}
	})
}

// TestPartTimestamp: parts of MJPEG say when they were captured.
func TestPartTimestamp(t *testing.T) {
	jpeg := encodeJPEG(t, 1, 16, 16)
	part := func(header string) string {
		return fmt.Sprintf("--b\r\nContent-Type: image/jpeg\r\n%sContent-Length: %d\r\n\r\n%s\r\n", header, len(jpeg), jpeg)
	}
	r := ingest.NewMultipart(strings.NewReader(part("X-Timestamp: 1764480000.123456\r\n")+part("")+part("x-timestamp: 5\r\n")+part("X-Timestamp: now\r\n")+part("X-Timestamp: 1e300\r\n")+"--b--\r\n"),
		"b", pooltest.New(t, nil), ingest.Limits{})
	for _, want := range []int64{1764480000123456, 0, 5000000, 0, 0} {
		if err := r.Await(); err != nil || r.Captured() != want {
			t.Errorf("got %d, %v, want %d", r.Captured(), err, want)
		}
		image, err := r.Next()
		if err != nil || r.Captured() != want {
			t.Fatalf("got %d, %v after Next, want %d", r.Captured(), err, want)
		}
		image.Buf.Release()
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}
