package jpegdec

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"time"

	"github.com/steadyframe/steadyframe/frame"
)

// Decoder decodes JPEGs. The zero value works. It is for one goroutine, and keeps the memory of its last frame to use it
// again; that of image/jpeg is new for each.
type Decoder struct {
	// Pause is called while an image is being decoded, each time PauseAfter has passed, to let others work. An error ends
	// the decoding and is returned. nil: no pauses.
	Pause func() error

	reader reader
	head   header
	rgba   image.RGBA
	turned []byte
}

// PauseAfter is how long a Decoder works between two calls of Pause, plus the time for one piece.
const PauseAfter = 10 * time.Millisecond

// Decode returns the image that data begins with as a frame, upright, in memory of d or of its own; it is valid until
// the next call. Gray images are Gray8, and 4:2:0 ones I420 of full range, also when they are turned, if their sides
// are even; all others are RGBA, so that no chroma is lost.
//
// It allocates at most Header's MemoryBytes; admit them before. It stops soon after ctx ends, and returns its cause then:
// image/jpeg is stopped between two pieces of its input. What it does between two of them is at most one scan, and the
// inverse transform of a progressive image, each some 20 ns a pixel and component.
//
// The error is a *FormatError, a *ScansError, or image/jpeg's.
func (d *Decoder) Decode(ctx context.Context, data []byte) (frame.Frame, error) {
	d.head = header{pieces: d.head.pieces[:0], collecting: true}
	if err := d.head.read(data); err != nil {
		return frame.Frame{}, err
	}
	d.reader = reader{ctx: ctx, data: data, pieces: d.head.pieces, pause: d.Pause, last: time.Now()}
	defer func() { d.reader = reader{} }() // It borrows.
	img, err := jpeg.Decode(&d.reader)
	if err := d.reader.stopped(); err != nil {
		return frame.Frame{}, err
	}
	if err != nil {
		return frame.Frame{}, decodeError(err)
	}
	return d.frame(img)
}

// decodeError returns image/jpeg's error as one of this package.
func decodeError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Reason: "the JPEG is cut short: " + err.Error()}
	}
	return err
}

// reader gives data to image/jpeg, a step at a time.
type reader struct {
	ctx    context.Context
	data   []byte
	pos    int
	pieces []piece // the rest of them
	pause  func() error
	last   time.Time // when it paused
	err    error     // the error of further reads
}

// Read is part of io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.stopped(); err != nil {
		return 0, err
	}
	if r.pause != nil && time.Since(r.last) >= PauseAfter {
		r.err = r.pause()
		r.last = time.Now()
		if err := r.stopped(); err != nil { // pause may have taken long
			return 0, err
		}
	}
	for len(r.pieces) > 0 && r.pos >= r.pieces[0].end {
		r.pieces = r.pieces[1:]
	}
	end, step := len(r.data), maxStep // after the last piece: what is cut short
	if len(r.pieces) > 0 {
		end, step = r.pieces[0].end, r.pieces[0].step
	}
	n := copy(p, r.data[r.pos:min(end, r.pos+step)])
	r.pos += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// stopped returns the error of a pause, or the cause of a context that has ended: the first of them, from then on.
func (r *reader) stopped() error {
	if r.err == nil && r.ctx.Err() != nil {
		r.err = context.Cause(r.ctx)
	}
	return r.err
}

// frame returns img upright.
func (d *Decoder) frame(img image.Image) (frame.Frame, error) {
	size := img.Bounds().Size()
	switch img := img.(type) {
	case *image.Gray:
		return d.upright(frame.Desc{Format: frame.Gray8, Width: size.X, Height: size.Y}, frame.Plane{Pix: img.Pix, Stride: img.Stride})
	case *image.YCbCr:
		if d.head.keepsPlanes() {
			return d.upright(frame.Desc{Format: frame.I420, Width: size.X, Height: size.Y, Range: frame.RangeFull},
				frame.Plane{Pix: img.Y, Stride: img.YStride}, frame.Plane{Pix: img.Cb, Stride: img.CStride}, frame.Plane{Pix: img.Cr, Stride: img.CStride})
		}
	}
	pix, stride := d.toRGBA(img)
	return d.upright(frame.Desc{Format: frame.RGBA, Width: size.X, Height: size.Y}, frame.Plane{Pix: pix, Stride: stride})
}

// toRGBA returns the pixels of img as RGBA, in its own memory if they can be.
func (d *Decoder) toRGBA(img image.Image) (pix []byte, stride int) {
	switch img := img.(type) {
	case *image.RGBA:
		return img.Pix, img.Stride
	case *image.CMYK:
		for i := 0; i+4 <= len(img.Pix); i += 4 {
			p := img.Pix[i : i+4]
			p[0], p[1], p[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
			p[3] = 0xFF
		}
		return img.Pix, img.Stride
	}
	size := img.Bounds().Size()
	d.rgba.Pix = sized(d.rgba.Pix, 4*size.X*size.Y)
	d.rgba.Stride, d.rgba.Rect = 4*size.X, image.Rectangle{Max: size}
	draw.Draw(&d.rgba, d.rgba.Rect, img, img.Bounds().Min, draw.Src)
	return d.rgba.Pix, d.rgba.Stride
}

// upright returns the frame of the planes, turned.
func (d *Decoder) upright(desc frame.Desc, planes ...frame.Plane) (frame.Frame, error) {
	o := d.head.info.Orientation
	if o == Upright {
		return frame.Wrap(desc, planes...)
	}
	stored := desc
	desc.Width, desc.Height = d.head.info.Size()
	size, err := desc.Size()
	if err != nil {
		return frame.Frame{}, err
	}
	d.turned = sized(d.turned, size)
	rest := d.turned
	for i, p := range planes {
		width, height, rowBytes := stored.PlaneSize(i)
		o.turn(rest, p.Pix, p.Stride, width, height, rowBytes/width)
		rest = rest[rowBytes*height:]
	}
	return frame.WrapBytes(desc, d.turned)
}

// sized returns n bytes: those of b, if they are as many, so that no more are kept than Header says.
func sized(b []byte, n int) []byte {
	if len(b) != n {
		return make([]byte, n)
	}
	return b
}
