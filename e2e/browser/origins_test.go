package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestOtherOrigins: a page of an origin that http.cors_origins lists may use all of the API; one of another origin can neither
// read nor change anything, by any way that a browser has without asking first.
func TestOtherOrigins(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>elsewhere</title><link rel=icon href=data:,>")
	}))
	defer front.Close()
	closed := serve(t, "127.0.0.1:0", "", "cam=testsrc:64x48@10")
	t.Setenv("STEADYFRAME_HTTP_CORS_ORIGINS", front.URL)
	open1 := serve(t, "127.0.0.1:0", "", "cam=testsrc:64x48@10")
	page := open(t, front.URL+"/", 640, 480)
	page.others = true
	page.allow("CORS", "403", "ERR_FAILED", "ERR_BLOCKED", "WebSocket connection to")
	for _, tt := range []struct{ name, script, want string }{
		{"list", `fetch(at + '/v1/streams').then(r => r.json()).then(v => v.streams[0].name)`, "cam"},
		{"snapshot", `fetch(at + '/snapshot/cam.jpg').then(r => r.blob().then(b => b.type + ' ' + (Number(r.headers.get('X-Timestamp')) > 0)))`, "image/jpeg true"},
		{"encode", `fetch(at + '/v1/encode?format=gray&size=16x16', { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: new Uint8Array(256) })
			.then(r => r.blob()).then(b => b.type)`, "image/jpeg"},
		{"publish", `fetch(at + '/v1/streams/pushed?format=gray&size=16x16', { method: 'POST', body: new Uint8Array(512) }).then(r => r.json()).then(v => v.stream)`, "pushed"},
		{"put", `fetch(at + '/v1/streams/put?format=gray&size=16x16', { method: 'PUT', body: new Uint8Array(512) }).then(r => r.json()).then(v => v.stream)`, "put"},
		{"mjpeg", `fetch(at + '/stream/cam.mjpg').then(r => { const b = r.body.getReader(); return b.read().then(v => { b.cancel(); return v.value.length > 0 ? 'bytes' : '' }) })`, "bytes"},
		{"image", `new Promise((done, failed) => { const i = new Image(); i.onload = () => done(i.naturalWidth + ''); i.onerror = failed; i.src = at + '/snapshot/cam.jpg' })`, "64"},
		{"socket", `new Promise((done, failed) => { const s = new WebSocket(at.replace('http', 'ws') + '/ws'); s.onopen = () => done('open'); s.onerror = failed })`, "open"},
		{"view", `import(at + '/assets/view.js').then(() => new Promise((done) => {
			const v = document.body.appendChild(document.createElement('steadyframe-view'));
			v.addEventListener('image', () => done(v.shadowRoot.firstChild.width + ''), { once: true });
			v.setAttribute('stream', 'cam');
		}))`, "64"},
		{"form", `fetch(at + '/v1/streams/form?format=gray&size=16x16', { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new Uint8Array(512) })
			.then(r => r.type)`, "opaque"},
	} {
		run := func(s *server) string {
			return eval[string](page, "(() => { const at = '"+s.url("")+"'; return "+tt.script+" })().catch(() => 'refused')")
		}
		if got := run(open1); got != tt.want {
			t.Errorf("%s, of a listed origin: got %q, want %q", tt.name, got, tt.want)
		}
		if got := run(closed); got != "refused" {
			t.Errorf("%s, of another origin: got %q, want it refused", tt.name, got)
		}
	}
	if got := len(closed.streams(t)); got != 1 {
		t.Errorf("got %d streams after all a page of another origin could do, want the one of the settings", got)
	}
	if got := len(open1.streams(t)); got != 4 {
		t.Errorf("got %d streams after what a listed page pushed, want 4", got)
	}
}
