package stills_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/stills"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"img10.jpg", "img2.jpg", "IMG1.jpg", "img02.jpg", ".hidden.jpg", "a*b.jpg", "aXb.jpg", "c[1].png", "c1.png", "%d.jpg", "-x.jpg", "a:b.jpg", "no\xffutf.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sub2", "sub10"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	all := "%d.jpg -x.jpg IMG1.jpg a*b.jpg a:b.jpg aXb.jpg c1.png c[1].png img02.jpg img2.jpg img10.jpg no\xffutf.jpg"
	tests := []struct{ name, path, want, folders, err string }{
		{name: "folder", path: "", want: all, folders: "sub2 sub10"},
		{name: "slash", path: "/", want: all, folders: "sub2 sub10"},
		{name: "pattern", path: "/img*.jpg", want: "img02.jpg img2.jpg img10.jpg"},
		{name: "pattern-of-all", path: "/*", want: all, folders: "sub2 sub10"},
		{name: "class", path: "/img[0-9].jpg", want: "img2.jpg"},
		{name: "file-like-a-pattern", path: "/a*b.jpg", err: "neither a folder nor a pattern"},
		{name: "file-like-a-class", path: "/c[1].png", err: "neither a folder nor a pattern"},
		{name: "file", path: "/%d.jpg", err: "neither a folder nor a pattern"},
		{name: "nothing", path: "/gone.jpg", err: "neither a folder nor a pattern"},
		{name: "no-match", path: "/gone*.jpg", err: "none matches it as a pattern"},
		{name: "bad-pattern", path: "/gone[.jpg", err: "malformed as a pattern"},
		{name: "empty-folder", path: "/sub2", err: "the folder has no files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := stills.List(dir + tt.path)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got error %v, want one about %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := bases(f.Names); got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
			if got := bases(f.Folders); got != tt.folders {
				t.Errorf("folders: got %q, want %q", got, tt.folders)
			}
		})
	}
}

func bases(paths []string) string {
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return strings.Join(names, " ")
}

// testImage returns an image whose top left quarter is green, the rest red; it differs by n.
func testImage(n, width, height int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{200, uint8(n), 30, 255}
			if x < width/2 && y < height/2 {
				c = color.NRGBA{uint8(n), 200, 30, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: 95}) })
}

// turned returns a JPEG with EXIF's orientation, the first segment.
func turned(data []byte, orientation byte) []byte {
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[28+1] = orientation
	return slices.Concat(data[:2], exif, data[2:])
}

// write makes a folder with these files, in this order.
func write(t testing.TB, contents ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	for i, c := range contents {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("img%d.jpg", i)), c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// files is the matrix of what folders have.
func files(t testing.TB) []struct {
	name    string
	content []byte
	skipped string // why; "" for an image
	width   int
	asIs    []byte // the JPEG that NextJPEG gives; nil for one that it encodes
} {
	whole := jpegOf(t, testImage(50, 64, 32))
	second := jpegOf(t, testImage(150, 16, 8))
	gray := image.NewGray(image.Rect(0, 0, 64, 32))
	for i := range gray.Pix {
		gray.Pix[i] = 90
	}
	palette := image.NewPaletted(image.Rect(0, 0, 64, 32), color.Palette{color.NRGBA{200, 50, 30, 255}, color.NRGBA{50, 200, 30, 255}})
	for y := range 16 {
		copy(palette.Pix[y*64:y*64+32], bytes.Repeat([]byte{1}, 32))
	}
	ppm := append([]byte("P6\n64 32\n255\n"), make([]byte, 64*32*3)...)
	m := testImage(50, 64, 32).(*image.NRGBA)
	for i := range 64 * 32 {
		copy(ppm[13+3*i:], m.Pix[4*i:4*i+3])
	}
	pngOf := func(m image.Image) []byte { return encoded(t, func(w io.Writer) error { return png.Encode(w, m) }) }
	deep := image.NewNRGBA64(m.Rect)
	for y := range 32 {
		for x := range 64 {
			deep.Set(x, y, m.At(x, y))
		}
	}
	grayJPEG := jpegOf(t, gray)
	return []struct {
		name    string
		content []byte
		skipped string
		width   int
		asIs    []byte
	}{
		{"jpeg", whole, "", 64, whole},
		{"gray", grayJPEG, "", 64, grayJPEG},
		{"motion-photo", slices.Concat(whole, []byte("MotionPhoto_Data\x00\x00\x00\x18ftypmp42")), "", 64, whole},
		{"gain-map", slices.Concat(whole, second), "", 64, whole},
		{"turned", turned(whole, 6), "", 32, turned(whole, 6)},
		{"png", pngOf(m), "", 64, nil},
		{"png-palette", pngOf(palette), "", 64, nil},
		{"png-16-bit", pngOf(deep), "", 64, nil},
		{"png-gray", pngOf(gray), "", 64, nil},
		{"gif", encoded(t, func(w io.Writer) error { return gif.Encode(w, palette, nil) }), "", 64, nil},
		{"bmp", encoded(t, func(w io.Writer) error { return bmp.Encode(w, m) }), "", 64, nil},
		{"tiff", encoded(t, func(w io.Writer) error { return tiff.Encode(w, m, nil) }), "", 64, nil},
		{"ppm", ppm, "", 64, nil},
		{"empty", nil, "it is empty", 0, nil},
		{"cut", whole[:len(whole)*2/3], "the JPEG is cut short after", 0, nil},
		{"cut-at-once", whole[:3], "the JPEG is cut short after 3 bytes", 0, nil},
		{"broken", slices.Concat(whole[:2], []byte{0xFF, 0x02}, whole[2:]), "the JPEG is broken at byte 3: got marker 0x02", 0, nil},
		{"png-signature-alone", []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 100)), "the PNG is broken", 0, nil},
		{"png-cut", pngOf(m)[:60], "the PNG is cut short", 0, nil},
		{"text", []byte("Thumbs"), `it is not an image: it begins with "Thumbs"`, 0, nil},
		{"video", []byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"), "it is not an image", 0, nil},
		{"webp-cut", []byte("RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00"), "", -1, nil}, // What ffmpeg says of it.
	}
}

