// Package console is the page of the server: a wall of its live streams, a view of each, and a dashboard. It is HTML,
// CSS and JavaScript modules as they were written: nothing is built, bundled or minified.
//
// The page asks for nothing but what the same server serves, by URLs relative to its own, so that it also works behind
// a proxy that puts a path in front.
//
// The modules of assets, from the ground up:
//
//	dom, format                         elements, and figures as people read them
//	api, clock                          URLs, the token, the server's time
//	socket, player, alpha               images: the one WebSocket, the newest on a canvas, with alpha
//	pace, speaker                       sound: in step with the images, by WebAudio
//	meter, screen                       what reaches the screen
//	rates, history, server              figures: asked once a second, turned into rates, kept for five minutes
//	chart, card, panel, commands        what views are made of
//	tile, wall                          all streams
//	viewers, smallwindow, stream        one stream
//	pooltable, nodes, dashboard         the server
//	theme, notices, app                 the page around the view
//	view                                <steadyframe-view>, for other pages
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assets embed.FS

// contentTypes are those of the page's files, by what their names end in. The operating system is not asked: it may
// have other ideas.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy, which frame ancestors follow, lets the page load from this server alone, and run no inline script: a stream's name or format can never
// become code. A snapshot that is shown is a blob.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors "

// file is one file of the page.
type file struct {
	content     []byte
	contentType string
	etag        string // a hash of content
}

// Handler serves the page at /, its files below /assets/, and its icon also at /favicon.ico, to GET and HEAD. Browsers
// revalidate each file every time, which costs a 304 while it is the same. frameAncestors says which pages may show it in a frame,
// as the directive of that name of Content-Security-Policy does.
func Handler(frameAncestors string) http.Handler {
	files, err := load(assets)
	if err != nil {
		panic("console: embedded files: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", f.etag)
		h.Set("Content-Security-Policy", policy+frameAncestors)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

// load returns the files of the page by the paths of their URLs. It leaves out files with unknown extensions, such as
// licenses.
func load(root fs.FS) (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		contentType, known := contentTypes[path.Ext(name)]
		if err != nil || d.IsDir() || !known {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		sum := sha256.Sum256(content)
		files[urlPath(name)] = file{content: content, contentType: contentType, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	files["/favicon.ico"] = files["/assets/favicon.svg"]
	return files, err
}

// urlPath returns the path that a file is served at. The page's own is / alone: its URLs are relative to that.
func urlPath(name string) string {
	if name == "assets/index.html" {
		return "/"
	}
	return "/" + name
}
