package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// jpegBudget is what reading JPEGs of fuzzBytes at most may lease at once: a buffer, and the larger one that it grows into.
const jpegBudget = 4 * fuzzBytes

// FuzzJPEG holds that what is read of a stream does not depend on the pieces in which it comes, that the JPEGs are
// bytes of the stream in their order, whole from SOI to EOI, and that no stream takes more memory than its JPEGs.
func FuzzJPEG(f *testing.F) {
	whole := encodeJPEG(f, 1, 31, 17)
	bare, _ := withoutTables(f, whole)
	f.Add("", concat(whole, bare, whole[:50]))
	f.Add("", insert(whole, segment(0xE1, "Exif\x00\x00", whole)))
	f.Add("", frameHeader(0xC2, 8, 65535, 65535, 3))
	f.Add("", concat(frameHeader(0xC0, 8, 65535, 65535, 3)[:15], "no marker"))
	f.Add("frame", concat("--frame\r\nContent-Length: 10\r\n\r\n", whole, "\r\n--frame\r\n\r\n", bare[:200], "\r\n--frame\r\n\r\n", whole, "\r\n--frame--"))
	f.Add("--frame", concat("preamble\n--frame\nContent-Length: 99999999999999999999\n\n", whole))
	f.Add("-", []byte("--\r\n----\r\n\r\n\r\n--x\r\n\r\n\xff\xd8"))
	f.Fuzz(func(t *testing.T, boundary string, stream []byte) {
		if len(stream) > fuzzBytes {
			return
		}
		first := fuzzRead(t, bytes.NewReader(stream), boundary)
		second := fuzzRead(t, iotest.OneByteReader(bytes.NewReader(stream)), boundary)
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("got %d JPEGs, %d broken, %s, and byte by byte %d, %d, %s",
				len(first.jpegs), first.broken, first.end, len(second.jpegs), second.broken, second.end)
		}
		rest := string(stream)
		for _, p := range first.jpegs {
			if !strings.HasPrefix(p.data, "\xff\xd8\xff") || !strings.HasSuffix(p.data, "\xff\xd9") || p.width*p.height > fuzzPixels {
				t.Fatalf("got a JPEG %q of %dx%d", p.data, p.width, p.height)
			}
			i := strings.Index(rest, p.data)
			if i < 0 { // It may have been given tables.
				whole, tables := []byte(p.data), encodeJPEG(t, 1, 8, 8)
				_, tables = withoutTables(t, tables)
				at := bytes.Index(whole, tables)
				if at < 0 {
					t.Fatalf("JPEG %q is not in the rest of the stream, %q", p.data, rest)
				}
				p.data = string(concat(whole[:at], whole[at+len(tables):]))
				i = strings.Index(rest, p.data)
			}
			if i < 0 {
				t.Fatalf("JPEG %q is not in the rest of the stream, %q", p.data, rest)
			}
			rest = rest[i+len(p.data):]
		}
	})
}

// fuzzed is what a stream held.
type fuzzed struct {
	jpegs  []copied
	broken int
	end    string
}

// fuzzRead reads stream as multipart when there is a boundary, else as JPEGs one after the other.
func fuzzRead(t *testing.T, stream io.Reader, boundary string) fuzzed {
	p := pooltest.New(t, &pool.Options{Budget: jpegBudget})
	limits := ingest.Limits{MaxPixels: fuzzPixels, MaxBytes: fuzzBytes}
	r := ingest.NewJPEG(stream, p, limits)
	if boundary != "" {
		r = ingest.NewMultipart(stream, boundary, p, limits)
	}
	jpegs, broken, err := read(t, r)
	if errors.Is(err, pool.ErrBudget) {
		t.Fatalf("got error %v", err)
	}
	return fuzzed{jpegs, len(broken), err.Error()}
}
