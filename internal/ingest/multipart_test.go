package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// TestMultipart: the ways in which cameras and programs write multipart streams.
func TestMultipart(t *testing.T) {
	a, b := encodeJPEG(t, 1, 31, 17), encodeJPEG(t, 2, 160, 96)
	length := func(p []byte) string { return fmt.Sprintf("Content-Length: %d\r\n", len(p)) }
	tests := []struct {
		name, boundary string
		stream         []byte
	}{
		{"ffmpeg", "ffmpeg", concat("--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: ", fmt.Sprint(len(a)), "\r\n\r\n", a, "\r\n--ffmpeg\r\n",
			"Content-type: image/jpeg\r\n\r\n", b, "\r\n--ffmpeg\r\n")},
		{"mjpg-streamer", "boundarydonotcross", concat("--boundarydonotcross\r\nContent-Type: image/jpeg\r\n", length(a), "X-Timestamp: 1.000000\r\n\r\n", a,
			"\r\n--boundarydonotcross\r\nContent-Type: image/jpeg\r\n", length(b), "X-Timestamp: 1.040000\r\n\r\n", b, "\r\n--boundarydonotcross\r\n")},
		{"closed", "frame", concat("--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--\r\nepilogue")},
		{"closed-at-the-end", "frame", concat("--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--")},
		{"preamble", "frame", concat("This is a stream.\r\nIn --frame form\r\n-- \r\n--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--\r\n")},
		{"closing-dashes-in-every-line", "b", concat("--b--\r\nContent-Type: image/jpeg\r\n", length(a), "\r\n", a, "\r\n--b--\r\nContent-Type: image/jpeg\r\n", length(b), "\r\n", b, "\r\n")},
		{"closing-dashes-in-every-line-no-length", "b", concat("--b--\r\n\r\n", a, "\r\n--b--\r\n\r\n", b, "\r\n--b--\r\n")},
		{"closing-dashes-not-declared", "", concat("--b--\r\n\r\n", a, "\r\n--b--\r\n\r\n", b)},
		{"no-first-boundary", "b", concat("Content-Type: image/jpeg\r\n", length(a), "\r\n", a, "\r\n--b\r\nContent-Type: image/jpeg\r\n", length(b), "\r\n", b, "\r\n--b\r\n")},
		{"no-first-boundary-no-length", "b", concat("content-type: image/jpg\n\n", a, "\n--b\n\n", b, "\n--b--\n")},
		{"no-first-boundary-nor-header", "b", concat(a, "\r\n--b\r\n\r\n", b, "\r\n--b--")},
		{"no-first-boundary-not-declared", "", concat("\r\nContent-Type: image/jpeg\r\n\r\n", a, "\r\n--b\r\n\r\n", b, "\r\n--b--")},
		{"no-boundary-at-all", "b", concat("Content-Type: image/jpeg\r\n\r\n", a, "\r\nContent-Type: image/jpeg\r\n\r\n", b, "\r\n")},
		{"boundary-twice", "b", concat("--b\r\n--b\r\nContent-Type: image/jpeg\r\n", length(a), "\r\n", a, "\r\n--b\r\n", length(b), "\r\n", b, "\r\n")},
		{"odd-types", "b", concat("--b\r\nContent-Type: image/jpg\r\n\r\n", a, "\r\n--b\r\nContent-Type: application/x-picture; v=1\r\n\r\n", b, "\r\n--b\r\n")},
		{"empty-lines-first", "", concat("\r\n\r\n--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b)},
		{"line-feeds", "frame", concat("--frame\nContent-Type: image/jpeg\n", "content-length:", fmt.Sprint(len(a)), "\n\n", a, "\n--frame\n\n", b, "\n--frame--\n")},
		{"dashes-declared", "--frame", concat("--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--\r\n")},
		{"dashes-not-written", "frame", concat("frame\r\n\r\n", a, "\r\nframe\r\n\r\n", b, "\r\nframe\r\n")},
		{"more-dashes-written", "frame", concat("----frame\r\n\r\n", a, "\r\n----frame\r\n\r\n", b, "\r\n----frame--\r\n")},
		{"another-declared", "camera", concat("--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--\r\n")},
		{"not-declared", "", concat("--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", b, "\r\n--frame--\r\n")},
		{"blanks", "frame", concat("--frame \t\r\n\r\n", a, "\r\n--frame \r\n\r\n", b, "\r\n--frame--  \r\n")},
		{"no-line-end", "frame", concat("--frame\r\n\r\n", a, "--frame\r\n\r\n", b, "--frame--")},
		{"padding", "frame", concat("--frame\r\nContent-Length: 9999\r\n\r\n", a, bytes.Repeat([]byte{0}, 9999-len(a)), "\r\n--frame\r\n\r\n", b, bytes.Repeat([]byte{0}, 12345))},
		{"wrong-length", "frame", concat("--frame\r\nContent-Length: 100\r\n\r\n", a, "\r\n--frame\r\nContent-Length: 1\r\n\r\n", b, "\r\n--frame--")},
		{"no-number", "frame", concat("--frame\r\nContent-Length: -5\r\n\r\n", a, "\r\n--frame\r\nContent-Length: many\r\n\r\n", b, "\r\n--frame--")},
		{"long-header", "frame", concat("--frame\r\nX-Note: ", strings.Repeat("x", 9000), "\r\n\r\n", a, "\r\n--frame\r\n\r\n", b)},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				got, broken, err := read(t, ingest.NewMultipart(kind.wrap(bytes.NewReader(tt.stream)), tt.boundary, p, ingest.Limits{}))
				if err != io.EOF || len(got) != 2 || len(broken) != 0 {
					t.Fatalf("got %d JPEGs, errors %v, %v, want 2, none, %v", len(got), broken, err, io.EOF)
				}
				wantJPEG(t, got[0], a)
				wantJPEG(t, got[1], b)
			})
		}
	}
}

