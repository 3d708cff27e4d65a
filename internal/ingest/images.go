package ingest

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"strconv"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// SceneImage is an image of a scene that came in, with the frames of its regions, which it owns. It is used again after
// Release.
type SceneImage struct {
	scene.Image
	from  *SceneImages
	frame [scene.MaxRegions]scene.Region
}

// SceneImages makes SceneImages, and keeps them from one to the next. Its methods may be called from any goroutine.
type SceneImages struct{ free reuse.FreeList[SceneImage] }

// NewSceneImages returns a SceneImages that keeps so many.
func NewSceneImages(keep int) *SceneImages {
	s := &SceneImages{}
	s.free.Init(keep, func() *SceneImage { return new(SceneImage) })
	return s
}

// Get returns an image of that index without regions. The caller releases it.
func (s *SceneImages) Get(index int) *SceneImage {
	i := s.free.Get()
	i.from = s
	i.Index, i.Regions = index, i.frame[:0]
	return i
}

// Add adds a region, whose frame i takes. Of more than scene.MaxRegions it panics.
func (i *SceneImage) Add(r scene.Region) {
	i.Regions = i.frame[:len(i.Regions)+1]
	i.Regions[len(i.Regions)-1] = r
}

// Release releases the frames. i may not be used after it.
func (i *SceneImage) Release() {
	for k := range i.Regions {
		i.Regions[k].Frame.Release()
	}
	clear(i.frame[:])
	i.Regions = nil
	i.from.free.Put(i)
}

// ImageOptions say how a stream holds the images of a scene.
type ImageOptions struct {
	// Lines says that each image begins with a line of text, all of whose words but the first may be left out:
	//
	//	IMAGE index=12 regions=2 rect=200x200+860+300 rect=40x40+10+10 captured_us=1764480000000000
	//
	// index is that of the background, by default one more than before. regions is how many frames follow, tightly packed,
	// by default none. A rect is where the next region goes, in a scene that is movable. captured_us is as of NewLines.
	Lines bool
	// Regions is how many frames each image has, without Lines. 0: the stream is one image, and empty.
	Regions int
	// First is the index of the first image, unless its line says another.
	First int
}

// ImageReader reads images of a scene. It is for one goroutine at a time.
type ImageReader struct {
	source
	options ImageOptions
	images  *SceneImages

	index    int // of the next image
	waits    bool
	regions  int   // of the image that waits
	captured int64 // what its line said
	rects    [scene.MaxRegions]scene.Region
	count    int // images so far
}

// maxImageLine is the longest line of an image, in bytes: twice what 16 rectangles take at their longest.
const maxImageLine = 1 << 10

// NewImages returns a reader of images, whose regions are frames of geometry d, from r, in memory from p. It borrows both, and
// may read up to 1,024 bytes of r ahead. d is zero where there are no regions. The error is a *frame.DescError, or a
// *pool.SizeError.
func NewImages(r io.Reader, d frame.Desc, o ImageOptions, p *pool.Pool) (*ImageReader, error) {
	i := &ImageReader{source: source{br: bufio.NewReaderSize(r, maxImageLine), pool: p}, options: o, images: NewSceneImages(4), index: o.First}
	if d != (frame.Desc{}) {
		if err := i.setDesc(d); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Await waits until an image has begun, without memory from the pool; Regions then says how many frames it has. The error
// is io.EOF when the stream has ended between images, a *FormatError for a wrong line, and else Next's.
func (i *ImageReader) Await() error {
	switch {
	case i.err != nil:
		return i.err
	case i.waits:
		return nil
	}
	i.rects, i.captured = [scene.MaxRegions]scene.Region{}, 0
	switch {
	case i.options.Lines:
		if err := i.readLine(); err != nil {
			return err
		}
	case i.options.Regions == 0:
		if i.count > 0 {
			return io.EOF
		}
		i.regions = 0
	default:
		if err := i.source.Await(); err != nil {
			return err
		}
		i.regions = i.options.Regions
	}
	i.waits = true
	return nil
}

// Regions returns how many frames the image that Await has waited for has.
func (i *ImageReader) Regions() int { return i.regions }

// Captured returns what the line of the image says that Await has waited for, as that of RawReader does.
func (i *ImageReader) Captured() int64 { return i.captured }

// Next returns the next image, with its frames in buffers from the pool; the caller releases it. Errors are Reader's, and
// Await's. After pool.ErrBudget, Next or Skip may be called again unless a part of the frames was read; then Skip discards the
// others.
func (i *ImageReader) Next() (*SceneImage, error) {
	if err := i.Await(); err != nil {
		return nil, err
	}
	m := i.images.Get(i.index)
	for k := range i.regions {
		f, err := i.next()
		if err != nil {
			i.regions -= k
			m.Release()
			return nil, err
		}
		i.rects[k].Frame = f
		m.Add(i.rects[k])
		i.rects[k].Frame = frame.Frame{}
	}
	i.over()
	return m, nil
}

// next reads a frame. That the stream ends before it is an error too.
func (i *ImageReader) next() (frame.Frame, error) {
	if i.err != nil {
		return frame.Frame{}, i.err
	}
	return i.readFrame()
}

// Skip reads and discards the next image.
func (i *ImageReader) Skip() error {
	if err := i.Await(); err != nil {
		return err
	}
	for range i.regions {
		if err := i.skipFrame(); err != nil {
			return err
		}
	}
	i.over()
	return nil
}

// over ends an image.
func (i *ImageReader) over() {
	i.waits = false
	i.count++
	if i.index < math.MaxInt {
		i.index++
	}
}

// readLine reads the line that begins an image.
func (i *ImageReader) readLine() error {
	if err := i.await(); err != nil {
		return err
	}
	words, err := i.words("IMAGE", "image", i.count, "index=N regions=N")
	if err != nil {
		return err
	}
	i.regions = 0
	rects := 0
	for _, w := range words {
		name, value, _ := bytes.Cut(w, []byte("="))
		switch string(name) {
		case "index":
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil || n > math.MaxInt {
				return i.wrong("index", "got %.40q, want a number from 0 on", value)
			}
			i.index = int(n)
		case "regions":
			n, err := strconv.ParseUint(string(value), 10, 8)
			if err != nil || n > scene.MaxRegions {
				return i.wrong("regions", "got %.40q, want 0..%d", value, scene.MaxRegions)
			}
			i.regions = int(n)
		case "rect":
			if rects == scene.MaxRegions {
				return i.wrong("rect", "got more than %d, want at most as many", scene.MaxRegions)
			}
			if err := i.rects[rects].Rect.UnmarshalText(value); err != nil {
				return i.wrong("rect", "%v", err)
			}
			rects++
		case "captured_us":
			if i.captured, err = parseCaptured(value); err != nil {
				return i.wrong("captured_us", "%v", err)
			}
		default:
			return i.wrong("line", "got %.40q, want index=N, regions=N, rect=WIDTHxHEIGHT+X+Y or captured_us=T", w)
		}
	}
	if rects > i.regions {
		return i.wrong("rect", "got %d with %d regions, want at most one for each", rects, i.regions)
	}
	if i.regions > 0 && i.size == 0 {
		return i.wrong("regions", "got %d, want 0 where their format and size are not given", i.regions)
	}
	return nil
}

// wrong makes the error for a line the final one, and returns it.
func (i *ImageReader) wrong(field, format string, args ...any) error {
	return i.wrongLine("image", i.count, field, format, args...)
}
