//go:build linux

package ring

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/scene"
)

// regionSpec is what regions are.
var regionSpec = pipeline.Spec{Scene: "anna", Input: frame.Desc{Format: frame.BGR24, Width: 24, Height: 20}}

// load loads scene anna, of images of that size, with two backgrounds and two places, and returns the same as the library has it.
func (r *running) load(size, settings string, o scene.Options) *scene.Scene {
	r.t.Helper()
	l, err := r.engine.LoadScene("anna")
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	for _, f := range [][2]string{
		{"scene.json", `{"size": "` + size + `", ` + settings + `}`},
		{"rects.json", `{"frames": [["40x40+20+30", "30x20+100+10"], ["40x40+24+30", "30x20+90+10"]]}`},
	} {
		if err := l.Add(r.t.Context(), f[0], []byte(f[1])); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := l.Commit(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	o.Pool = pooltest.New(r.t, nil)
	if _, err := fmt.Sscanf(size, "%dx%d", &o.Width, &o.Height); err != nil {
		r.t.Fatal(err)
	}
	b, err := scene.NewBuilder(&o)
	if err != nil {
		r.t.Fatal(err)
	}
	defer b.Discard()
	for _, x := range [][2]int{{20, 100}, {24, 90}} {
		places := []scene.Place{{Rect: pipeline.Rect{X: x[0], Y: 30, Width: 40, Height: 40}}, {Rect: pipeline.Rect{X: x[1], Y: 10, Width: 30, Height: 20}}}
		bg := scene.Background{Places: places}
		if !o.Transparent {
			bg.Color = pipeline.Color{R: 0x40, G: 0x50, B: 0x60}
		}
		if err := b.Add(bg); err != nil {
			r.t.Fatal(err)
		}
	}
	s, err := b.Scene()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(s.Close)
	return s
}

const plain = `"color": "#405060"`

// composed returns what the library makes of an image of the regions in a slot.
func (c *client) composed(s *scene.Scene, slot int, submit *ring.Submit, rects []pipeline.Rect) [2][]byte {
	c.t.Helper()
	m := scene.Image{Index: int(submit.Index)}
	for i := range int(submit.Frames) {
		var region scene.Region
		if submit.Without&(1<<i) == 0 {
			f, err := frame.WrapBytes(regionSpec.Input, c.Frame(slot, i))
			if err != nil {
				c.t.Fatal(err)
			}
			region.Frame = f
			if i < len(rects) {
				region.Rect = rects[i]
			}
		}
		m.Regions = append(m.Regions, region)
	}
	image, err := s.Compose(&m)
	if err != nil {
		c.t.Fatal(err)
	}
	defer image.Release()
	return [2][]byte{bytes.Clone(image.JPEG()), bytes.Clone(image.Alpha())}
}

// submitImage hands over a slot.
func (c *client) submitImage(slot int, s ring.Submit) {
	s.Slot, s.Generation, s.Tag = uint32(slot), c.generations[slot], uint64(slot)<<32
	s.Set(&c.m)
	if err := c.Send(c.m[:]); err != nil {
		c.t.Fatal(err)
	}
}

// layers returns the image of a slot, and its alpha.
func (c *client) layers(slot int) [2][]byte {
	c.t.Helper()
	area := c.Area(slot)
	e := ring.ParseEntry(area, 0)
	if e.Code != 0 {
		c.t.Fatalf("got code %d: %s", e.Code, area[e.Offset:][:e.Bytes])
	}
	return [2][]byte{area[e.Offset:][:e.Bytes], area[e.Offset+e.Bytes:][:e.Alpha]}
}

// TestScenes: images are the library's, whatever a SUBMIT says of them, and with several in one write.
func TestScenes(t *testing.T) {
	for _, tt := range []struct {
		name, settings string
		options        scene.Options
	}{
		{"plain", plain, scene.Options{}},
		{"movable", plain + `, "movable": true`, scene.Options{Movable: true}},
		{"transparent", `"transparent": true`, scene.Options{Transparent: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, nil)
			lib := r.load("160x96", tt.settings, tt.options)
			c := r.encoder(ring.Hello{Spec: regionSpec, Slots: 8, Batch: 3})
			if c.Layout.Width != 160 || c.Layout.Height != 96 || c.Layout.FrameBytes != 24*20*3 {
				t.Errorf("got %+v, want images of 160x96 and frames of %d bytes", c.Layout, 24*20*3)
			}
			rects := []pipeline.Rect{{X: -9, Y: 80, Width: 30, Height: 30}, {}, {X: 1, Y: 2, Width: 3, Height: 4}}
			submits := []ring.Submit{
				{Frames: 1, Flags: ring.FlagIndex, Index: 5},
				{Frames: 2}, // index 6
				{},          // 7
				{Frames: 2, Without: 1, Flags: ring.FlagIndex, Index: 2},
				{Frames: 1, Flags: ring.FlagIndex, Index: math.MaxInt},
				{},
				{Frames: 3, Flags: ring.FlagIndex | ring.FlagRects},
				{Frames: 2, Without: 3},
			}
			indices := []uint64{5, 6, 7, 2, math.MaxInt, math.MaxInt, 0, 1}
			if !tt.options.Movable {
				submits[6].Flags &^= ring.FlagRects
				submits[6].Frames = 2
			}
			for round := range 2 {
				for slot := range submits {
					for n := range 3 {
						smooth(c.Frame(slot, n), uint64(100*round+10*slot+n))
						ring.Rect{X: int32(rects[n].X), Y: int32(rects[n].Y), Width: int32(rects[n].Width), Height: int32(rects[n].Height)}.
							Put(c.Layout.Rects(c.Input(slot)), n)
					}
					s := submits[slot]
					if slot < len(submits)-1 {
						s.Flags |= ring.FlagMore
					}
					c.submitImage(slot, s)
				}
				for slot, s := range submits {
					if d := c.done(); int(d.Slot) != slot || d.Frames != 1 || d.Failed != 0 {
						t.Fatalf("got %+v, want one image of slot %d", d, slot)
					}
					s.Index = indices[slot]
					moved := rects
					if s.Flags&ring.FlagRects == 0 {
						moved = nil
					}
					got, want := c.layers(slot), c.composed(lib, slot, &s, moved)
					if !bytes.Equal(got[0], want[0]) || !bytes.Equal(got[1], want[1]) || tt.options.Transparent != (len(want[1]) > 0) {
						t.Errorf("slot %d: got %d and %d bytes, want %d and %d, as the library", slot, len(got[0]), len(got[1]), len(want[0]), len(want[1]))
					}
				}
			}
			c.Close()
			r.unload()
		})
	}
}

// unload waits until no connection is left, and unloads the scene: then the server holds nothing.
func (r *running) unload() {
	r.t.Helper()
	r.eventually("the server has a connection", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.connections) == 0
	})
	if _, err := r.engine.UnloadScene("anna"); err != nil {
		r.t.Fatal(err)
	}
	r.checkIdle()
}

