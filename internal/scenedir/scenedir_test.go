package scenedir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/scene"
)

// folder writes files, whose names may have folders in them, and returns the folder of them all.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pngOf returns an image of one color.
func pngOf(t *testing.T, width, height int, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	red   = color.NRGBA{R: 255, A: 255}
	black = color.NRGBA{A: 255}
	white = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	dark  = color.NRGBA{R: 0x40, G: 0x40, B: 0x40, A: 255}
	half  = color.NRGBA{R: 255, G: 255, B: 255, A: 128}
)

// load loads a folder with a pool that is seen to have everything back when the test ends.
func load(t *testing.T, dir string) *scene.Scene {
	t.Helper()
	s, err := Load(t.Context(), dir, pooltest.New(t, nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// at returns the color at a point of image index, with white regions in all places.
func at(t *testing.T, s *scene.Scene, index, x, y int) color.NRGBA {
	t.Helper()
	f, err := frame.WrapBytes(frame.Desc{Format: frame.Gray8, Width: 8, Height: 8}, bytes.Repeat([]byte{255}, 64))
	if err != nil {
		t.Fatal(err)
	}
	m := scene.Image{Index: index, Regions: make([]scene.Region, s.Places(index))}
	for i := range m.Regions {
		m.Regions[i].Frame = f
	}
	c, err := s.Compose(&m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	img, err := stdjpeg.Decode(bytes.NewReader(c.JPEG()))
	if err != nil {
		t.Fatal(err)
	}
	return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
}

// near fails t when a color differs from want by more than coding does.
func near(t *testing.T, what string, got, want color.NRGBA) {
	t.Helper()
	off := func(a, b uint8) bool { return max(a, b)-min(a, b) > 16 }
	if off(got.R, want.R) || off(got.G, want.G) || off(got.B, want.B) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestFolder: frames of a folder in natural order, places of each in both forms, and masks of each.
func TestFolder(t *testing.T) {
	dir := folder(t, map[string][]byte{
		"frames/2.png":  pngOf(t, 96, 64, red),
		"frames/10.png": pngOf(t, 96, 64, black),
		"masks/1.png":   pngOf(t, 4, 4, white),
		"masks/2.png":   pngOf(t, 4, 4, half),
		"rects.json":    []byte(`{"frames": [["32x32+0+0"], [{"rect": "32x32+64+32"}, {"rect": "16x16+0+0", "mask": {"shape": "rectangle"}}]]}`),
		"scene.json":    []byte(`{"quality": 90, "subsampling": "444", "walk": "loop", "restart": 4}`),
		".hidden":       nil,
	})
	s := load(t, dir)
	if w, h := s.Size(); w != 96 || h != 64 || s.Backgrounds() != 2 || s.Places(0) != 1 || s.Places(3) != 2 {
		t.Errorf("got %d backgrounds of %dx%d with %d and %d places, want 2 of 96x64 with 1 and 2", s.Backgrounds(), w, h, s.Places(0), s.Places(3))
	}
	if o := s.Options(); o.Quality != 90 || o.Restart != 4 || o.Walk != scene.Loop {
		t.Errorf("got %+v, want the settings of scene.json", o)
	}
	near(t, "region of the first", at(t, s, 0, 16, 16), white)
	near(t, "beside it", at(t, s, 2, 60, 40), red)
	near(t, "region of the second, half seen", at(t, s, 1, 80, 48), color.NRGBA{128, 128, 128, 255})
	near(t, "its place with a mask of its own", at(t, s, 1, 8, 8), white)
	near(t, "beside them", at(t, s, 1, 40, 40), black)
}

// TestPlain: scenes of one color or none, whose number of backgrounds is that of the places.
func TestPlain(t *testing.T) {
	s := load(t, folder(t, map[string][]byte{
		"scene.json": []byte(`{"size": "64x48", "quality": 100, "color": "#404040", "mask": {"shape": "ellipse"}}`),
		"rects.json": []byte(`{"frames": [["32x32+0+0"], ["32x32+16+16"], []]}`),
	}))
	if s.Backgrounds() != 3 {
		t.Errorf("got %d backgrounds, want 3", s.Backgrounds())
	}
	near(t, "region", at(t, s, 1, 32, 32), white)
	near(t, "outside of the ellipse", at(t, s, 1, 17, 17), dark)

	clear := load(t, folder(t, map[string][]byte{
		"scene.json": []byte(`{"size": "64x48", "transparent": true}`),
		"mask.png":   pngOf(t, 3, 3, color.NRGBA{R: 255, G: 255, B: 255, A: 255}),
		"rects.json": []byte(`{"all": [{"affine": [2, 0, 10, 0, 2, 8], "region": "8x8"}]}`),
	}))
	c, err := clear.Compose(&scene.Image{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if len(c.JPEG()) == 0 || len(c.Alpha()) == 0 {
		t.Error("a transparent scene: want color and alpha")
	}
	near(t, "affine", at(t, clear, 0, 16, 16), white)
}

// TestVideo: frames of a video.
func TestVideo(t *testing.T) {
	ffmpeg := exttool.Require(t, "ffmpeg", "ffmpeg")
	dir := folder(t, map[string][]byte{"rects.json": []byte(`{"all": ["20x20+4+4"]}`)})
	video := filepath.Join(dir, "video.avi")
	if out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "color=0x404040:s=64x48:d=1:r=5", "-c:v", "mjpeg", video).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := load(t, dir)
	if s.Backgrounds() != 5 {
		t.Errorf("got %d backgrounds, want 5", s.Backgrounds())
	}
	near(t, "region", at(t, s, 4, 12, 12), white)
	near(t, "beside it", at(t, s, 4, 50, 40), dark)
	if err := os.WriteFile(filepath.Join(dir, "video.mkv"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, dir, "want one video")
}

// wantError loads a folder and wants an error with a text. Nothing stays leased.
func wantError(t *testing.T, dir, want string) {
	t.Helper()
	p := pooltest.New(t, nil)
	s, err := Load(t.Context(), dir, p, 0)
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
	if n := p.Stats().InUse; n != 0 {
		t.Errorf("%s: got %d bytes leased after the error, want none", want, n)
	}
}

// TestErrors: each mistake is named with its file.
func TestErrors(t *testing.T) {
	img := pngOf(t, 40, 30, red)
	wantError(t, filepath.Join(t.TempDir(), "none"), "no such file")
	for name, tt := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"empty":          {nil, "got no backgrounds"},
		"two-kinds":      {map[string][]byte{"frames/1.png": img, "scene.json": []byte(`{"color": "#112233", "size": "40x30"}`)}, "several kinds"},
		"unknown-field":  {map[string][]byte{"frames/1.png": img, "scene.json": []byte(`{"qualiti": 3}`)}, "scene.json: json: unknown field"},
		"two-values":     {map[string][]byte{"frames/1.png": img, "scene.json": []byte(`{} {}`)}, "scene.json: got more"},
		"quality":        {map[string][]byte{"frames/1.png": img, "scene.json": []byte(`{"quality": 300}`)}, "scene.json: scene: quality: got 300"},
		"size":           {map[string][]byte{"scene.json": []byte(`{"size": "big", "transparent": true}`)}, "scene.json: frame: size"},
		"no-size":        {map[string][]byte{"scene.json": []byte(`{"transparent": true}`)}, "want a size"},
		"rect":           {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": ["10x10"]}`)}, "rects.json: pipeline: unreadable rectangle"},
		"both-rects":     {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": [], "frames": []}`)}, "rects.json: got all and frames"},
		"few-rects":      {map[string][]byte{"frames/1.png": img, "frames/2.png": img, "rects.json": []byte(`{"frames": [[]]}`)}, "rects.json: got places for 1 frames"},
		"many-rects":     {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"frames": [[], []]}`)}, "rects.json: got places for 2 frames, want 1"},
		"large-rect":     {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": ["60000x60000+0+0"]}`)}, "background 0: places[0].rect"},
		"no-region":      {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": [{"affine": [1, 0, 0, 0, 1, 0]}]}`)}, "region"},
		"singular":       {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": [{"affine": [0, 0, 0, 0, 0, 0], "region": "8x8"}]}`)}, "no inverse"},
		"not-an-image":   {map[string][]byte{"frames/1.png": []byte("hello")}, "1.png"},
		"sizes":          {map[string][]byte{"frames/1.png": img, "frames/2.png": pngOf(t, 40, 31, red)}, "background 1: got"},
		"mask":           {map[string][]byte{"frames/1.png": img, "mask.png": []byte("hello")}, "mask.png: want a PNG"},
		"two-masks":      {map[string][]byte{"frames/1.png": img, "mask.png": img, "masks/1.png": img}, "got mask.png and masks"},
		"few-masks":      {map[string][]byte{"frames/1.png": img, "frames/2.png": img, "masks/1.png": img}, "masks: got 1 files"},
		"many-masks":     {map[string][]byte{"frames/1.png": img, "masks/1.png": img, "masks/2.png": img}, "masks: got 2 files"},
		"feather":        {map[string][]byte{"frames/1.png": img, "rects.json": []byte(`{"all": [{"rect": "8x8+0+0", "mask": {"feather": -1}}]}`)}, "mask.feather"},
		"frames-a-file":  {map[string][]byte{"frames": img}, "frames"},
		"scene-a-folder": {map[string][]byte{"frames/1.png": img, "scene.json/x": nil}, "scene.json"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, folder(t, tt.files), tt.want) })
	}
}

// TestLimits: what is too large is refused before it is decoded or held.
func TestLimits(t *testing.T) {
	huge := bytes.Clone(pngOf(t, 1, 1, red))
	copy(huge[16:24], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}) // the sides in the header, whose checksum comes later
	wantError(t, folder(t, map[string][]byte{"frames/1.png": pngOf(t, 8, 8, red), "mask.png": huge}), "mask.png")
	long := append(bytes.Repeat([]byte{' '}, maxJSON), []byte("{}")...)
	wantError(t, folder(t, map[string][]byte{"frames/1.png": pngOf(t, 8, 8, red), "rects.json": long}), fmt.Sprint(maxJSON))

	dir := folder(t, map[string][]byte{"frames/1.png": pngOf(t, 640, 480, red), "rects.json": []byte(`{"all": ["300x300+0+0"]}`)})
	_, err := Load(t.Context(), dir, pooltest.New(t, nil), 100<<10)
	if !errors.Is(err, pool.ErrBudget) {
		t.Errorf("above maxBytes: got %v, want ErrBudget", err)
	}
}

// FuzzRects: a file that is read gives places, which package scene checks, or an error, for any background.
func FuzzRects(f *testing.F) {
	f.Add([]byte(`{"all": ["200x200+860+300", {"rect": "1x1-1-1", "mask": {"shape": "ellipse", "feather": 2}}]}`))
	f.Add([]byte(`{"frames": [["1x1+0+0"], [], [{"affine": [1, 0, 0, 0, 1, 0], "region": "8x8"}]]}`))
	f.Add([]byte(`{"frames": [null, [{}]], "all": null}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r rects
		if err := parse(data, &r); err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("read what is not JSON")
		}
		b, err := scene.NewBuilder(&scene.Options{Width: 64, Height: 48, Transparent: true, MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Discard()
		for n := range 3 {
			places, err := r.places(n, nil)
			if err == nil && len(places) <= scene.MaxRegions {
				_ = b.Add(scene.Background{Places: places}) // any error, no panic
			}
		}
	})
}