// TestFrames: each kind of file decodes to what it shows, or is skipped and named, and costs no other file.
func TestFrames(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	last := jpegOf(t, testImage(7, 40, 40))
	for _, tt := range files(t) {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, tt.content, last)
			list, err := stills.List(dir)
			if err != nil {
				t.Fatal(err)
			}
			var skipped []*stills.FileError
			r := stills.New(t.Context(), list.Names, pooltest.New(t, nil), stills.Options{Skipped: func(e *stills.FileError) { skipped = append(skipped, e) }})
			wantSkipped := tt.skipped != "" || tt.width < 0
			if !wantSkipped {
				f, err := r.NextFrame()
				if err != nil {
					t.Fatalf("%v, skipped %v", err, skipped)
				}
				checkFrame(t, f, tt.width, !strings.Contains(tt.name, "gray"))
				f.Release()
			}
			f, err := r.NextFrame()
			if err != nil || f.Desc.Width != 40 {
				t.Fatalf("got %v, error %v, want the last file", f.Desc, err)
			}
			f.Release()
			if _, err := r.NextFrame(); err != io.EOF {
				t.Errorf("got error %v, want %v", err, io.EOF)
			}
			if wantSkipped != (len(skipped) == 1) || r.Skipped != len(skipped) || r.Read+r.Skipped != 2 {
				t.Fatalf("got %d files read, skipped %v, want one skipped: %v", r.Read, skipped, wantSkipped)
			}
			if wantSkipped && (skipped[0].Path != list.Names[0] || !strings.Contains(skipped[0].Error(), tt.skipped) || !strings.Contains(skipped[0].Error(), "img0.jpg: ")) {
				t.Errorf("got %v, want %q about the first file", skipped[0], tt.skipped)
			}
		})
	}
}

// checkFrame checks that f shows testImage(50, 64, 32), or what gray files show, upright or turned to the right.
func checkFrame(t testing.TB, f frame.Frame, width int, isColored bool) {
	t.Helper()
	if f.Desc.Width != width || f.Desc.Width*f.Desc.Height != 64*32 {
		t.Fatalf("got %v, want a width of %d", f.Desc, width)
	}
	at := func(x, y int) (r, g, b int) {
		p := f.Planes()
		switch f.Desc.Format {
		case frame.RGBA, frame.RGB24:
			n := p[0].Stride / f.Desc.Width
			q := p[0].Pix[y*p[0].Stride+x*n:]
			return int(q[0]), int(q[1]), int(q[2])
		case frame.Gray8:
			v := int(p[0].Pix[y*p[0].Stride+x])
			return v, v, v
		case frame.I420:
			r8, g8, b8 := color.YCbCrToRGB(p[0].Pix[y*p[0].Stride+x], p[1].Pix[y/2*p[1].Stride+x/2], p[2].Pix[y/2*p[2].Stride+x/2])
			return int(r8), int(g8), int(b8)
		}
		t.Fatalf("got format %v", f.Desc.Format)
		return 0, 0, 0
	}
	corners := []struct{ x, y, r, g, b int }{{4, 4, 50, 200, 30}, {f.Desc.Width - 5, 4, 200, 50, 30}, {4, f.Desc.Height - 5, 200, 50, 30}}
	if width == 32 { // Its top left is now top right.
		corners = []struct{ x, y, r, g, b int }{{f.Desc.Width - 5, 4, 50, 200, 30}, {4, 4, 200, 50, 30}, {4, f.Desc.Height - 5, 200, 50, 30}}
	}
	for _, c := range corners {
		if !isColored {
			c.r, c.g, c.b = 90, 90, 90
		}
		if r, g, b := at(c.x, c.y); abs(r-c.r) > 6 || abs(g-c.g) > 6 || abs(b-c.b) > 6 {
			t.Errorf("%v at %d,%d: got %d,%d,%d, want %d,%d,%d", f.Desc, c.x, c.y, r, g, b, c.r, c.g, c.b)
		}
	}
}

