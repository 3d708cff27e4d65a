package scene

import (
	"context"
	"errors"
	"hash/fnv"
	"image"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// hash returns a hash of all that s keeps.
func (s *Scene) hash() uint64 {
	h := fnv.New64a()
	for _, b := range s.bufs {
		h.Write(b.Bytes()[:b.Cap()])
	}
	return h.Sum64()
}

// busy returns a scene with all kinds of places, and images for them.
func busy(t testing.TB, o Options) (*Scene, []Image) {
	var backgrounds []Background
	affine := &Affine{M: [6]float64{0.7, -0.2, 40, 0.2, 0.7, 20}, Width: 80, Height: 80}
	for i := range 3 {
		bg := Background{Places: []Place{
			{Rect: pipeline.Rect{X: 20 + i, Y: 15, Width: 70, Height: 55}},
			{Rect: pipeline.Rect{X: 80, Y: 20 + i, Width: 60, Height: 60}, Mask: &Mask{Feather: 8}},
			{Affine: affine, Mask: &Mask{Shape: Ellipse, Feather: 5}},
		}}
		if !o.Transparent {
			bg.Frame = rgb24(t, o.Width, o.Height, i)
		}
		backgrounds = append(backgrounds, bg)
	}
	s := build(t, o, backgrounds...)
	var images []Image
	for i := range 7 {
		images = append(images, Image{Index: i, Regions: []Region{
			{Frame: floatFrame(t, 96, 96, i)}, {Frame: rgb24(t, 50, 60, i)}, {Frame: rgb24(t, 64, 64, i)},
		}[:i%4]})
	}
	return s, images
}

// TestNeverWritten: composing changes nothing of what a scene keeps, in any number of goroutines, which all get the same
// bytes.
func TestNeverWritten(t *testing.T) {
	for _, transparent := range []bool{false, true} {
		s, images := busy(t, Options{Width: 190, Height: 130, Transparent: transparent})
		before := s.hash()
		want := make([][]byte, len(images))
		for i := range images {
			want[i], _ = compose(t, s, images[i])
		}
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 3 * len(images) {
					k := (i + g) % len(images)
					c, err := s.Compose(&images[k])
					if err != nil {
						t.Error(err)
						return
					}
					if string(c.JPEG()) != string(want[k]) {
						t.Errorf("image %d differs from the first time", k)
					}
					c.Release()
				}
			})
		}
		all.Wait()
		if s.hash() != before {
			t.Error("composing images changed what the scene keeps")
		}
	}
}

// TestAllocs: an image allocates nothing, with regions of all kinds.
func TestAllocs(t *testing.T) {
	for _, o := range []Options{{}, {Subsampling: jpeg.Sub444}, {Subsampling: jpeg.Gray}, {Transparent: true}} {
		o.Width, o.Height, o.Pool = 190, 130, pool.New(nil)
		s, images := busy(t, o)
		all := func() {
			for i := range images {
				c, err := s.Compose(&images[i])
				if err != nil {
					t.Error(err)
				}
				c.Release()
			}
		}
		// A goroutine that moves to another processor can have sync.Pool make something once. What an image allocates has no end.
		const tries = 10
		for try := range tries {
			objects, bytes := alloctest.Measure(t, 20, all)
			if objects == 0 && bytes == 0 {
				break
			}
			if try == tries-1 {
				t.Errorf("%+v: 20 times %d images allocated %d objects of %d bytes: want none", o, len(images), objects, bytes)
			}
		}
	}
}

