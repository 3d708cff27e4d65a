package httpapi

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// index is what GET / shows to those who are no browser.
const index = `Steadyframe: raw frames in, JPEGs out, live.

POST /v1/encode?format=bgr24&size=640x360   raw frames, tightly packed: one picture back, or multipart/mixed
POST /v1/encode                             Y4M
     resize=320x320 mode=stretch|fit|fill filter=bilinear|area|nearest background=%23rrggbb crop=WxH+X+Y
     quality=1..100 subsampling=420|422|444|gray restart=none|row|N
     output=jpeg|rgba|rgb24|bgr24|yuv420p range=full|limited color=bt601|bt709
     Accept: video/x-motion-jpeg             JPEGs one after the other, while frames still come in

POST /v1/streams/NAME                       feed a live stream: raw frames as above, Y4M, multipart or plain JPEGs; fps=N
GET  /stream/NAME.mjpg                      watch it, as MJPEG
GET  /snapshot/NAME.jpg                     its newest picture
GET  /ws                                    any number of streams over one WebSocket
GET  /v1/streams   /v1/streams/NAME         what there is to watch, and who does
GET  /v1/stats                              what the server has done
GET  /                                      all this as a page, for browsers

curl --data-binary @frame.bgr 'http://HOST/v1/encode?format=bgr24&size=640x360&quality=80' -o frame.jpg
ffmpeg -re -i clip.mp4 -f yuv4mpegpipe - | steadyframe push --stream clip http://HOST
ffplay http://HOST/stream/clip.mjpg
`

// route is one path of the face, or all paths of one form: what comes between prefix and suffix is a name, which has no
// slash.
type route struct {
	prefix, suffix string
	named          bool
	methods        []string
	open           bool // needs no token
	serve          func(h *Handler, w *writer, r *http.Request, name string) error
}

var (
	get  = []string{http.MethodGet, http.MethodHead}
	post = []string{http.MethodPost}
	feed = []string{http.MethodPost, http.MethodPut}
)

// routes are all paths. Those of one form stand together: the first whose method fits serves.
var routes = []route{
	{prefix: "/v1/encode", methods: post, serve: func(h *Handler, w *writer, r *http.Request, _ string) error { return h.encode(w, r) }},
	{prefix: "/v1/streams/", named: true, methods: feed, serve: (*Handler).publish},
	{prefix: "/v1/streams/", named: true, methods: get,
		serve: func(h *Handler, w *writer, r *http.Request, name string) error { return h.watch.stream(w, r, name) }},
	{prefix: "/v1/streams", methods: get, serve: func(h *Handler, w *writer, r *http.Request, _ string) error { return h.watch.streams(w, r) }},
	{prefix: "/v1/stats", methods: get, serve: func(h *Handler, w *writer, r *http.Request, _ string) error { return h.stats(w, r) }},
	{prefix: "/stream/", suffix: ".mjpg", named: true, methods: get,
		serve: func(h *Handler, w *writer, r *http.Request, name string) error { return h.watch.mjpeg(w, r, name) }},
	{prefix: "/snapshot/", suffix: ".jpg", named: true, methods: get,
		serve: func(h *Handler, w *writer, r *http.Request, name string) error { return h.watch.snapshot(w, r, name) }},
	{prefix: "/ws", methods: get, serve: func(h *Handler, w *writer, r *http.Request, _ string) error { return h.watch.webSocket(w, r) }},
	{prefix: "/assets/", named: true, methods: get, open: true, serve: (*Handler).asset},
	{prefix: "/favicon.ico", methods: get, open: true, serve: (*Handler).asset},
	{prefix: "/", methods: get, open: true, serve: (*Handler).root},
}

// match reports whether path is one of the route's, and the name in it.
func (t *route) match(path string) (name string, ok bool) {
	if !t.named {
		return "", path == t.prefix
	}
	rest, ok := strings.CutPrefix(path, t.prefix)
	name, suffixed := strings.CutSuffix(rest, t.suffix)
	return name, ok && suffixed && name != ""
}

// dispatch serves r by its path and method.
func (h *Handler) dispatch(w *writer, r *http.Request) error {
	var allowed []string
	for i := range routes {
		t := &routes[i]
		name, ok := t.match(r.URL.Path)
		if !ok {
			continue
		}
		if !t.open {
			if err := h.auth.HTTP(r); err != nil {
				return err
			}
		}
		if slices.Contains(t.methods, r.Method) {
			return t.serve(h, w, r, name)
		}
		allowed = append(allowed, t.methods...)
	}
	if allowed == nil {
		writeProblem(w, problem{Type: "urn:steadyframe:problem:not_found", Title: "There is nothing here", Status: http.StatusNotFound,
			Detail: "got path " + r.URL.Path + ", want one of those that GET / lists"})
		return nil
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, problem{Type: "urn:steadyframe:problem:method", Title: "The method is not known here", Status: http.StatusMethodNotAllowed,
		Detail: "got " + r.Method + " " + r.URL.Path + ", want " + strings.Join(allowed, " or ")})
	return nil
}

// root serves /: the page for browsers, the index for others, and the URLs of mjpg-streamer.
func (h *Handler) root(w *writer, r *http.Request, _ string) error {
	if action := r.URL.Query().Get("action"); action != "" {
		return h.action(w, r, action)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return h.asset(w, r, "")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, index)
	return err
}

// action serves /?action=stream and /?action=snapshot, with an optional stream=NAME.
func (h *Handler) action(w *writer, r *http.Request, action string) error {
	if err := h.auth.HTTP(r); err != nil {
		return err
	}
	name := r.URL.Query().Get("stream")
	if name == "" {
		name = h.watch.first()
	}
	switch action {
	case "stream":
		return h.watch.mjpeg(w, r, name)
	case "snapshot":
		return h.watch.snapshot(w, r, name)
	}
	return fieldError("action", "got it as "+action+", want stream or snapshot")
}

// asset serves the page and its files.
func (h *Handler) asset(w *writer, r *http.Request, _ string) error {
	h.page.ServeHTTP(w, r)
	return nil
}
