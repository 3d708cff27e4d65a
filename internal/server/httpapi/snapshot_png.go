package httpapi

import (
	"context"
	"errors"
	"image"
	"image/png"
	"mime"
	"net/http"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/jpegdec"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// typePNG is the Content-Type of a snapshot with alpha.
const typePNG = "image/png"

// onlyPNG reports whether a caller's header Accept names PNG and no other type that a JPEG is: browsers take anything.
func onlyPNG(accept []string) bool {
	found := false
	for _, header := range accept {
		for one := range strings.SplitSeq(header, ",") {
			switch kind, _, err := mime.ParseMediaType(one); {
			case err != nil:
			case kind == typePNG:
				found = true
			case kind == "image/jpeg", kind == "image/*", kind == "*/*":
				return false
			}
		}
	}
	return found
}

// A pngSnapshot is an image as PNG, with memory of the budget. close gives that back.
type pngSnapshot struct {
	engine *engine.Engine
	grant  pool.Grant
	file   pool.Buf

	pixels pipeline.Batch // of one frame, as RGBA
	yield  func() error   // of the turn
}

// pngCoder is what png.Encoder has in memory beside its input and output, with room: most of it is compress/flate's.
const pngCoder = 2 << 20

// maxPNG returns the most bytes of a PNG of so many pixels of RGBA: compress/flate stores what it cannot compress, and each
// 32 KiB are a chunk.
func maxPNG(width, height int) int64 {
	raw := int64(height) * (4*int64(width) + 1)
	return raw + raw/512 + 8<<10
}

// newPNG returns p, which it borrows, as PNG, with its alpha. All memory is admitted before, and the work is done in a turn. The
// error is a *fault.Error.
func newPNG(ctx context.Context, e *engine.Engine, p *stream.Image) (*pngSnapshot, error) {
	color, err := jpegdec.Header(p.JPEG())
	if err != nil {
		return nil, notDecoded(err)
	}
	width, height := color.Size()
	need := color.MemoryBytes + pngCoder + int64(pool.ClassSize(int(min(4*int64(width)*int64(height), pool.MaxSize))))
	if len(p.Alpha()) > 0 {
		alpha, err := jpegdec.Header(p.Alpha())
		if err != nil {
			return nil, notDecoded(err)
		}
		need += alpha.MemoryBytes
	}
	size := maxPNG(width, height)
	if size > pool.MaxSize {
		return nil, fault.LimitOf("bytes of a PNG", size, pool.MaxSize, "the image is too large for a PNG")
	}
	s := &pngSnapshot{engine: e}
	if s.grant, err = e.Admit(ctx, need+int64(pool.ClassSize(int(size))), nil); err != nil {
		return nil, err
	}
	err = e.InTurn(ctx, false, func(yield func() error) error {
		s.yield = yield
		return s.make(ctx, p, int(size))
	})
	if err != nil {
		s.close()
		return nil, notDecoded(err)
	}
	return s, nil
}

// notDecoded returns the fault of an image that cannot be a PNG.
func notDecoded(err error) error {
	var format *jpegdec.FormatError
	var scans *jpegdec.ScansError
	if errors.As(err, &format) || errors.As(err, &scans) {
		return &fault.Error{Kind: fault.Unsupported, Field: "format", Reason: "format: the image cannot be decoded for a PNG: " + err.Error(), Err: err}
	}
	return fault.From(err)
}

// make makes the file of size bytes at most.
func (s *pngSnapshot) make(ctx context.Context, p *stream.Image, size int) error {
	decoder := jpegdec.Decoder{Pause: s.yield}
	f, err := decoder.Decode(ctx, p.JPEG())
	if err != nil {
		return err
	}
	plan, err := s.engine.Plan(pipeline.Spec{Input: f.Desc, Output: pipeline.Output{Format: pipeline.RawRGBA}})
	if err != nil {
		return err
	}
	s.pixels.In = append(s.pixels.In, f)
	if err := s.engine.RunAtOnce(ctx, plan, &s.pixels); err != nil {
		return err
	}
	if err := s.pixels.Out[0].Err; err != nil {
		return err
	}
	img := &image.NRGBA{Pix: s.pixels.Out[0].Bytes(), Stride: 4 * f.Desc.Width, Rect: image.Rect(0, 0, f.Desc.Width, f.Desc.Height)}
	if len(p.Alpha()) > 0 {
		alpha, err := decoder.Decode(ctx, p.Alpha())
		if err != nil {
			return err
		}
		if alpha.Desc.Format != frame.Gray8 || alpha.Desc.Width != f.Desc.Width || alpha.Desc.Height != f.Desc.Height {
			return fault.Errorf(fault.Internal, "got alpha of %s beside %s", alpha.Desc, f.Desc)
		}
		for y := range img.Rect.Dy() {
			separate(img.Pix[y*img.Stride:][:img.Stride], alpha.Row(0, y))
		}
	}
	if s.file, err = s.engine.Pool.Get(size); err != nil {
		return err
	}
	out := boundedFile{bytes: s.file.Bytes()[:0], yield: s.yield}
	coder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := coder.Encode(&out, img); err != nil {
		return err
	}
	s.file.SetLen(len(out.bytes))
	s.pixels.Release()
	return nil
}

// separate makes a row of colors that are multiplied by alpha one of colors and alpha. A color above its alpha, as coding leaves it, is
// full.
func separate(rgba, alpha []byte) {
	for x, a := range alpha {
		pixel := rgba[4*x:][:4:4]
		if a == 0 {
			clear(pixel)
			continue
		}
		for c := range 3 {
			pixel[c] = byte(min((2*255*int(pixel[c])+int(a))/(2*int(a)), 255))
		}
		pixel[3] = a
	}
}

// boundedFile writes into memory of the pool, and lets others work.
type boundedFile struct {
	bytes []byte // within their capacity
	yield func() error
}

// Write is part of io.Writer.
func (f *boundedFile) Write(p []byte) (int, error) {
	if len(p) > cap(f.bytes)-len(f.bytes) {
		return 0, fault.Errorf(fault.Internal, "a PNG is larger than %d bytes", cap(f.bytes))
	}
	f.bytes = append(f.bytes, p...)
	return len(p), f.yield()
}

// close gives the memory back. A nil one has none.
func (s *pngSnapshot) close() {
	if s == nil {
		return
	}
	s.pixels.Release()
	s.file.Release()
	s.grant.Release()
}

// writePNG is writeSnapshot for PNG.
func (h *viewers) writePNG(w http.ResponseWriter, r *http.Request, v *stream.Viewer, p *stream.Image) error {
	header := w.Header()
	header.Set("Content-Type", typePNG)
	if r.Method == http.MethodHead {
		return nil // It would have to be made for its length.
	}
	file, err := newPNG(r.Context(), h.engine, p)
	if err != nil {
		for _, name := range []string{"Content-Type", "ETag", "X-Timestamp", "X-Steadyframe-Width", "X-Steadyframe-Height", "X-Steadyframe-Online"} {
			header.Del(name)
		}
		return err
	}
	defer file.close()
	return h.sendSnapshot(w, r, v, p, file.file.Bytes())
}