// TestImagesWithoutRegions: a hello may say nothing of regions; an image that cannot be made fails alone.
func TestImagesWithoutRegions(t *testing.T) {
	r := start(t, nil)
	lib := r.load("160x96", plain, scene.Options{})
	c := r.encoder(ring.Hello{Spec: pipeline.Spec{Scene: "anna"}, Slots: 2})
	c.submitImage(0, ring.Submit{Flags: ring.FlagIndex, Index: 1})
	c.done()
	if got, want := c.layers(0), c.composed(lib, 0, &ring.Submit{Index: 1}, nil); !bytes.Equal(got[0], want[0]) {
		t.Errorf("got %d bytes, want %d", len(got[0]), len(want[0]))
	}
	c.Close()
	c = r.encoder(ring.Hello{Spec: regionSpec, Slots: 2, Batch: 3})
	c.submitImage(0, ring.Submit{Frames: 3})
	c.submitImage(1, ring.Submit{Frames: 1})
	if d := c.done(); d.Failed != 1 || d.Frames != 1 {
		t.Errorf("more regions than places: got %+v, want one failure", d)
	}
	if data, code := c.image(0, 0); code != uint32(codeOf(&fault.Error{Kind: fault.Invalid})) || !strings.Contains(string(data), "region") {
		t.Errorf("got code %d: %s", code, data)
	}
	if d := c.done(); d.Failed != 0 {
		t.Errorf("got %+v, want no failure", d)
	}
	c.Close()
	r.unload()
}

