package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// mjpeg serves a stream as multipart/x-mixed-replace, in the form that browsers, players and camera clients all read, until
// the viewer disconnects or the server stops. It returns a *fault.Error if nothing was written, and over HTTP/2 also if the
// stream of images broke off.
func (h *viewers) mjpeg(w http.ResponseWriter, r *http.Request, name string) error {
	o, err := parseMJPEG(r.URL.Query())
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		if _, err := h.info(r, name); err != nil {
			return err
		}
		o.setHeader(w.Header())
		return nil
	}
	// Chromium, of all clients, shows a part when the next one begins.
	v, err := h.view(r, name, stream.ViewerOptions{Transport: "mjpeg", MaxFPS: o.fps, Late: true})
	if err != nil {
		return err
	}
	defer v.Close()
	m := &mjpegViewer{mjpegOptions: o, viewer: v, draining: h.engine.Draining(), expired: expiry(r), request: r}
	if r.ProtoMajor != 1 {
		o.setHeader(w.Header())
		response := newResponse(w, r, h.stall())
		defer response.end()
		v.OnEvict(response.cut)
		m.out, m.gone = response, r.Context().Done()
		return m.run(nil)
	}
	c, err := h.hijack(w)
	if err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	v.OnEvict(func() { _ = c.Abort() }) // A write in progress ends.
	left := make(chan struct{})
	go func() {
		defer close(left)
		c.Discard()
	}()
	defer func() {
		h.release(c)
		<-left
	}()
	m.out, m.gone = c, left
	begin := time.Now()
	h.ended(r, "mjpeg", name, begin, m.run(o.response(w.Header().Clone())))
	return nil
}

// mjpegOptions are what a viewer may ask for. The spellings are those of ustreamer.
type mjpegOptions struct {
	fps      float64 // images a second at most; 0: all
	extra    bool    // more headers with each image
	zeroData bool    // the headers of images alone
	advance  bool    // the head of a part right after the part before it, for clients that show an image only then
}

func parseMJPEG(q url.Values) (o mjpegOptions, err error) {
	if o.fps, err = parseFPS(q.Get("fps")); err != nil {
		return o, err
	}
	for _, flag := range []struct {
		name string
		set  *bool
	}{{"extra_headers", &o.extra}, {"zero_data", &o.zeroData}, {"advance_headers", &o.advance}} {
		v := q.Get(flag.name)
		if v == "" {
			continue
		}
		if *flag.set, err = strconv.ParseBool(v); err != nil {
			return o, badParameter(flag.name, v, "0 or 1")
		}
	}
	return o, nil
}

// maxFPS is above the rate of any display.
const maxFPS = 1000

// parseFPS reads a rate in images a second; "" is 0.
func parseFPS(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	fps, err := strconv.ParseFloat(s, 64)
	if err != nil || !validFPS(fps) {
		return 0, badParameter("fps", s, "images a second, above 0 and at most "+strconv.Itoa(maxFPS))
	}
	return fps, nil
}

func validFPS(fps float64) bool { return fps > 0 && fps <= maxFPS }

// mjpegBoundary separates the parts. Clients expect it short and without quotes. Content-Length says where a part ends.
const mjpegBoundary = "frame"

// setHeader sets the headers of the response.
func (o mjpegOptions) setHeader(h http.Header) {
	h.Set("Content-Type", "multipart/x-mixed-replace; boundary="+mjpegBoundary)
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx
}

// response returns the head of the response, with the headers h, on a hijacked connection: the response ends with the
// connection, so it has neither a length nor chunks.
func (o mjpegOptions) response(h http.Header) []byte {
	o.setHeader(h)
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return responseHead(h)
}

// sink is what images are written to.
type sink interface {
	// WriteParts writes head, body and tail, any of which may be empty, and sends them off. It borrows them.
	WriteParts(head, body, tail []byte) error
}

// mjpegViewer is one viewer being served.
type mjpegViewer struct {
	mjpegOptions
	viewer   *stream.Viewer
	out      sink
	gone     <-chan struct{} // closed when the viewer has disconnected
	draining <-chan struct{}
	expired  <-chan struct{} // closed when the viewer may watch no longer; nil: never
	request  *http.Request
	part     part
}

// run writes before, then images until it is time to end. It returns nil if the server ends it.
func (m *mjpegViewer) run(before []byte) error {
	if err := m.out.WriteParts(before, m.part.first(m.advance, time.Now()), nil); err != nil {
		return unwritten(err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-m.draining:
			return nil
		case <-m.expired:
			return expired(m.request)
		default:
		}
		p, ok, wait, err := m.viewer.Poll()
		switch {
		case err == stream.ErrEvicted:
			return fault.From(err)
		case err != nil:
			return nil // The Hub is closed.
		}
		if ok {
			if err := m.write(&p); err != nil {
				return unsent(m.viewer, err)
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-m.draining:
		case <-m.expired:
		case <-m.gone:
			return gone(nil)
		case <-m.viewer.Wake():
		case <-timer.C:
		}
	}
}

// write takes p and writes its head, unless that was sent ahead, p, and the boundary after it in one write, so that no
// client waits for the boundary.
func (m *mjpegViewer) write(p *stream.Image) error {
	defer p.Release()
	now := time.Now()
	body := p.JPEG()
	if m.zeroData {
		body = nil
	}
	var head []byte
	if !m.advance {
		head = m.part.head(p, len(body), m.extra, now)
	}
	if err := m.out.WriteParts(head, body, m.part.tail(m.advance, now)); err != nil {
		return err
	}
	m.viewer.Delivered(p)
	return nil
}
