package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// snapshot serves the newest image of a stream. Where that was older than max_age when the request came, or nobody has
// watched and nothing was encoded, or where the stream has had no frame yet, it waits for a fresh one, timeouts.queue at most:
// meanwhile the caller counts as a viewer. The image that stands for a lost source is not served as if it were one of the stream's, unless the caller
// asks for it.
func (h *viewers) snapshot(w http.ResponseWriter, r *http.Request, name string) error {
	o, err := parseSnapshot(r.URL.Query())
	if err != nil {
		return err
	}
	o.png = o.png || strings.HasSuffix(r.URL.Path, ".png") || !r.URL.Query().Has("format") && onlyPNG(r.Header.Values("Accept"))
	v, err := h.view(r, name, stream.ViewerOptions{Transport: "snapshot"})
	if err != nil {
		return err
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(h.engine.Config.Timeout.Queue))
	defer cancel()
	begin := time.Now()
	for {
		p, err := v.Next(ctx)
		if err != nil {
			return h.noSnapshot(r, name, err)
		}
		switch {
		case p.Offline && !o.offline:
			p.Release()
			if h.mayStart(name) {
				continue
			}
			return h.noSnapshot(r, name, nil)
		case !p.Offline && h.isLost(name): // Its source was lost a moment ago, and the image that says so is still to come.
			if !o.offline {
				p.Release()
				return h.noSnapshot(r, name, nil)
			}
		case p.Offline || begin.Sub(p.Captured) <= o.maxAge:
			return h.writeSnapshot(w, r, v, &p, o.png)
		}
		p.Release()
	}
}

// isLost reports whether the source of a stream that was online is lost.
func (h *viewers) isLost(name string) bool {
	info, ok := h.hub.Info(name)
	return ok && info.State == stream.Offline
}

// mayStart reports whether the first frame of a stream may come at any moment, as right after the server's start, or has just
// come. A stream that was online, or whose source is known to be lost, is not waited for.
func (h *viewers) mayStart(name string) bool {
	info, ok := h.hub.Info(name)
	return ok && info.State != stream.Offline && info.Lost == ""
}

// snapshotOptions are what a caller may ask for.
type snapshotOptions struct {
	maxAge  time.Duration
	offline bool // the image that stands for a lost source will do
	png     bool // with its alpha
}

func parseSnapshot(q url.Values) (snapshotOptions, error) {
	o := snapshotOptions{maxAge: 1<<63 - 1}
	if s := q.Get("max_age"); s != "" {
		age, err := parseAge(s)
		if err != nil {
			return o, badParameter("max_age", s, "seconds such as 0.5, or 500ms")
		}
		o.maxAge = age
	}
	switch s := q.Get("format"); s {
	case "png":
		o.png = true
	case "", "jpeg":
	default:
		return o, badParameter("format", s, "jpeg or png")
	}
	switch s := q.Get("offline"); s {
	case "image", "picture": // its old name
		o.offline = true
	case "", "error":
	default:
		return o, badParameter("offline", s, "error or image")
	}
	return o, nil
}

// parseAge reads seconds, or a Go duration.
func parseAge(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err == nil && d < 0 {
		err = errors.New("watch: negative age")
	}
	return d, err
}

// noSnapshot returns why there is no image of a stream: err, unless it only says that none came in time.
func (h *viewers) noSnapshot(r *http.Request, name string, err error) error {
	if err != nil && (!errors.Is(err, context.DeadlineExceeded) || r.Context().Err() != nil) {
		return refusal(err, r.Host)
	}
	info, err := h.info(r, name)
	if err != nil {
		return err
	}
	f := &fault.Error{Kind: fault.Offline, Field: "stream", RetryAfter: time.Second}
	since := info.Since.UTC().Format(time.RFC3339)
	switch info.State {
	case stream.Offline:
		f.Reason = fmt.Sprintf("stream %s has been offline since %s; offline=image gets the image that says so", name, since)
	case stream.Waiting:
		f.Reason = fmt.Sprintf("stream %s has had no frame yet, since %s", name, since)
		if info.Lost != "" {
			f.Reason += ": its source is lost: " + info.Lost
		}
	default:
		f.Reason = fmt.Sprintf("stream %s had no fresh image within timeouts.queue (%v)", name, time.Duration(h.engine.Config.Timeout.Queue))
	}
	return f
}

// writeSnapshot takes p and responds with it, or with 304 if the caller has it already.
func (h *viewers) writeSnapshot(w http.ResponseWriter, r *http.Request, v *stream.Viewer, p *stream.Image, asPNG bool) error {
	defer p.Release()
	// Seq alone would repeat after a restart of the server.
	etag := fmt.Sprintf(`"%x-%x"`, p.Seq, p.Encoded.UnixMicro())
	if asPNG {
		etag = fmt.Sprintf(`"%x-%x-png"`, p.Seq, p.Encoded.UnixMicro())
	}
	header := w.Header()
	header.Add("Vary", "Accept")
	header.Set("Cache-Control", "no-store")
	header.Set("ETag", etag)
	header.Set("X-Timestamp", string(appendTimestamp(nil, p.Captured)))
	header.Set("X-Steadyframe-Width", strconv.Itoa(p.Width))
	header.Set("X-Steadyframe-Height", strconv.Itoa(p.Height))
	header.Set("X-Steadyframe-Online", strconv.FormatBool(!p.Offline))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if asPNG {
		return h.writePNG(w, r, v, p)
	}
	header.Set("Content-Type", "image/jpeg")
	header.Set("Content-Length", strconv.Itoa(len(p.JPEG())))
	if r.Method == http.MethodHead {
		return nil
	}
	return h.sendSnapshot(w, r, v, p, p.JPEG())
}

// sendSnapshot sends p as data.
func (h *viewers) sendSnapshot(w http.ResponseWriter, r *http.Request, v *stream.Viewer, p *stream.Image, data []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	response := newResponse(w, r, h.stall())
	defer response.end()
	v.OnEvict(response.cut)
	if err := response.WriteParts(nil, data, nil); err != nil {
		return unsent(v, err)
	}
	v.Delivered(p)
	return nil
}