// TestSceneIsReplaced: the next image is one of the new scene, also of a larger one; without a scene it fails, and the next
// after another was loaded does not. A client that is silent does not keep a scene that is gone.
func TestSceneIsReplaced(t *testing.T) {
	r := start(t, nil)
	r.stale.Store(int64(time.Hour)) // A busy machine may take long between two images.
	r.load("160x96", plain, scene.Options{})
	c := r.encoder(ring.Hello{Spec: regionSpec, Slots: 1})
	for _, size := range []string{"160x96", "1600x960", "320x160"} {
		lib := r.load(size, plain+`, "quality": 90`, scene.Options{Quality: 90})
		smooth(c.Frame(0, 0), 7)
		c.submitImage(0, ring.Submit{Frames: 1, Flags: ring.FlagIndex, Index: 1})
		c.done()
		if got, want := c.layers(0), c.composed(lib, 0, &ring.Submit{Frames: 1, Index: 1}, nil); !bytes.Equal(got[0], want[0]) {
			t.Errorf("%s: got %d bytes, want %d", size, len(got[0]), len(want[0]))
		}
	}
	if _, err := r.engine.UnloadScene("anna"); err != nil {
		t.Fatal(err)
	}
	c.submitImage(0, ring.Submit{Frames: 1})
	payload, err := c.Recv(&c.m)
	if err != nil {
		t.Fatal(err)
	}
	if c.m.Kind() != ring.KindDone || c.m.Code() != codeOf(&fault.Error{Kind: fault.NotFound}) {
		t.Errorf("got kind %d with code %d: %s, want DONE with not_found", c.m.Kind(), c.m.Code(), payload)
	}
	r.stale.Store(int64(time.Millisecond))
	r.waitIdle() // the connection too: it is silent
}

// TestHostileImages: what cannot be ends the connection with a reason, and no other.
func TestHostileImages(t *testing.T) {
	r := start(t, func(c *config.Config) { c.Live.OfflineAfter = config.Default().Live.OfflineAfter })
	lib := r.load("160x96", plain+`, "movable": true`, scene.Options{Movable: true})
	other := r.encoder(ring.Hello{Spec: regionSpec, Batch: 2})
	for _, use := range []ring.Use{ring.Encode, ring.Publish} {
		for _, tt := range []struct {
			name   string
			spec   pipeline.Spec
			submit ring.Submit
			text   string
		}{
			{"regions", regionSpec, ring.Submit{Frames: 3}, "got 3 regions, want 0..2"},
			{"regions-huge", regionSpec, ring.Submit{Frames: math.MaxUint32}, "want 0..2"},
			{"no-input", pipeline.Spec{Scene: "anna"}, ring.Submit{Frames: 1}, "spec.input"},
			{"bytes", regionSpec, ring.Submit{Frames: 1, Bytes: 9}, "for JPEGs"},
			{"index", regionSpec, ring.Submit{Frames: 1, Flags: ring.FlagIndex, Index: math.MaxUint64}, "index"},
		} {
			t.Run(string(use)+"/"+tt.name, func(t *testing.T) {
				h := ring.Hello{Use: use, Spec: tt.spec, Batch: 2}
				if use == ring.Publish {
					h.Stream = "hostile"
				}
				c := newClient(t, r.dial(h))
				c.submitImage(0, tt.submit)
				var err error
				for err == nil {
					_, err = c.Recv(&c.m)
				}
				if !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %v, want %q", err, tt.text)
				}
				c.Close()
			})
		}
	}
	// Any rectangles and places give an image, or its error.
	for seed := range uint64(64) {
		noise(other.Layout.Rects(other.Input(0)), seed)
		if seed%2 == 0 { // small ones
			for i := range other.Layout.Rects(other.Input(0)) {
				if i%4 > 0 {
					other.Layout.Rects(other.Input(0))[i] = 0
				}
			}
		}
		other.submitImage(0, ring.Submit{Frames: 2, Without: uint32(seed) * 0x9e3779b9, Flags: ring.FlagRects | ring.FlagIndex, Index: seed << 20})
		other.done()
		if data, code := other.image(0, 0); code == 0 {
			checkJPEG(t, data)
		}
	}
	other.submitImage(0, ring.Submit{Frames: 2, Flags: ring.FlagIndex})
	other.done()
	if got, want := other.layers(0), other.composed(lib, 0, &ring.Submit{Frames: 2}, nil); !bytes.Equal(got[0], want[0]) {
		t.Errorf("after them: got %d bytes, want %d", len(got[0]), len(want[0]))
	}
	for _, h := range []string{
		`{"use":"encode","batch":17,"spec":{"scene":"anna"}}`, `{"use":"encode","spec":{"scene":"nobody"}}`, `{"use":"encode","spec":{"scene":"anna","output":{"quality":3}}}`,
		`{"use":"publish","stream":"x","batch":2,"spec":{"output":{"quality":3}}}`,
	} {
		c := r.raw()
		if _, err := c.Write(hello(h)); err != nil {
			t.Fatal(err)
		}
		if e := ending(t, c); e.Code != codeOf(&fault.Error{Kind: fault.Invalid}) && e.Code != codeOf(&fault.Error{Kind: fault.NotFound}) {
			t.Errorf("%s: got %+v, want invalid or not_found", h, e)
		}
	}
	other.Close()
	r.unload()
}

