package httpapi

import (
	"io"
	"net/http"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// index is what GET / returns to clients that are not browsers.
const index = `Steadyframe: raw frames in, JPEGs out, live.

POST /v1/encode?format=bgr24&size=640x360   raw frames, tightly packed: one image back, or multipart/mixed
POST /v1/encode                             Y4M
     resize=320x320 mode=stretch|fit|fill filter=bilinear|area|nearest background=%23rrggbb crop=WxH+X+Y
     quality=1..100 subsampling=420|422|444|gray restart=none|row|N
     reuse=none|segments noise=0..255        parts that are as in the frame before keep their bytes
     output=jpeg|rgba|rgb24|bgr24|yuv420p range=full|limited color=bt601|bt709
     Accept: video/x-motion-jpeg             JPEGs one after the other, while frames still come in

POST /v1/mel?preset=wav2lip                 sound to log-mel features: WAV, or format=s16le|f32le|... rate=8000..48000 channels=N
     preset=wav2lip|whisper80|whisper128|kaldi|htk|librosa output=npy|f32|json layout=frames|bands fps=25 window=16
     stream=true output=f32                  features while sound still comes in

PUT  /v1/scenes/NAME                        load a scene: a tar of its folder; DELETE unloads it
GET  /v1/scenes                             the scenes
POST /v1/encode?scene=NAME&format=rgb24&size=256x256   regions in, whole images out: index=N regions=K
     Content-Type: application/x-steadyframe-images    each image begins with a line: IMAGE index=N regions=K rect=WxH+X+Y

POST /v1/streams/NAME                       feed a live stream: raw frames as above, Y4M, multipart or plain JPEGs; fps=N
     Content-Type: application/x-steadyframe-frames    each raw frame begins with a line: FRAME captured_us=T
POST /v1/streams/NAME/sound                 its sound: WAV, or format=s16le|f32le|... rate=8000..48000 channels=N; captured_us=T continuous=true
     Content-Type: application/x-steadyframe-sound     each piece begins with a line: SOUND samples=N captured_us=T
GET  /stream/NAME.mjpg                      watch it, as MJPEG
GET  /snapshot/NAME.jpg                     its newest image
GET  /?action=stream&stream=NAME            the same as mjpg-streamer has them, or action=snapshot; as web_video_server: /stream?topic=NAME
GET  /snapshot/NAME.png                     as PNG, with the alpha of a transparent scene
GET  /sound/NAME.wav                        its sound, as WAV without an end
GET  /v1/streams/NAME/record?seconds=10     record it, as Matroska (.mkv); without seconds until you disconnect
GET  /ws                                    any number of streams over one WebSocket
POST /v1/links?stream=NAME&for=24h          a link that shows it without a token, for so long; * in NAME: any characters
GET  /v1/streams   /v1/streams/NAME         the live streams and their viewers
     limit=N offset=N search=TEXT order=name|state|viewers|fps near=NAME    some of them
GET  /v1/cluster                            the nodes of the server's cluster, and the streams of all of them; streams=false: the nodes
GET  /v1/stats                              what the server has done; ?history: in the last five minutes
GET  /                                      all this as a page, for browsers; /plain: without JavaScript

curl --data-binary @frame.bgr 'http://HOST/v1/encode?format=bgr24&size=640x360&quality=80' -o frame.jpg
ffmpeg -re -i clip.mp4 -f yuv4mpegpipe - | steadyframe push --stream clip http://HOST
ffplay http://HOST/stream/clip.mjpg
`

// endpoint serves a route. An error says why a request was not served.
type endpoint struct {
	handler *Handler
	may     permission // nil: it is open to pages of other origins, and without a token
	serve   func(w *writer, r *http.Request) error
}

// permission returns nil if a client may do what r asks for, else a *fault.Error.
type permission func(id *auth.Identity, r *http.Request) error

// some is for who may do one of those, with whatever stream: what the name of a stream says is checked where that is known.
func some(actions ...config.Action) permission {
	return func(id *auth.Identity, _ *http.Request) error { return id.MayAny(actions...) }
}

// named is for who may do that with the stream of the path. One of a name that no stream can have is left to who serves r.
func named(a config.Action) permission {
	return func(id *auth.Identity, r *http.Request) error {
		name := r.PathValue("name")
		if stream.CheckName(name) != nil {
			return id.MayAny(a)
		}
		return id.May(a, name)
	}
}

// ServeHTTP is part of http.Handler. w is the *writer of Handler.ServeHTTP.
func (e endpoint) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := rw.(*writer)
	if e.may == nil {
		w.err = e.serve(w, r)
		return
	}
	w.err = e.handler.authorized(w, r, e.may, e.serve)
}

