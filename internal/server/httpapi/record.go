package httpapi

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"net/http"
	"net/url"
	"time"

	"github.com/steadyframe/steadyframe/internal/mkv"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// record serves a stream as Matroska, from its newest image on: for so many seconds, or until the viewer disconnects or the
// server stops. The times in it are those at which frames were captured. Where there is no image, it waits for one as snapshot
// does.
func (h *viewers) record(w http.ResponseWriter, r *http.Request, name string) error {
	o, err := parseRecord(r.URL.Query())
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		if _, err := h.info(r, name); err != nil {
			return err
		}
		o.setHeader(w.Header(), name)
		return nil
	}
	wake := make(chan struct{}, 1) // of images and sound
	v, err := h.view(r, name, stream.ViewerOptions{Transport: "record", MaxFPS: o.fps, Wake: wake})
	if err != nil {
		return err
	}
	defer v.Close()
	first, err := h.firstImage(r, name, v)
	if err != nil {
		return err
	}
	h.hub.Settle(r.Context(), name)
	l, err := auth.From(r.Context()).Listen(h.hub, name, wake)
	switch {
	case err == nil:
		defer l.Close()
	case !errors.Is(err, stream.ErrNoSound):
		first.Release()
		return fault.From(err)
	}
	o.setHeader(w.Header(), name)
	response := newResponse(w, r, h.stall())
	defer response.end()
	v.OnEvict(response.cut)
	x := recording{viewer: v, sound: l, out: response, draining: h.engine.Draining(), request: r, gone: r.Context().Done(), length: o.length}
	return x.run(first)
}

// firstImage waits for an image that does not stand for a lost source.
func (h *viewers) firstImage(r *http.Request, name string, v *stream.Viewer) (stream.Image, error) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(h.engine.Config.Timeout.Queue))
	defer cancel()
	p, err := v.Next(ctx)
	if err == nil && !p.Offline {
		return p, nil
	}
	p.Release()
	return stream.Image{}, h.noSnapshot(r, name, err)
}

// recordOptions are what a viewer may ask for.
type recordOptions struct {
	fps    float64
	length time.Duration // 0: without an end
}

func parseRecord(q url.Values) (o recordOptions, err error) {
	if o.fps, err = parseFPS(q.Get("fps")); err != nil {
		return o, err
	}
	if s := q.Get("seconds"); s != "" {
		if o.length, err = parseAge(s); err != nil || o.length <= 0 {
			return o, badParameter("seconds", s, "seconds such as 10 or 0.5, or 5m")
		}
	}
	return o, nil
}

// setHeader sets the headers of the response.
func (o recordOptions) setHeader(h http.Header, name string) {
	h.Set("Content-Type", "video/x-matroska")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.mkv"`) // A stream's name needs no escape.
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx
}

// recording is one stream being written as Matroska.
type recording struct {
	viewer   *stream.Viewer
	sound    *stream.Listener // nil: there is none, or it has ended
	out      sink
	request  *http.Request
	gone     <-chan struct{} // of its context
	draining <-chan struct{}
	length   time.Duration // 0: without an end

	clock  stream.Clock
	blocks mkv.Blocks
	head   []byte
	piece  []byte // of sound
}

// endGrace is how much later than it was captured an image may come that is in time for the end of a recording.
const endGrace = time.Second

// run writes the image p, which it takes, and those after it until it is time to end. It returns nil for an end that was asked
// for. The end of a stream that is cut short is the connection's, so that the viewer knows.
func (x *recording) run(p stream.Image) error {
	head := mkv.Head{Width: p.Width, Height: p.Height, Start: p.Captured}
	if p.Width == 0 {
		if c, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG())); err == nil {
			head.Width, head.Height = c.Width, c.Height
		}
	}
	if x.sound != nil {
		f := x.sound.Format()
		head.Rate, head.Channels = f.Rate, f.Channels
		x.piece = make([]byte, soundPiece)
	}
	x.head = mkv.AppendHead(nil, head)
	end := make(<-chan time.Time)
	if x.length > 0 {
		timer := time.NewTimer(x.length + endGrace)
		defer timer.Stop()
		end = timer.C
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ok, wait := true, time.Duration(0); ; {
		if ok {
			if over, err := x.write(&p); over || err != nil {
				return err
			}
		}
		err := x.writeSound()
		if err != nil {
			return err
		}
		if p, ok, wait, err = x.viewer.Poll(); err != nil {
			return fault.From(err)
		}
		if ok {
			continue
		}
		timer.Reset(wait)
		select {
		case <-x.draining:
			return errStopping
		case <-x.gone:
			return expired(x.request)
		case <-end:
			return nil
		case <-x.viewer.Wake():
		case <-timer.C:
		}
	}
}

// write writes p, which it takes, unless it is a repeat of what was written, or beyond the end.
func (x *recording) write(p *stream.Image) (over bool, err error) {
	defer p.Release()
	if p.Repeat && x.clock.Had(p.Captured) {
		return false, nil
	}
	at := x.clock.Image(p.Captured, time.Now())
	if x.length > 0 && at >= x.length {
		return true, nil
	}
	x.head = x.blocks.Append(x.head, mkv.Images, at, len(p.JPEG()))
	if err := x.out.WriteParts(x.head, p.JPEG(), nil); err != nil {
		return false, unsent(x.viewer, err)
	}
	x.head = x.head[:0]
	x.viewer.Delivered(p)
	return false, nil
}

// writeSound writes the sound that there is.
func (x *recording) writeSound() error {
	for x.sound != nil {
		n, captured, err := x.sound.Read(x.piece)
		switch {
		case err != nil: // It has ended. Another one may have another format, for which there is no track.
			x.sound = nil
			return nil
		case n == 0:
			return nil
		}
		at := x.clock.Sound(captured, time.Now())
		if at < 0 || x.length > 0 && at >= x.length {
			continue
		}
		x.head = x.blocks.Append(x.head, mkv.Sound, at, n)
		if err := x.out.WriteParts(x.head, x.piece[:n], nil); err != nil {
			return unsent(x.viewer, err)
		}
		x.head = x.head[:0]
	}
	return nil
}