// TestBudget: a scene is admitted against the pool's budget, refused above it, and gives all of it back.
func TestBudget(t *testing.T) {
	p := pooltest.New(t, &pool.Options{Budget: 2 << 20})
	free := func() int64 {
		t.Helper()
		n := int64(0)
		for step := int64(1 << 20); step > 0; step /= 2 {
			if g, ok := p.TryAdmit(n + step); ok {
				g.Release()
				n += step
			}
		}
		return n
	}
	all := free()
	b, err := NewBuilder(&Options{Pool: p, Movable: true})
	if err != nil {
		t.Fatal(err)
	}
	f := rgb24(t, 320, 240, 1)
	n := 0
	for ; err == nil; n++ {
		err = b.Add(Background{Frame: f})
	}
	var refused *MemoryError
	if !errors.As(err, &refused) || !errors.Is(err, pool.ErrBudget) || n < 4 {
		t.Fatalf("background %d of 320x240 in 2 MiB: got %v, want a *MemoryError after some", n, err)
	}
	if refused.Held+refused.Want <= 2<<20-1<<18 || refused.Held > 2<<20 {
		t.Errorf("refused with %d bytes held and %d wanted of 2 MiB", refused.Held, refused.Want)
	}
	b.Discard()
	if got := free(); got != all {
		t.Errorf("after Discard: got %d bytes free, want %d", got, all)
	}

	s := build(t, Options{Pool: p, Movable: true}, Background{Frame: f, Places: []Place{{Rect: pipeline.Rect{Width: 80, Height: 80}, Mask: &Mask{Feather: 9}}}})
	held, tables := s.Memory().Pool, s.Memory().Tables
	if got := all - free(); got > held+tables || got < held+tables-2 { // free finds what is left within a byte or two
		t.Errorf("held: Memory says %d and %d, the pool %d", held, tables, got)
	}
	if in := p.Stats().InUse; in != held {
		t.Errorf("held: Memory says %d, the pool has %d leased", held, in)
	}
	s.Close()
	s.Close()
	if got := free(); got != all || p.Stats().InUse != 0 {
		t.Errorf("after Close: got %d bytes free and %d leased, want %d and none", got, p.Stats().InUse, all)
	}
	if _, err := s.Compose(&Image{}); err != ErrClosed {
		t.Errorf("Compose after Close: got %v, want ErrClosed", err)
	}

	few, err := NewBuilder(&Options{Pool: p, MaxBytes: 100 << 10, Movable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer few.Discard()
	if err := few.Add(Background{Frame: f}); !errors.As(err, &refused) || refused.Max != 100<<10 {
		t.Errorf("above MaxBytes: got %v, want a *MemoryError that says so", err)
	}
}

// TestComposeOverBudget: an image for which there is no memory fails alone, and leaves nothing leased.
func TestComposeOverBudget(t *testing.T) {
	own := pooltest.New(t, nil)
	s, images := busy(t, Options{Width: 190, Height: 130, Transparent: true, Pool: own})
	held := own.Stats().InUse
	for n := 1; n < 20; n++ {
		s.options.Pool = pooltest.New(t, &pool.Options{Check: &pool.Check{Fault: pooltest.FailAt(n)}}) // of images
		failed := 0
		for i := range images {
			c, err := s.Compose(&images[i])
			if err != nil {
				failed++
				if !errors.Is(err, pool.ErrBudget) {
					t.Errorf("got %v, want ErrBudget", err)
				}
			}
			c.Release()
		}
		if in := s.options.Pool.Stats().InUse; in != 0 || own.Stats().InUse != held {
			t.Errorf("fault %d: got %d bytes leased after all images, want none", n, in)
		}
		if failed > 1 || failed == 0 && n <= len(images) { // each image takes one buffer or more
			t.Errorf("fault %d: got %d failures, want one, or none behind the last buffer", n, failed)
		}
	}
}

// TestCloseWhileComposing: images that are being composed are finished, later ones are refused.
func TestCloseWhileComposing(t *testing.T) {
	s, images := busy(t, Options{Width: 190, Height: 130})
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				c, err := s.Compose(&images[i%len(images)])
				c.Release()
				if i == 0 {
					started <- struct{}{}
				}
				if err != nil {
					if err != ErrClosed {
						t.Errorf("got %v, want ErrClosed", err)
					}
					return
				}
				if ctx.Err() != nil {
					t.Error("an image was composed after Close had returned")
					return
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	s.Close()
	s.mu.RLock()
	closed := s.closed
	s.mu.RUnlock()
	if !closed {
		t.Error("not closed")
	}
	all.Wait()
	stop()
}

// TestErrors: each wrong option, background and image is refused with its name.
func TestErrors(t *testing.T) {
	for field, o := range map[string]Options{
		"width": {Width: -1}, "height": {Height: 65536}, "quality": {Quality: 101}, "subsampling": {Subsampling: 9},
		"restart": {Restart: 65536}, "filter": {Filter: 3}, "walk": {Walk: 2}, "max bytes": {MaxBytes: -1}, "kernels": {Kernels: "mmx"},
	} {
		_, err := NewBuilder(&o)
		wantOptionError(t, err, field)
	}
	_, err := NewBuilder(&Options{Width: 3})
	wantOptionError(t, err, "width")
	_, err = NewBuilder(&Options{Transparent: true, Subsampling: jpeg.Gray})
	wantOptionError(t, err, "subsampling")

	f := rgb24(t, 40, 30, 1)
	rect := pipeline.Rect{X: 2, Y: 2, Width: 9, Height: 9}
	short := &image.Alpha{Pix: make([]byte, 8), Stride: 3, Rect: image.Rect(0, 0, 3, 3)}
	for field, bg := range map[string]Background{
		"width":                                {Color: pipeline.Color{R: 1}},
		"background 0":                         {Frame: rgb24(t, 41, 30, 1)},
		"background 0: places":                 {Frame: f, Places: make([]Place, MaxRegions+1)},
		"background 0: places[0].rect":         {Frame: f, Places: []Place{{Rect: pipeline.Rect{Width: 5000, Height: 1}}}},
		"background 0: places[1].rect":         {Frame: f, Places: []Place{{}, {Rect: pipeline.Rect{X: 1 << 21, Width: 1, Height: 1}}}},
		"background 0: places[0].mask.shape":   {Frame: f, Places: []Place{{Rect: rect, Mask: &Mask{Shape: 7}}}},
		"background 0: places[0].mask.feather": {Frame: f, Places: []Place{{Rect: rect, Mask: &Mask{Feather: math.NaN()}}}},
		"background 0: places[0].mask.alpha":   {Frame: f, Places: []Place{{Rect: rect, Mask: &Mask{Shape: Given, Alpha: short}}}},
		"background 0: places[0].affine":       {Frame: f, Places: []Place{{Affine: &Affine{Width: 9, Height: 9}}}},
		"background 0: places[2].affine":       {Frame: f, Places: []Place{{}, {}, {Affine: &Affine{M: [6]float64{0: math.Inf(1)}, Width: 9, Height: 9}}}},
	} {
		o := Options{}
		if field != "width" {
			o.Width, o.Height = 40, 30
		}
		b, err := NewBuilder(&o)
		if err != nil {
			t.Fatal(err)
		}
		wantOptionError(t, b.Add(bg), field)
		b.Discard()
	}
	b, err := NewBuilder(&Options{Width: 40, Height: 30})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Scene()
	wantOptionError(t, err, "backgrounds")
	clear, err := NewBuilder(&Options{Width: 40, Height: 30, Transparent: true})
	if err != nil {
		t.Fatal(err)
	}
	wantOptionError(t, clear.Add(Background{Frame: f}), "background 0")

	s := build(t, Options{}, Background{Frame: f, Places: []Place{{Rect: rect}}})
	for field, m := range map[string]Image{
		"index":   {Index: -1},
		"regions": {Regions: []Region{{Frame: f}, {Frame: f}}},
	} {
		_, err := s.Compose(&m)
		wantOptionError(t, err, field)
	}
	_, err = s.Compose(&Image{Regions: make([]Region, MaxRegions+1)})
	wantOptionError(t, err, "regions")
	var wrong *frame.DescError
	if _, err = s.Compose(&Image{Regions: []Region{{Frame: frame.Frame{Desc: f.Desc}}}}); !errors.As(err, &wrong) {
		t.Errorf("a frame without planes: got %v, want a *frame.DescError", err)
	}
}

// TestTooLarge: what no buffer of a pool can hold is refused before it is made.
func TestTooLarge(t *testing.T) {
	b, err := NewBuilder(&Options{Width: 65535, Height: 8, Transparent: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	var refused *MemoryError
	err = b.Add(Background{Places: []Place{{Rect: pipeline.Rect{Width: 4 * 65535, Height: 4096}, Mask: &Mask{Feather: 3}}}})
	if !errors.As(err, &refused) || refused.Want != 4*65535*4096 {
		t.Errorf("a mask of 1 GB: got %v, want a *MemoryError", err)
	}
}

// TestWalk: the order of backgrounds, and its texts.
func TestWalk(t *testing.T) {
	for walk, want := range map[Walk][]int{ToAndFro: {0, 1, 2, 2, 1, 0, 0, 1}, Loop: {0, 1, 2, 0, 1, 2, 0, 1}} {
		for i, w := range want {
			if got := walk.Background(i, 3); got != w {
				t.Errorf("%s: image %d of 3 backgrounds: got %d, want %d", walk, i, got, w)
			}
		}
		text, err := walk.MarshalText()
		var back Walk
		if err != nil || back.UnmarshalText(text) != nil || back != walk {
			t.Errorf("%s: got %q, %v, back %s", walk, text, err, back)
		}
	}
	for shape := range Given + 1 {
		text, err := shape.MarshalText()
		var back Shape
		if err != nil || back.UnmarshalText(text) != nil || back != shape {
			t.Errorf("%s: got %q, %v, back %s", shape, text, err, back)
		}
	}
	var w Walk
	var s Shape
	if w.UnmarshalText([]byte("zigzag")) == nil || s.UnmarshalText([]byte("star")) == nil {
		t.Error("unknown texts: got no error, want one")
	}
}

// TestScratchBytes: what is estimated for an image is not less than its workspace takes, whatever the regions, and not many times
// as much; what is kept is counted, and Trim frees it.
func TestScratchBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	quarter := &Affine{M: [6]float64{0, -1, 200, 1, 0, 0}, Width: 40, Height: 40}
	for n, o := range []Options{{}, {Transparent: true}, {Filter: pipeline.Area}, {Filter: pipeline.Nearest}} {
		o.Movable = true
		background := rgb24(t, 320, 240, 1)
		if o.Transparent {
			o.Width, o.Height, background = 320, 240, frame.Frame{}
		}
		s := build(t, o, Background{Frame: background, Places: []Place{{Rect: pipeline.Rect{Width: 60, Height: 80}}, {Affine: quarter}}})
		kept := make(chan *workspace, 1) // so that it is on the heap
		_, made := alloctest.Measure(t, 1, func() { kept <- s.newWorkspace(); <-kept })
		if base := s.baseBytes(); int64(made) < base*3/4 || int64(made) > base+base/8 {
			t.Errorf("%+v: a workspace is %d bytes, want about %d", o, made, base)
		}
		var most int64
		for i, format := range frame.Formats() {
			if i%4 != n && o.Filter != pipeline.Area {
				continue
			}
			for _, size := range [][2]int{{16, 16}, {300, 20}, {1024, 8}} {
				f := noiseFrame(t, r, frame.Desc{Format: format, Width: size[0], Height: size[1]})
				for _, m := range []Image{{Regions: []Region{{Frame: f}}}, {Regions: []Region{{}, {Frame: f}}},
					{Regions: []Region{{Frame: f, Rect: pipeline.Rect{Width: 320, Height: 240}}, {Frame: f, Rect: pipeline.Rect{X: 3, Y: 5, Width: 30, Height: 20}}}}} {
					w := s.newWorkspace()
					if err := w.compose(&m); err != nil {
						t.Fatal(err)
					}
					got, want := s.ScratchBytes(&m), s.baseBytes()+int64(w.regionBytes())
					w.out.Release()
					w.forget()
					if got < want || got > 4*want+64<<10 {
						t.Errorf("%+v, %v %v: got %d bytes, the workspace takes %d", o, format, size, got, want)
					}
					composed, err := s.Compose(&m)
					if err != nil {
						t.Fatal(err)
					}
					composed.Release()
					most = max(most, want)
				}
			}
		}
		if m := s.Memory(); m.Kept < most || m.Kept > 2*most {
			t.Errorf("%+v: got %d bytes kept, want %d, the most of an image, or a little more", o, m.Kept, most)
		}
		s.Trim()
		if m := s.Memory(); m.Kept != 0 {
			t.Errorf("%+v: got %d bytes kept after Trim, want none", o, m.Kept)
		}
	}
}
