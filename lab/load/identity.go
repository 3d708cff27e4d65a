package load

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/steadyframe/steadyframe/internal/synth"
)

// identities knows the images of numbered frames. The first image of each is decoded, with image/jpeg, and its
// number read; those that follow must be the same bytes, which a hash tells at a thousandth of the cost. Its methods may
// be called from any goroutine.
type identities struct {
	frames *numbered
	size   image.Point     // of the images; zero of a scene, whose images carry no number
	known  []atomic.Uint64 // by number: the hash of the first image; 0: none came yet
}

func newIdentities(frames *numbered, o *Options) *identities {
	size := image.Pt(o.OutWidth, o.OutHeight)
	if o.Scene != "" {
		size = image.Point{}
	}
	return &identities{frames, size, make([]atomic.Uint64, frames.n)}
}

// check returns what is wrong with the image of frame want, noFinding for nothing.
func (v *identities) check(want int, data []byte) (findingKind, string) {
	sum := xxhash.Sum64(data)
	if sum == 0 {
		sum = 1 // 0 says that none came yet
	}
	if v.known[want].Load() == sum {
		return noFinding, ""
	}
	got, err := want, error(nil)
	if v.size != (image.Point{}) {
		got, err = v.number(data)
	} else {
		got, err = v.ofScene(want, sum, data)
	}
	switch {
	case err != nil:
		return unreadable, fmt.Sprintf("that of frame %d: %v", want, err)
	case got != want:
		return wrongImage, fmt.Sprintf("got that of frame %d, want that of frame %d", got, want)
	case v.known[want].CompareAndSwap(0, sum), v.known[want].Load() == sum:
		return noFinding, ""
	}
	return differs, fmt.Sprintf("that of frame %d has %d bytes that are not the same as before", want, len(data))
}

// ofScene returns the number of the image that has those bytes, or want when none has, and it can be decoded.
func (v *identities) ofScene(want int, sum uint64, data []byte) (int, error) {
	for i := range v.known {
		if v.known[i].Load() == sum && !(v.frames.silent(i) && v.frames.silent(want)) { // Backgrounds come again.
			return i, nil
		}
	}
	_, err := jpeg.Decode(bytes.NewReader(data))
	return want, err
}

// number decodes an image and returns the number that it carries.
func (v *identities) number(data []byte) (int, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	if size := img.Bounds().Size(); size != v.size {
		return 0, fmt.Errorf("got an image of %dx%d, want %dx%d", size.X, size.Y, v.size.X, v.size.Y)
	}
	corner := v.frames.mark.of(v.size.X, v.size.Y).Add(img.Bounds().Min)
	part, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok {
		return 0, fmt.Errorf("got a %T, want an image to take a part of", img)
	}
	return synth.ReadIndex(part.SubImage(corner))
}