func abs(n int) int { return max(n, -n) }

// TestJPEGs: JPEGs come unchanged from their files, without trailing data; other images are encoded.
func TestJPEGs(t *testing.T) {
	exttool.Require(t, "ffmpeg", "ffmpeg")
	djpeg := exttool.Require(t, "djpeg", "libjpeg-turbo-progs")
	for _, tt := range files(t) {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, tt.content)
			r := stills.New(t.Context(), []string{filepath.Join(dir, "img0.jpg")}, pooltest.New(t, nil), stills.Options{Strict: true})
			b, err := r.NextJPEG()
			if tt.skipped != "" || tt.width < 0 {
				var fe *stills.FileError
				if !errors.As(err, &fe) || !strings.Contains(err.Error(), tt.skipped) {
					t.Errorf("got error %v, want a *stills.FileError about %q", err, tt.skipped)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
			if tt.asIs != nil {
				if !bytes.Equal(b.Bytes(), tt.asIs) {
					t.Errorf("got %d other bytes than the %d of the file's JPEG", b.Len(), len(tt.asIs))
				}
				return
			}
			cmd := exec.Command(djpeg, "-ppm")
			cmd.Stdin = bytes.NewReader(b.Bytes())
			out, err := cmd.Output()
			if err != nil || !bytes.Contains(out[:20], []byte("64 32")) {
				t.Errorf("got %.20q from djpeg, error %v, want an image of 64x32", out, err)
			}
		})
	}
}

// TestMemory: of many files one image is in memory at a time, and one that finds no memory is not lost.
func TestMemory(t *testing.T) {
	data := jpegOf(t, testImage(50, 64, 32))
	dir := write(t, data, data, data)
	list, err := stills.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for range 100 {
		names = append(names, list.Names...)
	}
	p := pooltest.New(t, &pool.Options{Budget: 64 << 10})
	r := stills.New(t.Context(), names, p, stills.Options{})
	hog, err := p.Get(60 << 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.NextFrame(); !errors.Is(err, pool.ErrBudget) {
		t.Fatalf("got error %v, want %v", err, pool.ErrBudget)
	}
	hog.Release()
	for range names {
		f, err := r.NextFrame()
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
	}
	if _, err := r.NextFrame(); err != io.EOF {
		t.Errorf("got error %v, want %v", err, io.EOF)
	}
}

// TestLoop: with Loop the first file follows the last, unless there is none that can be read.
func TestLoop(t *testing.T) {
	dir := write(t, jpegOf(t, testImage(50, 64, 32)), nil, jpegOf(t, testImage(50, 40, 40)))
	list, err := stills.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := stills.New(t.Context(), list.Names, pooltest.New(t, nil), stills.Options{Loop: true})
	for i := range 7 {
		f, err := r.NextFrame()
		if err != nil || f.Desc.Width != []int{64, 40}[i%2] {
			t.Fatalf("image %d: got %v, error %v", i, f.Desc, err)
		}
		f.Release()
	}
	r = stills.New(t.Context(), list.Names[1:2], pooltest.New(t, nil), stills.Options{Loop: true})
	if _, err := r.NextFrame(); err != io.EOF {
		t.Errorf("got error %v from files without an image, want %v", err, io.EOF)
	}
}

// TestEnds: reading ends with its context, also inside ffmpeg.
func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	cancel(stop)
	r := stills.New(ctx, []string{"gone.jpg"}, pooltest.New(t, nil), stills.Options{})
	if _, err := r.NextFrame(); err != stop {
		t.Errorf("got error %v, want %v", err, stop)
	}
}

// TestOddFiles: a missing file, one that cannot be opened without waiting, and names with control characters.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "pipe.jpg")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Skip("no named pipes here")
	}
	var got []string
	r := stills.New(t.Context(), []string{filepath.Join(dir, "gone\x1b[2J.jpg"), fifo}, pooltest.New(t, nil), stills.Options{
		Skipped: func(e *stills.FileError) { got = append(got, strings.ReplaceAll(e.Error(), dir, "DIR")) },
	})
	if _, err := r.NextFrame(); err != io.EOF {
		t.Errorf("got error %v, want %v", err, io.EOF)
	}
	if want := []string{`"DIR/gone\x1b[2J.jpg": no such file or directory`, "DIR/pipe.jpg: it is not a regular file"}; !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
