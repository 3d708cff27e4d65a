package httpapi

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// TestPNGBound: what cannot be compressed fits, and so does what can.
func TestPNGBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, size := range []image.Point{{1, 1}, {1, 500}, {500, 1}, {7, 3}, {64, 64}, {333, 201}} {
		img := image.NewNRGBA(image.Rectangle{Max: size})
		for i := range img.Pix {
			img.Pix[i] = byte(rng.Uint32())
		}
		var b bytes.Buffer
		coder := png.Encoder{CompressionLevel: png.BestSpeed}
		if err := coder.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if most := maxPNG(size.X, size.Y); int64(b.Len()) > most {
			t.Errorf("%v: got %d bytes, want at most %d", size, b.Len(), most)
		}
	}
}

// TestSeparate: colors over alpha, rounded, and never above what there is.
func TestSeparate(t *testing.T) {
	for a := range 256 {
		for c := range 256 {
			rgba := []byte{byte(c), 0, byte(a), 255}
			separate(rgba, []byte{byte(a)})
			want := color.NRGBA{}
			if a > 0 {
				of := func(v int) uint8 { return uint8(min(float64(v)*255/float64(a)+0.5, 255)) }
				want = color.NRGBA{R: of(c), B: of(a), A: uint8(a)}
			}
			if got := (color.NRGBA{rgba[0], rgba[1], rgba[2], rgba[3]}); got != want {
				t.Fatalf("color %d, alpha %d: got %v, want %v", c, a, got, want)
			}
		}
	}
}

// TestPNGAccept: PNG for who takes no JPEG.
func TestPNGAccept(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "image/png": true, "image/png;q=0.5": true, "image/png, text/html": true, "image/png,image/jpeg": false, "image/png, */*;q=0.1": false,
		"image/avif,image/webp,image/apng,image/*,*/*;q=0.8": false, "image/*": false, ";;, image/png": true, "image/pngx": false,
	} {
		if got := onlyPNG([]string{accept}); got != want {
			t.Errorf("%q: got %v, want %v", accept, got, want)
		}
	}
}

// TestPNGSnapshot: the newest image of any stream, in every way to ask for it; what cannot be decoded or has no room is refused.
func TestPNGSnapshot(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	data := images(t, 1)[0]
	f.publish(t, p, data)
	want, err := stdjpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	jpegs, _ := f.get(t, "GET", "/snapshot/cam1.jpg")
	for _, tt := range [][]string{{"/snapshot/cam1.png"}, {"/snapshot/cam1.jpg?format=png"}, {"/snapshot/cam1.jpg", "Accept", "image/png"}} {
		resp, body := f.get(t, "GET", tt[0], tt[1:]...)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/png" || resp.ContentLength != int64(len(body)) {
			t.Fatalf("%q: got %s, %s, length %d: %.80q", tt, resp.Status, resp.Header.Get("Content-Type"), resp.ContentLength, body)
		}
		got, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds() != want.Bounds() {
			t.Fatalf("%q: got %v, want %v", tt, got.Bounds(), want.Bounds())
		}
		for y := range got.Bounds().Dy() {
			for x := range got.Bounds().Dx() {
				_, _, _, alpha := got.At(x, y).RGBA()
				a, b := color.GrayModel.Convert(got.At(x, y)).(color.Gray).Y, color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
				if max(a, b)-min(a, b) > 24 || alpha != 0xffff { // Chroma is spread in another way, and what is out of range cut off.
					t.Fatalf("%q: at %d,%d: got %v, want %v", tt, x, y, a, b)
				}
			}
		}
		if tag := resp.Header.Get("ETag"); tag == jpegs.Header.Get("ETag") {
			t.Errorf("%q: got the ETag of the JPEG", tt)
		} else if same, _ := f.get(t, "GET", "/snapshot/cam1.png", "If-None-Match", tag); same.StatusCode != http.StatusNotModified {
			t.Errorf("the same again: got %s, want 304", same.Status)
		}
	}
	if head, body := f.get(t, "HEAD", "/snapshot/cam1.png"); head.StatusCode != http.StatusOK || len(body) > 0 || head.Header.Get("Content-Type") != "image/png" {
		t.Errorf("HEAD: got %s, %d bytes", head.Status, len(body))
	}
	if resp, _ := f.get(t, "GET", "/snapshot/cam1.jpg?format=gif"); resp.Header.Get("Fault") != "invalid" {
		t.Errorf("format=gif: got %s, %s, want invalid", resp.Status, resp.Header.Get("Fault"))
	}
	if resp, body := f.get(t, "GET", "/snapshot/cam1.jpg?format=jpeg", "Accept", "image/png"); !bytes.Equal(body, data) {
		t.Errorf("format=jpeg: got %s, %s, want the JPEG", resp.Status, resp.Header.Get("Content-Type"))
	}
	f.publish(t, p, append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte{9}, 400)...))
	if resp, body := f.get(t, "GET", "/snapshot/cam1.png"); resp.Header.Get("Fault") != "unsupported" || resp.Header.Get("ETag") != "" || !bytes.Contains(body, []byte("cannot be decoded")) {
		t.Errorf("what is no JPEG: got %s, %s", resp.Status, body)
	}
	eventually(t, "nobody watches any more", func() bool { return f.viewerCount("cam1") == 0 })
}

// TestPNGMemory: a PNG that does not fit into the budget is refused.
func TestPNGMemory(t *testing.T) {
	f := newFixture(t, nil, func(c *config.Config, _ *stream.Options) {
		c.Limits.MemoryBudget = 1 << 20
		c.Limits.MemoryFloor = 0
	})
	p := f.publisher(t, "cam1")
	f.publish(t, p, images(t, 1)[0])
	if resp, body := f.get(t, "GET", "/snapshot/cam1.png"); resp.Header.Get("Fault") != "too_large" || !bytes.Contains(body, []byte("limits.memory_budget")) {
		t.Errorf("got %s, %s, want too_large and the limit", resp.Header.Get("Fault"), body)
	}
}
