package live

import (
	"bytes"
	"context"
	"image"
	"sync"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// offlineWidth and offlineHeight are the size of the image of a lost source that has never sent one.
	offlineWidth, offlineHeight = 640, 360
	// offlineSide bounds what is drawn: larger images are made of a smaller drawing.
	offlineSide = 1920
	// offlineKept is how many images are kept, each of some tens of kilobytes, for sources that are lost again and again.
	offlineKept = 64
)

// offline makes the images of lost sources. It is for one goroutine.
type offline struct {
	engine *engine.Engine
	made   map[offlineKey][]byte
	fonts  func() (fonts, error)
}

type offlineKey struct {
	name          string
	width, height int
	came          bool // whether there has been an image
}

func newOffline(e *engine.Engine) *offline {
	return &offline{engine: e, made: map[offlineKey][]byte{}, fonts: sync.OnceValues(parseFonts)}
}

// image returns the JPEG for a stream whose source is lost, width x height pixels, in a buffer that the caller owns.
// The error is the pool's, or that of an image above limits.max_pixels.
func (o *offline) image(name string, width, height int) (pool.Buf, error) {
	key := offlineKey{name, width, height, width != 0 && height != 0}
	if !key.came {
		key.width, key.height = offlineWidth, offlineHeight
	}
	data, ok := o.made[key]
	if !ok {
		var err error
		if data, err = o.render(key); err != nil {
			return pool.Buf{}, err
		}
		if len(o.made) >= offlineKept {
			clear(o.made)
		}
		o.made[key] = data
	}
	b, err := o.engine.Pool.Get(len(data))
	if err != nil {
		return pool.Buf{}, err
	}
	copy(b.Bytes(), data)
	return b, nil
}

// render draws and encodes an image. It takes no turn: there is one for each loss, and it must come even when everything
// else waits.
func (o *offline) render(key offlineKey) ([]byte, error) {
	fonts, err := o.fonts()
	if err != nil {
		return nil, err
	}
	width, height := fitWithin(key.width, key.height, offlineSide)
	canvas, err := frame.New(o.engine.Pool, frame.Desc{Format: frame.RGBA, Width: width, Height: height})
	if err != nil {
		return nil, err
	}
	defer canvas.Release()
	plane := canvas.Plane(0)
	note := "no signal"
	if !key.came { // It may be on its way, or have been lost while nobody watched.
		note = "no image"
	}
	drawing{
		img:   &image.RGBA{Pix: plane.Pix, Stride: plane.Stride, Rect: image.Rect(0, 0, width, height)},
		fonts: fonts,
	}.lost(key.name, note)

	spec := pipeline.Spec{Input: canvas.Desc, Output: pipeline.Output{Quality: 85}}
	if width != key.width || height != key.height {
		spec.Resize = pipeline.Resize{Width: key.width, Height: key.height}
	}
	p, err := o.engine.Plan(spec)
	if err != nil {
		return nil, err
	}
	b := pipeline.Batch{In: []frame.Frame{canvas}}
	defer b.Release()
	if err := o.engine.RunAtOnce(context.Background(), p, &b); err != nil {
		return nil, err
	}
	if err := b.Out[0].Err; err != nil {
		return nil, err
	}
	return bytes.Clone(b.Out[0].Bytes()), nil
}

// fitWithin returns the size, or one of the same aspect whose sides are at most side.
func fitWithin(width, height, side int) (w, h int) {
	longer := max(width, height)
	if longer <= side {
		return width, height
	}
	return max(1, width*side/longer), max(1, height*side/longer)
}
