package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// form is how images are put into a response.
type form uint8

const (
	perhapsOne   form = iota // one image alone, or multipart/mixed: known when a second frame comes, or none
	multipart                // multipart/mixed, each part with its Content-Length
	concatenated             // one after the other, with nothing between
)

const (
	typeMotionJPEG = "video/x-motion-jpeg"
	// boundary is long, so that no image contains it by chance; Content-Length says where a part ends in any case.
	boundary = "steadyframe-9f4c1e7a2b6d8053"
	// trailerError is the trailer that says why a response is not complete.
	trailerError = "Steadyframe-Error"
)

// encodeResponse writes the images of one request. Once it is begun, an error can only cut it short.
type encodeResponse struct {
	*outgoing
	pool    *pool.Pool
	form    form
	kind    string    // Content-Type of an image
	trailer bool      // whether the caller reads trailers
	begun   bool      // whether something was written
	head    [192]byte // of a part
	colors  []int     // of images with alpha: how many bytes of each are the JPEG; what is behind it is one of alpha
	pieces  []piece   // of a batch
}

func newEncodeResponse(o *outgoing, r *http.Request, plan *engine.Plan) *encodeResponse {
	out := plan.Spec().Output
	if plan.Transparent() {
		o.w.Header().Set("X-Steadyframe-Layers", "color, alpha")
	}
	a := &encodeResponse{outgoing: o, pool: o.engine.Pool, kind: "image/jpeg", trailer: acceptsTrailers(r)}
	switch {
	case out.Format != pipeline.JPEG:
		a.form, a.kind = concatenated, "application/octet-stream"
	case acceptsMotionJPEG(r):
		a.form, a.kind = concatenated, typeMotionJPEG
	case plan.Transparent():
		a.form = multipart // Each image has two parts.
	}
	return a
}

// acceptsMotionJPEG reports whether the caller asks for images one after the other.
func acceptsMotionJPEG(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), typeMotionJPEG)
}

// acceptsTrailers reports whether the caller promises to look at trailers (RFC 9110, 10.1.4).
func acceptsTrailers(r *http.Request) bool {
	for _, v := range r.Header.Values("TE") {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), "trailers") {
				return true
			}
		}
	}
	return false
}

// one responds with the only image.
func (a *encodeResponse) one(image []byte) error {
	h := a.w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(image)))
	a.begun = true
	return a.write(image)
}

// begin begins a response of images that are not all known yet.
func (a *encodeResponse) begin() error {
	if a.form == perhapsOne {
		a.form = multipart
	}
	h := a.w.Header()
	h.Set("Content-Type", a.kind)
	if a.form == multipart {
		h.Set("Content-Type", "multipart/mixed; boundary="+boundary)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if a.trailer {
		h.Set("Trailer", trailerError)
	}
	if err := a.control.EnableFullDuplex(); err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	a.begun = true
	return nil
}

// images writes those of a batch together, and sends them off. It borrows them.
func (a *encodeResponse) images(out []pipeline.Result) error {
	total := 0
	a.pieces = a.pieces[:0]
	for i := range out {
		a.pieces = a.layers(a.pieces, i, out)
	}
	defer func() { clear(a.pieces) }()
	for _, p := range a.pieces {
		total += len(a.partHead(p.of, len(p.data))) + len(p.data)
	}
	// Written together they take one system call; without memory for that, one each.
	joined, err := a.pool.Get(total)
	defer joined.Release()
	together := joined.Bytes()[:0]
	for _, p := range a.pieces {
		h := a.partHead(p.of, len(p.data))
		if err == nil {
			together = append(append(together, h...), p.data...)
			continue
		}
		if err := a.write(h); err != nil {
			return err
		}
		if err := a.write(p.data); err != nil {
			return err
		}
	}
	if err := a.write(together); err != nil {
		return err
	}
	return a.flush()
}

// layer is a part of an image.
type layer uint8

const (
	whole      layer = iota // all of it
	colorLayer              // of an image with alpha: color, multiplied by alpha
	alphaLayer              // a gray JPEG
)

// piece is a layer with its JPEG.
type piece struct {
	of   layer
	data []byte
}

// layers appends the layers of image i of a batch to dst.
func (a *encodeResponse) layers(dst []piece, i int, out []pipeline.Result) []piece {
	data := out[i].Bytes()
	if len(a.colors) == 0 {
		return append(dst, piece{whole, data})
	}
	n := a.colors[i]
	return append(dst, piece{colorLayer, data[:n]}, piece{alphaLayer, data[n:]})
}

// partHead returns what precedes a layer of n bytes.
func (a *encodeResponse) partHead(of layer, n int) []byte {
	dst := a.head[:0]
	if a.form != multipart {
		return dst
	}
	dst = append(dst, "\r\n--"+boundary+"\r\nContent-Type: image/jpeg\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	switch of {
	case colorLayer:
		dst = append(dst, "\r\nX-Steadyframe-Layer: color"...)
	case alphaLayer:
		dst = append(dst, "\r\nX-Steadyframe-Layer: alpha"...)
	}
	return append(dst, "\r\n\r\n"...)
}

// end ends a complete response.
func (a *encodeResponse) end() error {
	if a.form == multipart {
		return a.write([]byte("\r\n--" + boundary + "--\r\n"))
	}
	return nil
}

// hold says what the response holds of the pool, until a.sending.End.
func (a *encodeResponse) hold(out []pipeline.Result) {
	var n int64
	for i := range out {
		if buf := out[i].Buf; !buf.IsZero() {
			n += int64(buf.Cap())
		}
	}
	a.sending.Begin(n)
}