// TestIsMultipart: the first ten bytes tell a multipart stream, also one that lacks its first boundary.
func TestIsMultipart(t *testing.T) {
	for head, want := range map[string]bool{
		"--frame\r\nC": true, "\r\n--f\r\n\r\n\xff": true, "Content-Ty": true, "content-le": true, "\r\nContent-T": true,
		"": false, "-": false, "Content-": false, "\xff\xd8\xff\xe0 JFIF": false, "YUV4MPEG2 ": false,
	} {
		if got := ingest.IsMultipart([]byte(head)); got != want {
			t.Errorf("%q: got %v, want %v", head, got, want)
		}
	}
}

// TestMultipartLongHeader: the end of a line that comes in pieces does not count as an empty line.
func TestMultipartLongHeader(t *testing.T) {
	a := encodeJPEG(t, 1, 31, 17)
	p := pooltest.New(t, nil)
	for n := 4<<10 - 20; n < 4<<10+20; n++ {
		stream := concat("--frame\r\nX: ", strings.Repeat("x", n), "\r\nY: y\r\n\r\n", a)
		got, broken, err := read(t, ingest.NewMultipart(bytes.NewReader(stream), "frame", p, ingest.Limits{}))
		if err != io.EOF || len(got) != 1 || len(broken) > 0 {
			t.Errorf("%d bytes: got %d JPEGs, errors %v, %v, want one", n, len(got), broken, err)
		}
	}
}

// TestMultipartBroken: a broken JPEG is reported and costs no other.
func TestMultipartBroken(t *testing.T) {
	a := encodeJPEG(t, 1, 31, 17)
	scan := bytes.Index(a, []byte{0xFF, 0xDA})
	cut := a[:scan+40]
	tests := []struct {
		name   string
		part   []byte // between two good ones
		reason string
	}{
		{"no-jpeg", []byte("Content-Type: text/plain\r\n\r\nhello"), "got byte 0x68"},
		{"empty", []byte("\r\n"), "got byte 0x0d"},
		{"no-length-no-bytes", []byte("Content-Length: 0\r\n\r\n"), "the part ends before the JPEG: got 0 bytes"},
		{"cut-with-length", concat(fmt.Sprintf("Content-Length: %d\r\n\r\n", len(cut)), cut), "the part ends before the JPEG"},
		{"cut-without", concat("\r\n", cut), "another JPEG begins"},
		{"in-the-header", concat("\r\n", a[:2], "\x00\x01\x02", a[2:]), "got byte 0x00"},
		{"lossless", concat("\r\n", frameHeader(0xC3, 8, 8, 8, 1)), "lossless"},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				stream := concat("--frame\r\n\r\n", a, "\r\n--frame\r\n", tt.part, "\r\n--frame\r\n\r\n", a, "\r\n--frame\r\n\r\n", a, "\r\n--frame--")
				got, broken, err := read(t, ingest.NewMultipart(kind.wrap(bytes.NewReader(stream)), "frame", p, ingest.Limits{}))
				if err != io.EOF || len(got) != 3 || len(broken) != 1 {
					t.Fatalf("got %d JPEGs, errors %v, %v, want 3, one, %v", len(got), broken, err, io.EOF)
				}
				for _, g := range got {
					wantJPEG(t, g, a)
				}
				var je *ingest.JPEGError
				if !errors.As(broken[0], &je) || !strings.Contains(je.Reason, tt.reason) || je.Index != 1 {
					t.Errorf("got error %v, want one after a JPEG, about %s", broken[0], tt.reason)
				}
			})
		}
	}
}

