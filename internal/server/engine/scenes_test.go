package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// file is one of a scene.
type file struct{ name, data string }

// noise returns n bytes that do not repeat.
func noise(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return string(p)
}

// smallScene returns the files of a scene of 160x96 with three backgrounds and two places.
func smallScene() []file {
	files := []file{{"scene.json", `{"size": "160x96"}`}, {"rects.json", `{"all": ["40x40+20+30", {"rect": "30x20+100+10", "mask": {"shape": "ellipse"}}]}`}}
	for i := range 3 {
		files = append(files, file{fmt.Sprintf("frames/%d.bgr24", i), noise(3*160*96, uint64(i))})
	}
	return files
}

// loadScene loads files as the scene of that name.
func loadScene(t testing.TB, e *Engine, name string, files []file) (SceneInfo, error) {
	t.Helper()
	l, err := e.LoadScene(name)
	if err != nil {
		return SceneInfo{}, err
	}
	defer l.Close()
	for _, f := range files {
		if err := l.Add(t.Context(), f.name, []byte(f.data)); err != nil {
			return SceneInfo{}, err
		}
	}
	return l.Commit(t.Context())
}

func mustLoad(t testing.TB, e *Engine, name string, files []file) SceneInfo {
	t.Helper()
	i, err := loadScene(t, e, name, files)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// region is the input of the tests' regions.
var region = frame.Desc{Format: frame.RGBF32P, Width: 24, Height: 24}

func regionFrame(t testing.TB) frame.Frame {
	t.Helper()
	f, err := frame.WrapBytes(region, bytes.Repeat([]byte{0, 0, 0, 63}, 3*24*24))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustPlan(t testing.TB, e *Engine, name string) *Plan {
	t.Helper()
	p, err := e.Plan(pipeline.Spec{Input: region, Scene: name})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestScene(t *testing.T) {
	e := newEngine(t, nil)
	info := mustLoad(t, e, "anna", smallScene())
	if info.Width != 160 || info.Height != 96 || info.Backgrounds != 3 || info.Places != 2 || info.Walk != "to-and-fro" || info.Transparent || info.Users != 0 || info.Bytes <= 0 {
		t.Errorf("got %+v", info)
	}
	p := mustPlan(t, e, "anna")
	defer p.Release()
	f := regionFrame(t)
	c := Composition{Images: []scene.Image{{Index: 4}, {Index: 1, Regions: []scene.Region{{Frame: f}, {Frame: f}}}, {Regions: make([]scene.Region, 17)}, {Index: -1}}}
	var b pipeline.Batch
	defer b.Release()
	if _, err := e.Compose(t.Context(), p, &c, &b, true); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		data := b.Out[i].Bytes()
		if m, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil || m.Bounds().Size() != image.Pt(160, 96) || c.Color[i] != len(data) {
			t.Errorf("image %d: got %v, %v, %d bytes of color of %d", i, m, err, c.Color[i], len(data))
		}
	}
	for i, field := range map[int]string{2: "regions", 3: "index"} {
		if f := fault.From(b.Out[i].Err); f == nil || f.Kind != fault.Invalid || f.Field != field {
			t.Errorf("image %d: got %v, want Invalid about %s", i, b.Out[i].Err, field)
		}
	}
	if u := e.Scenes(); len(u) != 1 || u[0].Users != 1 {
		t.Errorf("got %+v, want one scene with a user", u)
	}
	if _, err := e.Plan(pipeline.Spec{Scene: "bob"}); fault.From(err).Kind != fault.NotFound || !strings.Contains(err.Error(), "anna") {
		t.Errorf("got %v, want NotFound with the names", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Compose(ctx, p, &c, &b, true); fault.From(err).Kind != fault.Canceled || len(b.Out) != 0 {
		t.Errorf("canceled: got %v and %d results", err, len(b.Out))
	}
}

// TestSceneUnloadInUse: who uses a scene goes on when it is unloaded or replaced, and its memory comes back with the last.
func TestSceneUnloadInUse(t *testing.T) {
	e := newEngine(t, nil)
	before := e.Pool.Stats().Admitted
	mustLoad(t, e, "anna", smallScene())
	p := mustPlan(t, e, "anna")
	second := p.Retain()
	mustLoad(t, e, "anna", smallScene())
	if _, err := e.UnloadScene("anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.UnloadScene("anna"); fault.From(err).Kind != fault.NotFound {
		t.Errorf("unloaded twice: got %v, want NotFound", err)
	}
	if _, err := e.Plan(pipeline.Spec{Scene: "anna"}); fault.From(err).Kind != fault.NotFound {
		t.Errorf("used when unloaded: got %v, want NotFound", err)
	}
	if l := e.Scenes(); len(l) != 1 || !l[0].Unloaded || l[0].Users != 1 {
		t.Errorf("got %+v, want the one in use", l)
	}
	p.Release()
	c := Composition{Images: []scene.Image{{Index: 1}}}
	var b pipeline.Batch
	if _, err := e.Compose(t.Context(), second, &c, &b, true); err != nil || b.Out[0].Err != nil {
		t.Errorf("after unloading: got %v, %v", err, b.Out[0].Err)
	}
	b.Release()
	second.Release()
	if s := e.Pool.Stats(); s.Admitted != before || s.InUse != 0 || len(e.Scenes()) != 0 {
		t.Errorf("got %d bytes admitted and %d leased, %d scenes, want %d, none and none", s.Admitted, s.InUse, len(e.Scenes()), before)
	}
}

// TestSceneLoads: a thousand loads and unloads leave everything as it was.
func TestSceneLoads(t *testing.T) {
	e := newEngine(t, nil)
	before := e.Pool.Stats().Admitted
	files := []file{{"scene.json", `{"size": "32x16", "color": "#102030"}`}, {"rects.json", `{"all": [{"rect": "8x8+4+4", "mask": {"feather": 2}}]}`}}
	for i := range 1000 {
		name := fmt.Sprint("s", i%3)
		mustLoad(t, e, name, files)
		if i%2 == 0 {
			if _, err := e.UnloadScene(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range e.Scenes() {
		if _, err := e.UnloadScene(s.Name); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.Pool.Stats(); s.Admitted != before || s.InUse != 0 {
		t.Errorf("got %d bytes admitted and %d leased, want %d and none", s.Admitted, s.InUse, before)
	}
	if st := e.scenes.stats(); st.Loaded+st.Unloaded+st.Users != 0 || st.Bytes != 0 {
		t.Errorf("got %+v, want nothing", st)
	}
}

// TestSceneBudget: a scene that does not fit is refused, says what it needs, and leaves nothing.
func TestSceneBudget(t *testing.T) {
	whole := append(smallScene(), file{"frames/x.bgr24", noise(3*160*96, 9)})
	movable := []file{{"scene.json", `{"size": "160x96", "movable": true}`}}
	for i := range 40 {
		movable = append(movable, file{fmt.Sprintf("frames/%d.bgr24", i), noise(3*160*96, uint64(i))})
	}
	tests := []struct {
		name   string
		change func(*config.Config)
		files  []file
		kind   fault.Kind
		limit  string
	}{
		{"alone", func(c *config.Config) { c.Limits.SceneMemory = 64 * config.KiB }, whole, fault.TooLarge, "limits.scene_memory"},
		{"together", func(c *config.Config) { c.Limits.SceneMemory = 256 * config.KiB }, whole, fault.Busy, "limits.scene_memory"},
		{"budget", func(c *config.Config) {
			c.Limits.MemoryBudget, c.Limits.SceneMemory, c.Limits.MemoryFloor = 2*config.MiB, 2*config.MiB, 0
		}, movable, fault.Busy, "limits.memory_budget"},
		{"count", func(c *config.Config) { c.Limits.MaxScenes = 1 }, whole, fault.Busy, "limits.max_scenes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, tt.change)
			if tt.name == "together" || tt.name == "count" {
				mustLoad(t, e, "first", smallScene())
			}
			before := e.Pool.Stats().Admitted
			_, err := loadScene(t, e, "second", tt.files)
			if f := fault.From(err); f == nil || f.Kind != tt.kind || f.Limit != tt.limit || f.Got <= f.Max {
				t.Errorf("got %v, want %s of %s", err, tt.kind, tt.limit)
			}
			if s := e.Pool.Stats(); s.Admitted != before {
				t.Errorf("got %d bytes admitted, want %d as before", s.Admitted, before)
			}
		})
	}
}

// TestSceneFiles: what is wrong with a file is said, with its name.
func TestSceneFiles(t *testing.T) {
	var gray bytes.Buffer
	if err := png.Encode(&gray, image.NewGray(image.Rect(0, 0, 160, 96))); err != nil {
		t.Fatal(err)
	}
	var large bytes.Buffer
	if err := png.Encode(&large, image.NewPaletted(image.Rect(0, 0, 500, 500), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	if err := stdjpeg.Encode(&photo, image.NewYCbCr(image.Rect(0, 0, 160, 96), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, func(c *config.Config) { c.Limits.MaxPixels = 200_000 })
	ok := []file{{"./rects.json", `{"frames": [["8x8+1+1"], ["8x8+2+2"]]}`}, {"masks/1.png", gray.String()}, {"masks/2.png", gray.String()}, {"frames/1.png", gray.String()}, {"frames/2.jpg", photo.String()}}
	if i := mustLoad(t, e, "ok", ok); i.Backgrounds != 2 || i.Places != 1 {
		t.Errorf("got %+v", i)
	}
	tests := []struct {
		name  string
		files []file
		want  string
	}{
		{"none", nil, "got no backgrounds"},
		{"other", []file{{"../frames/1.png", ""}}, "no file of a scene"},
		{"video", []file{{"video.mp4", "x"}}, "no file of a scene"},
		{"late", []file{{"frames/1.png", gray.String()}, {"rects.json", "{}"}}, "too late"},
		{"twice", []file{{"rects.json", "{}"}, {"rects.json", "{}"}}, "too late, or again"},
		{"json", []file{{"scene.json", "{"}}, "unexpected EOF"},
		{"setting", []file{{"scene.json", `{"sise": 3}`}}, "unknown field"},
		{"size", []file{{"scene.json", `{"size": "60000x60000"}`}, {"frames/1.bgr24", "x"}}, "pixels"},
		{"raw-size", []file{{"scene.json", `{"size": "160x96"}`}, {"frames/1.bgr24", "x"}}, "want 46080"},
		{"raw-format", []file{{"scene.json", `{"size": "160x96"}`}, {"frames/1.bmp", "x"}}, "pixel format"},
		{"raw-unknown", []file{{"frames/1.bgr24", "x"}}, "want size"},
		{"png", []file{{"frames/1.png", gray.String()[:60]}}, "not enough pixel data"},
		{"png-large", []file{{"frames/1.png", large.String()}}, "pixels"},
		{"jpeg", []file{{"frames/1.jpg", "\xff\xd8\xff\xe0zzzz"}}, "frames/1.jpg"},
		{"mixed", []file{{"frames/1.png", gray.String()}, {"scene.json", "{}"}}, "too late"},
		{"sizes", []file{{"scene.json", `{"size": "16x16"}`}, {"frames/1.png", gray.String()}}, "want 16x16"},
		{"mask", []file{{"mask.png", "x"}}, "want a PNG"},
		{"masks", []file{{"masks/1.png", gray.String()}, {"frames/1.png", gray.String()}, {"frames/2.png", gray.String()}}, "masks"},
		{"counts", []file{{"rects.json", `{"frames": [["8x8+1+1"]]}`}, {"frames/1.png", gray.String()}, {"frames/2.png", gray.String()}}, "rects.json"},
		{"places", []file{{"rects.json", `{"all": [` + strings.Repeat(`"1x1+0+0",`, 16) + `"1x1+0+0"]}`}, {"frames/1.png", gray.String()}}, "at most 16"},
		{"rect", []file{{"rects.json", `{"all": ["900000x1+0+0"]}`}, {"frames/1.png", gray.String()}}, "want sides"},
	}
	before := e.Pool.Stats()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadScene(t, e, "wrong", tt.files)
			if f := fault.From(err); f == nil || f.Kind != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want Invalid that says %q", err, tt.want)
			}
			if s := e.Pool.Stats(); s.Admitted != before.Admitted || s.InUse != before.InUse {
				t.Errorf("got %d bytes admitted and %d leased, want %d and %d as before", s.Admitted, s.InUse, before.Admitted, before.InUse)
			}
		})
	}
	for _, name := range []string{"", ".x", "a/b", strings.Repeat("a", 65)} {
		if _, err := e.LoadScene(name); fault.From(err).Kind != fault.Invalid {
			t.Errorf("name %q: got %v, want Invalid", name, err)
		}
	}
}

// TestComposeAllocations: composing allocates nothing in steady state.
func TestComposeAllocations(t *testing.T) {
	e := newEngine(t, nil)
	mustLoad(t, e, "anna", smallScene())
	p := mustPlan(t, e, "anna")
	defer p.Release()
	f := regionFrame(t)
	c := Composition{Images: []scene.Image{{Regions: []scene.Region{{Frame: f}, {Frame: f}}}, {}}}
	var b pipeline.Batch
	defer b.Release()
	n := 0
	// Waiting: the run may go to workers.
	alloctest.Waiting(t, 30, func() {
		n++
		c.Images[0].Index, c.Images[1].Index = n, n+1
		if _, err := e.Compose(context.Background(), p, &c, &b, true); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSceneSharedByMany: what sessions that run at the same time get is what one alone gets, while scenes come and go: a scene is
// never written to.
func TestSceneSharedByMany(t *testing.T) {
	e := newEngine(t, nil)
	mustLoad(t, e, "anna", smallScene())
	f := regionFrame(t)
	images := func(p *Plan, index int) [2]string {
		c := Composition{Images: []scene.Image{{Index: index, Regions: []scene.Region{{Frame: f}, {Frame: f}}}, {Index: index}}}
		var b pipeline.Batch
		defer b.Release()
		if _, err := e.Compose(context.Background(), p, &c, &b, true); err != nil {
			t.Error(err)
			return [2]string{}
		}
		return [2]string{string(b.Out[0].Bytes()), string(b.Out[1].Bytes())}
	}
	var want [3][2]string
	first := mustPlan(t, e, "anna")
	for i := range want {
		want[i] = images(first, i)
	}
	first.Release()
	var sessions sync.WaitGroup
	for range 6 {
		sessions.Go(func() {
			for n := range 12 {
				p := mustPlan(t, e, "anna")
				if got := images(p, n%3); got != want[n%3] {
					t.Errorf("background %d: got other images than one session alone", n%3)
				}
				p.Release()
			}
		})
	}
	sessions.Go(func() {
		for range 6 { // The same again.
			mustLoad(t, e, "anna", smallScene())
		}
	})
	sessions.Wait()
}

// TestSceneLoadEnds: the end of a load's context ends it, and a scene that was being loaded when the server stopped is refused.
func TestSceneLoadEnds(t *testing.T) {
	e := newEngine(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	l, err := e.LoadScene("anna")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files := smallScene()
	for _, f := range files[:3] {
		if err := l.Add(ctx, f.name, []byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	cancel(errors.New("over"))
	if err := l.Add(ctx, files[3].name, []byte(files[3].data)); err == nil {
		t.Error("after its context ended: got nil, want an error")
	}
	late, err := e.LoadScene("late")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := late.Add(t.Context(), "scene.json", []byte(`{"size": "16x16", "color": "#ffffff"}`)); err != nil {
		t.Fatal(err)
	}
	e.scenes.close()
	if _, err := late.Commit(t.Context()); fault.From(err).Kind != fault.Draining {
		t.Errorf("after the server stopped: got %v, want Draining", err)
	}
}

// TestHostileRegionsAreBounded: whatever sizes regions have, the geometries that a scene keeps are admitted and bounded.
func TestHostileRegionsAreBounded(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MemoryBudget, c.Limits.MemoryFloor = 16*config.MiB, 0 })
	mustLoad(t, e, "anna", []file{{"scene.json", `{"size": "160x96", "movable": true, "color": "#00ff00"}`}})
	p := mustPlan(t, e, "anna")
	defer p.Release()
	c := Composition{Images: make([]scene.Image, 1)}
	var b pipeline.Batch
	defer b.Release()
	r := scene.Region{Frame: regionFrame(t)}
	for i := range 100 {
		r.Rect = pipeline.Rect{X: -i, Y: i % 96, Width: 4096 - i, Height: 1 + i}
		c.Images[0].Regions = []scene.Region{r}
		if _, err := e.Compose(t.Context(), p, &c, &b, true); err != nil || b.Out[0].Err != nil {
			t.Fatalf("rect %s: %v, %v", r.Rect, err, b.Out[0].Err)
		}
	}
	s := e.Pool.Stats()
	if s.Admitted > s.Budget || e.scenes.tables() > 32<<20+1<<20 {
		t.Errorf("got %d bytes admitted of %d, %d of tables", s.Admitted, s.Budget, e.scenes.tables())
	}
	if s.Waiting != 0 {
		t.Errorf("got %d that wait", s.Waiting)
	}
}

// wideScene returns the files of a scene of very wide images with one place.
func wideScene() []file {
	return []file{{"scene.json", `{"size": "32000x16"}`}, {"rects.json", `{"all": ["16x16+0+0"]}`}, {"frames/0.bgr24", strings.Repeat("a", 3*32000*16)}}
}

// TestSceneScratch: scratch of composed images is in the memory of pipelines, and in the account; that of scenes that are not
// being used makes room for others and ends with the scene.
func TestSceneScratch(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MemoryBudget = 256 * config.MiB })
	const scenes = 16
	c := Composition{Images: []scene.Image{{Regions: []scene.Region{{Frame: regionFrame(t)}}}}}
	var b pipeline.Batch
	defer b.Release()
	var one int64
	for i := range scenes {
		name := fmt.Sprint("wide", i)
		mustLoad(t, e, name, wideScene())
		p := mustPlan(t, e, name)
		_, err := e.Compose(t.Context(), p, &c, &b, true)
		if err != nil || b.Out[0].Err != nil {
			t.Fatal(err, b.Out[0].Err)
		}
		p.Release()
		one = max(one, e.pipelines.stats().Bytes/int64(i+1))
	}
	var kept int64
	e.scenes.held(func(m scene.Memory) { kept += m.Kept })
	s := e.pipelines.stats()
	if one < 2<<20 || scenes*one <= e.pipelines.limit || s.Bytes > e.pipelines.limit || s.Bytes != kept || s.Kept != 0 {
		t.Errorf("got %+v, %d bytes kept and %d for one scene, want more than the %d of limits.pipeline_memory if all kept theirs", s, kept, one, e.pipelines.limit)
	}
	if n := held(e, Pipelines); n != kept {
		t.Errorf("got %d bytes in the account, want %d", n, kept)
	}
	for i := range scenes {
		if _, err := e.UnloadScene(fmt.Sprint("wide", i)); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.pipelines.stats(); s.Bytes != 0 {
		t.Errorf("got %d bytes when no scene is left, want none", s.Bytes)
	}
}

// held returns the bytes of a kind in e's account.
func held(e *Engine, kind string) int64 {
	for _, u := range e.Account.Read().Held {
		if u.Kind == kind {
			return u.Bytes
		}
	}
	return -1
}

// TestSceneRegionsThatNeedMuch: an image whose regions would need too much memory is refused alone, and those that need much are
// composed one after the other.
func TestSceneRegionsThatNeedMuch(t *testing.T) {
	e := newEngine(t, func(c *config.Config) { c.Limits.MemoryBudget = 256 * config.MiB })
	files := append(wideScene(), file{})
	files[0].data = `{"size": "32000x16", "movable": true}`
	mustLoad(t, e, "wide", files[:3])
	p := mustPlan(t, e, "wide")
	defer p.Release()
	f := regionFrame(t)
	regions := func(n int) (r []scene.Region) {
		for i := range n {
			r = append(r, scene.Region{Frame: f, Rect: pipeline.Rect{Y: -i, Width: 32000, Height: 16 + i}})
		}
		return r
	}
	c := Composition{Images: []scene.Image{{Regions: regions(16)}, {Regions: regions(1)}, {}}}
	var b pipeline.Batch
	defer b.Release()
	if _, err := e.Compose(t.Context(), p, &c, &b, true); err != nil {
		t.Fatal(err)
	}
	if f := fault.From(b.Out[0].Err); f == nil || f.Kind != fault.TooLarge || f.Limit != "limits.pipeline_memory" {
		t.Errorf("16 wide regions: got %v, want TooLarge for limits.pipeline_memory", b.Out[0].Err)
	}
	if err := errors.Join(b.Out[1].Err, b.Out[2].Err); err != nil {
		t.Errorf("images beside it: %v", err)
	}
	none, two := p.scene.ScratchBytes(&scene.Image{}), p.scene.ScratchBytes(&scene.Image{Regions: regions(2)})
	r := composing{most: two}
	for n, want := range map[int]int{0: min(4, int(two/none)), 2: 1, 3: 4} { // 3 are refused, on as many goroutines as there are.
		images := slices.Repeat([]scene.Image{{Regions: regions(n)}}, 10)
		goroutines, scratch := r.divide(p.scene.Scene, images, 4)
		if n < 3 && scratch != int64(goroutines)*p.scene.ScratchBytes(&images[0]) {
			t.Errorf("%d wide regions: got %d bytes for %d goroutines", n, scratch, goroutines)
		}
		if goroutines != want || scratch > r.most {
			t.Errorf("%d wide regions: got %d goroutines with %d bytes together, want %d", n, goroutines, scratch, want)
		}
	}
}