// TestRegionsThatChange: whatever is written into regions while they are read, and whatever their format, what comes out is an
// image, and nothing before the region or behind it is touched.
func TestRegionsThatChange(t *testing.T) {
	mask := &scene.Mask{Feather: 5}
	for name, place := range map[string]scene.Place{
		"rectangle": {Rect: pipeline.Rect{X: 10, Y: 10, Width: 60, Height: 50}},
		"plain":     {Rect: pipeline.Rect{X: 10, Y: 10, Width: 66, Height: 50}},
		"mask":      {Rect: pipeline.Rect{X: 70, Y: -10, Width: 60, Height: 50}, Mask: mask},
		"affine":    {Affine: &scene.Affine{M: [6]float64{0.7, -0.2, 20, 0.2, 0.7, 10}, Width: 66, Height: 50}, Mask: mask},
	} {
		for _, format := range frame.Formats() {
			t.Run(fmt.Sprintf("%s/%s", name, format), func(t *testing.T) {
				b, err := scene.NewBuilder(&scene.Options{Width: 160, Height: 96, Transparent: name == "mask"})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Discard()
				if err := b.Add(scene.Background{Places: []scene.Place{place}}); err != nil {
					t.Fatal(err)
				}
				s, err := b.Scene()
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				d := frame.Desc{Format: format, Width: 66, Height: 50}
				size, err := d.Size()
				if err != nil {
					t.Fatal(err)
				}
				mem := scribbled(t, size)
				f, err := frame.WrapBytes(d, mem)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					image, err := s.Compose(&scene.Image{Regions: []scene.Region{{Frame: f}}})
					if err != nil {
						t.Fatal(err)
					}
					checkJPEG(t, image.JPEG())
					image.Release()
				}
			})
		}
	}
}

// TestScenesAllocateNothing: images there and back, with both sides in this process.
func TestScenesAllocateNothing(t *testing.T) {
	r := start(t, nil)
	r.load("160x96", plain+`, "movable": true`, scene.Options{Movable: true})
	c := r.encoder(ring.Hello{Spec: regionSpec, Slots: 2, Batch: 2})
	ring.Rect{X: 3, Y: 4, Width: 20, Height: 20}.Put(c.Layout.Rects(c.Input(0)), 1)
	alloctest.Waiting(t, 100, func() {
		c.submitImage(0, ring.Submit{Frames: 2, Flags: ring.FlagRects})
		c.submitImage(1, ring.Submit{})
		c.done()
		c.done()
	})
}

// TestStreamOfScene: what is published from slots is seen, and every slot comes back.
func TestStreamOfScene(t *testing.T) {
	r := start(t, nil)
	lib := r.load("160x96", `"transparent": true`, scene.Options{Transparent: true})
	p := r.publisher(ring.Hello{Spec: regionSpec, Stream: "anna", Batch: 2})
	v := r.dial(ring.Hello{Use: ring.Watch, Stream: "anna"})
	c := &client{Conn: p.Conn, t: t}
	var m ring.Message
	for n, submit := range []ring.Submit{{Frames: 2, Flags: ring.FlagIndex, Index: 1}, {}, {Frames: 1, Flags: ring.FlagIndex, Index: 0}} {
		slot := p.next()
		smooth(p.Frame(slot, 0), uint64(n))
		smooth(p.Frame(slot, 1), uint64(n+9))
		want := submit
		if n == 1 {
			want.Index = 2
		}
		wanted := c.composed(lib, slot, &want, nil)
		submit.Slot, submit.Generation = uint32(slot), p.generations[slot]
		submit.Set(&p.m)
		if err := p.Send(p.m[:]); err != nil {
			t.Fatal(err)
		}
		for { // until it is seen: an image that says that the source is lost may come before
			if _, err := v.Recv(&m); err != nil {
				t.Fatal(err)
			}
			i := ring.ParseImage(&m)
			area := v.Area(int(i.Slot))
			seen := bytes.Equal(area[:i.Bytes], wanted[0]) && bytes.Equal(area[i.Bytes:][:i.Alpha], wanted[1])
			m.SetRelease(i.Slot, i.Generation)
			if err := v.Send(m[:]); err != nil {
				t.Fatal(err)
			}
			if seen {
				break
			}
		}
	}
	if err := p.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for p.recv() == nil {
	}
	if len(p.free) != p.Layout.Slots {
		t.Errorf("got %d slots back, want all %d", len(p.free), p.Layout.Slots)
	}
	p.Close()
	v.Close()
}