// TestMultipartRefused: streams that are not multipart, and those that end, or exceed a bound, in their middle.
func TestMultipartRefused(t *testing.T) {
	a := encodeJPEG(t, 1, 31, 17)
	tests := []struct {
		name, boundary string
		stream         []byte
		want           string
	}{
		{"empty", "frame", nil, "ingest: multipart boundary: got the end of the stream, want a line with the boundary"},
		{"text", "frame", []byte("GET / HTTP/1.1\r\n\r\n"), "ingest: multipart boundary: got the end of the stream, want a line with the boundary"},
		{"no-boundary", "frame", bytes.Repeat([]byte("hello\n"), 20_000), `ingest: multipart boundary: got 65536 bytes without a line "frame"`},
		{"endless-header", "frame", concat("--frame\r\n", bytes.Repeat([]byte("X: y\r\n"), 4000)), "ingest: multipart header: got more than 16384 bytes of a part's header, want an empty line before"},
		{"cut-in-the-header", "frame", concat("--frame\r\n\r\n", a, "\r\n--frame\r\nContent-Type"), "ingest: stream ends inside a JPEG, after 1 whole ones: got 0 bytes, want its end (FF D9)"},
		{"cut-in-the-jpeg", "frame", concat("--frame\r\n\r\n", a[:100]), "ingest: stream ends inside a JPEG, after 0 whole ones: got 100 bytes, want its end (FF D9)"},
		{"cut-at-its-length", "frame", concat("--frame\r\nContent-Length: 100\r\n\r\n", a[:100]), "ingest: stream ends inside a JPEG, after 0 whole ones: got 100 bytes, want its end (FF D9)"},
		{"too-long", "frame", []byte("--frame\r\nContent-Length: 65537\r\n\r\n"), "ingest: limit of bytes per frame: got 65537, want <= 65536"},
		{"far-too-long", "frame", []byte("--frame\r\nContent-Length: 99999999999999999999\r\n\r\n"), "ingest: limit of bytes per frame: got 9223372036854775807, want <= 65536"},
	}
	for _, tt := range tests {
		for _, kind := range readerKinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				p := pooltest.New(t, nil)
				_, broken, err := read(t, ingest.NewMultipart(kind.wrap(bytes.NewReader(tt.stream)), tt.boundary, p, ingest.Limits{MaxBytes: 1 << 16}))
				if err == nil || err.Error() != tt.want || len(broken) > 0 {
					t.Errorf("got errors %v, %v, want %s", broken, err, tt.want)
				}
			})
		}
	}
}

// TestMultipartAgainstMime: what mime/multipart writes is read as mime/multipart reads it.
func TestMultipartAgainstMime(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		if err := w.SetBoundary(fmt.Sprintf("b%x", rng.Uint64())); err != nil {
			t.Fatal(err)
		}
		for range rng.IntN(4) {
			data := encodeJPEG(t, rng.Uint64(), 1+rng.IntN(60), 1+rng.IntN(60))
			header := textproto.MIMEHeader{"Content-Type": {"image/jpeg"}}
			if rng.IntN(2) == 0 {
				header.Set("Content-Length", fmt.Sprint(len(data)))
			}
			part, err := w.CreatePart(header)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := part.Write(data); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		p := pooltest.New(t, nil)
		got, broken, end := read(t, ingest.NewMultipart(bytes.NewReader(b.Bytes()), w.Boundary(), p, ingest.Limits{}))
		if end != io.EOF || len(broken) > 0 {
			t.Fatalf("seed %d: got errors %v, %v", seed, broken, end)
		}
		std := multipart.NewReader(&b, w.Boundary())
		for i := 0; ; i++ {
			part, err := std.NextPart()
			if err == io.EOF && i == len(got) {
				break
			}
			if err != nil || i == len(got) {
				t.Fatalf("seed %d: got %d JPEGs, and after %d parts error %v", seed, len(got), i, err)
			}
			want, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			wantJPEG(t, got[i], want)
		}
	}
}

// TestFFmpeg: ffmpeg's two streams of one video hold the same images.
func TestFFmpeg(t *testing.T) {
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	run := func(format ...string) []byte {
		args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x96:rate=25", "-frames:v", "20", "-c:v", "mjpeg", "-bitexact"}, format...)
		out, err := exec.Command(ffmpeg, append(args, "-")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	p := pooltest.New(t, nil)
	one, _, err := read(t, ingest.NewJPEG(bytes.NewReader(run("-f", "image2pipe")), p, ingest.Limits{}))
	if err != io.EOF || len(one) != 20 {
		t.Fatalf("image2pipe: got %d JPEGs, error %v, want 20", len(one), err)
	}
	for _, g := range one {
		wantHeader(t, g)
	}
	parts, broken, err := read(t, ingest.NewMultipart(bytes.NewReader(run("-f", "mpjpeg")), "", p, ingest.Limits{}))
	if err != io.EOF || len(parts) != 20 || len(broken) > 0 {
		t.Fatalf("mpjpeg: got %d JPEGs, errors %v, %v, want 20", len(parts), broken, err)
	}
	for i := range parts {
		if parts[i] != one[i] {
			t.Errorf("JPEG %d of mpjpeg is another than that of image2pipe", i)
		}
	}
}