// authorized serves r with serve if its page and its caller may. A page that has a link may use it, whichever it is: no browser adds
// one by itself.
func (h *Handler) authorized(w *writer, r *http.Request, may permission, serve func(w *writer, r *http.Request) error) (err error) {
	linked := h.auth.HasLink(r)
	if !linked {
		if err := h.pages.Check(r); err != nil {
			return err
		}
	}
	if w.id, err = h.auth.HTTP(r); err != nil {
		return err
	}
	if linked {
		if err := h.checkPage(w, r); err != nil {
			return err
		}
	}
	if err := may(w.id, r); err != nil {
		return err
	}
	if w.id == nil {
		return serve(w, r)
	}
	ctx, cancel := w.id.Until(auth.With(r.Context(), w.id))
	defer cancel()
	return serve(w, r.WithContext(ctx))
}

// checkPage checks the page of a request that has a link, and says that any may use the response if nothing else allows it.
func (h *Handler) checkPage(w *writer, r *http.Request) error {
	if !w.id.IsLink() {
		return h.pages.Check(r)
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
	w.Header().Set("Referrer-Policy", "no-referrer")
	return nil
}

// expiry returns what is closed when the caller of r may go on no longer, nil if it may.
func expiry(r *http.Request) <-chan struct{} {
	if _, ok := auth.From(r.Context()).Expires(); !ok {
		return nil
	}
	return r.Context().Done()
}

// ownerOf returns by what the places of the caller of r are counted.
func ownerOf(r *http.Request) string { return auth.From(r.Context()).Owner() }

// routes returns all routes of the API. Those with GET serve HEAD, too.
func (h *Handler) routes() *http.ServeMux {
	mux := http.NewServeMux()
	route := func(pattern string, may permission, serve func(w *writer, r *http.Request) error) {
		mux.Handle(pattern, endpoint{handler: h, may: may, serve: serve})
	}
	open := func(pattern string, serve func(w *writer, r *http.Request) error) { route(pattern, nil, serve) }
	encode, publish, view, admin := some(config.Encode), named(config.Publish), some(config.View), some(config.Admin)
	route("POST /v1/encode", encode, h.encode)
	route("POST /v1/mel", encode, h.mel)
	route("PUT /v1/scenes/{name}", admin, h.loadScene)
	route("DELETE /v1/scenes/{name}", admin, h.unloadScene)
	route("GET /v1/scenes", some(config.Encode, config.Publish, config.Admin), h.scenes)
	route("POST /v1/streams/{name}", publish, h.publish)
	route("PUT /v1/streams/{name}", publish, h.publish)
	route("POST /v1/streams/{name}/sound", publish, h.publishSound)
	route("PUT /v1/streams/{name}/sound", publish, h.publishSound)
	route("GET /v1/streams/{name}", view, func(w *writer, r *http.Request) error { return h.watch.stream(w, r, r.PathValue("name")) })
	route("GET /v1/streams/{name}/record", view, func(w *writer, r *http.Request) error { return h.watch.record(w, r, r.PathValue("name")) })
	route("GET /v1/streams", view, func(w *writer, r *http.Request) error { return h.watch.streams(w, r) })
	route("GET /v1/cluster", some(config.View, config.Admin), h.cluster)
	route("GET /v1/stats", some(config.View, config.Admin), func(w *writer, r *http.Request) error { return h.stats(w, r) })
	route("GET /stream/{file}", view, ofStream(".mjpg", h.watch.mjpeg))
	route("GET /sound/{file}", view, ofStream(".wav", h.watch.wav))
	route("GET /snapshot/{file}", view, func(w *writer, r *http.Request) error {
		suffix := ".jpg"
		if strings.HasSuffix(r.PathValue("file"), ".png") {
			suffix = ".png"
		}
		return ofStream(suffix, h.watch.snapshot)(w, r)
	})
	route("GET /stream", view, ofTopic(h.watch.mjpeg))
	route("GET /snapshot", view, ofTopic(h.watch.snapshot))
	route("POST /v1/links", admin, h.makeLink)
	route("GET /ws", view, func(w *writer, r *http.Request) error { return h.watch.webSocket(w, r) })
	open("GET /assets/{file...}", h.asset)
	open("GET /favicon.ico", h.asset)
	route("GET /plain", view, h.plain)
	open("GET /{$}", h.root)
	return mux
}

// ofStream returns the endpoint for files NAME.suffix, where NAME is a stream.
func ofStream(suffix string, serve func(w http.ResponseWriter, r *http.Request, name string) error) func(*writer, *http.Request) error {
	return func(w *writer, r *http.Request) error {
		name, ok := strings.CutSuffix(r.PathValue("file"), suffix)
		if !ok || name == "" {
			writeNotFound(w, r, withSuffix(r.URL.Path, suffix))
			return nil
		}
		return serve(w, r, name)
	}
}

// withSuffix returns a path that names no stream with the suffix that it should have.
func withSuffix(path, suffix string) string {
	if strings.HasSuffix(path, "/"+suffix) {
		return strings.TrimSuffix(path, suffix) + "NAME" + suffix
	}
	for _, other := range []string{".jpg", ".jpeg", ".png", ".mjpg", ".mjpeg", ".wav"} {
		path = strings.TrimSuffix(path, other)
	}
	return path + suffix
}

// ofTopic returns the endpoint for the URLs of web_video_server, of ROS: /stream?topic=/camera/image_raw is the stream
// camera.image_raw. What else its users ask for, such as a width, is for its encoder: images come as they are.
func ofTopic(serve func(w http.ResponseWriter, r *http.Request, name string) error) func(*writer, *http.Request) error {
	return func(w *writer, r *http.Request) error {
		q := r.URL.Query()
		topic, _, _ := strings.Cut(q.Get("topic"), "?") // Old mjpegcanvas puts ? before each parameter.
		if topic = strings.Trim(topic, "/"); topic == "" {
			return fieldError("topic", "got none, want the name of a stream")
		}
		switch kind := q.Get("type"); kind {
		case "", "mjpeg", "ros_compressed", "png": // All are parts that a browser shows as one image.
		default:
			return badParameter("type", kind, "mjpeg")
		}
		return serve(w, r, strings.ReplaceAll(topic, "/", "."))
	}
}

// dispatch serves r by its path and method.
func (h *Handler) dispatch(w *writer, r *http.Request) error {
	mux, pattern := h.mux.Handler(r)
	if pattern != "" {
		h.mux.ServeHTTP(w, r)
		return w.err
	}
	refused := unrouted{header: http.Header{}}
	mux.ServeHTTP(&refused, r)
	if refused.status != http.StatusMethodNotAllowed {
		writeNotFound(w, r, "one of those that GET / lists")
		return nil
	}
	allowed := refused.header.Get("Allow")
	w.Header().Set("Allow", allowed)
	if r.Method == http.MethodOptions {
		setPreflightHeaders(w.Header(), r, h.pages, allowed)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	writeProblem(w, problem{Type: "urn:steadyframe:problem:method", Title: "The method is not known here", Status: http.StatusMethodNotAllowed,
		Detail: "got " + r.Method + " " + r.URL.Path + ", want " + strings.ReplaceAll(allowed, ", ", " or ")})
	return nil
}

// unrouted records how http.ServeMux responds where it has no route: it says which methods are allowed.
type unrouted struct {
	header http.Header
	status int
}

// Header is part of http.ResponseWriter.
func (u *unrouted) Header() http.Header { return u.header }

// WriteHeader is part of http.ResponseWriter.
func (u *unrouted) WriteHeader(status int) { u.status = status }

// Write is part of http.ResponseWriter.
func (u *unrouted) Write(p []byte) (int, error) { return len(p), nil }

// writeNotFound refuses a path. want says which one is meant.
func writeNotFound(w http.ResponseWriter, r *http.Request, want string) {
	writeProblem(w, problem{Type: "urn:steadyframe:problem:not_found", Title: "There is nothing here", Status: http.StatusNotFound,
		Detail: "got path " + r.URL.Path + ", want " + want})
}

// root serves /: the page for browsers, the index for others, and the URLs of mjpg-streamer.
func (h *Handler) root(w *writer, r *http.Request) error {
	if action := r.URL.Query().Get("action"); action != "" {
		return h.action(w, r, action)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return h.asset(w, r)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, index)
	return err
}

// action serves /?action=stream and /?action=snapshot, with an optional stream=NAME.
func (h *Handler) action(w *writer, r *http.Request, action string) error {
	return h.authorized(w, r, some(config.View), func(w *writer, r *http.Request) error {
		name := r.URL.Query().Get("stream")
		if name == "" {
			name = h.watch.first(r)
		}
		switch action {
		case "stream":
			return h.watch.mjpeg(w, r, name)
		case "snapshot":
			return h.watch.snapshot(w, r, name)
		}
		return fieldError("action", "got it as "+action+", want stream or snapshot")
	})
}

// asset serves the page and its files.
func (h *Handler) asset(w *writer, r *http.Request) error {
	h.page.ServeHTTP(w, r)
	return nil
}
