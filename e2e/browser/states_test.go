package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A server without streams says how to push one.
func TestEmpty(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	page := open(t, s.url("/"), 1024, 768)
	page.await("the empty state", "document.querySelectorAll('.command').length === 2")
	text := page.text()
	for _, want := range []string{
		"No streams yet",
		"steadyframe push --loop clip.mp4 http://" + s.address,
		"-f mpjpeg http://" + s.address + "/v1/streams/clip",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page says %q, want it to have %q", text, want)
		}
	}
	publish(t, s, "clip")
	advance(t, page, []string{"clip"})
	if strings.Contains(page.text(), "No streams yet") {
		t.Error("the page still says that there are no streams")
	}
}

// A server that goes and comes back finds the page waiting.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "cam=testsrc:320x180@10")
	page := open(t, s.url("/"), 1024, 768)
	page.allow("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket connection to", "503")
	advance(t, page, []string{"cam"})
	s.end(t)
	page.await("the page to say so", "document.getElementById('notices').textContent.includes('No response from the server since')")
	again := serve(t, s.address, "", "cam=testsrc:320x180@10", "new=testsrc:320x180@10")
	page.await("the page to go on", "document.querySelectorAll('.tile').length === 2 && document.getElementById('notices').textContent === ''")
	advance(t, page, []string{"cam", "new"})
	if got := again.viewers(t, "websocket"); got != 2 {
		t.Errorf("got %d viewers after the restart, want 2", got)
	}
}

// A server that wants a token is asked with the one that the page asks its reader for.
func TestToken(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "secret&more", "cam=testsrc:320x180@10")
	page := open(t, s.url("/"), 1024, 768)
	page.allow("401")
	submit := func(token string) {
		page.await("the form", "document.querySelector('form.token input') === document.activeElement")
		page.press(token, kb.Enter)
	}
	submit("wrong")
	page.await("a second form", "document.getElementById('token-hint')?.textContent.includes('not accepted')")
	submit("secret&more")
	advance(t, page, []string{"cam"})
	if strings.Contains(page.text(), "token") {
		t.Error("the page still speaks of a token")
	}
}

// A page with a link in its address shows what the link names, and nothing else, without a token.
func TestLink(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "secret", "cam=testsrc:320x180@10", "door=testsrc:320x180@10")
	urls, err := exec.Command(program, "link", "cam", "--keys", s.keys, "--url", s.url("/")).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, query, ok := strings.Cut(strings.Fields(string(urls))[0], "?")
	if !ok {
		t.Fatalf("got %s, want URLs with a link", urls)
	}
	page := open(t, s.url("/?"+query), 1024, 768)
	advance(t, page, []string{"cam"})
	if text := page.text(); strings.Contains(text, "door") || strings.Contains(text, "token") {
		t.Errorf("the page says %q, want no word of door, nor of a token", text)
	}
}

// proxy stands in front of a server as those do that people run: under a host name of its own, with a path in front. It
// refuses WebSockets unless sockets is set.
func proxy(t *testing.T, s *server, prefix string, sockets bool) string {
	to := &url.URL{Scheme: "http", Host: s.address}
	forward := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // the server refuses WebSockets for pages of other hosts
	}}
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", http.StripPrefix(prefix, forward))
	if !sockets {
		mux.HandleFunc(prefix+"/ws", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no upgrades here", http.StatusBadGateway) })
	}
	front := httptest.NewServer(mux)
	t.Cleanup(front.CloseClientConnections)
	t.Cleanup(front.Close)
	return front.URL + prefix + "/"
}

// Behind a proxy that puts a path in front, all works.
func TestPathPrefix(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "cam=testsrc:320x180@10")
	page := open(t, proxy(t, s, "/live/video", true), 1024, 768)
	advance(t, page, []string{"cam"})
	page.press("d")
	page.await("figures on the dashboard", "document.querySelector('.dashboard .value')?.textContent > 0")
}

// Behind a proxy that refuses WebSockets, the page shows MJPEG and says so.
func TestWebSocketRefused(t *testing.T) {
	t.Parallel()
	sources := testSources(5)
	s := serve(t, "127.0.0.1:0", "", sources...)
	page := open(t, proxy(t, s, "", false), 1024, 768)
	page.allow("WebSocket connection to")
	page.await("5 images", "[...document.querySelectorAll('.tile img')].filter((img) => !img.hidden && img.naturalWidth === 320).length === 5")
	page.await("the page to say so", "document.getElementById('notices').textContent.includes('MJPEG')")
	if got := s.viewers(t, "mjpeg"); got != 3 {
		t.Errorf("got %d viewers by MJPEG, want 3: the other connections are the page's own", got)
	}
	page.do("location.hash = '#/server'")
	waitFor(t, "the MJPEGs to end", func() bool { return s.viewers(t, "mjpeg") == 0 })
}

// The dashboard's figures are those of the server.
func TestDashboard(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "cam=testsrc:320x180@10")
	page := open(t, s.url("/#/server"), 1440, 900)
	card := func(title string) string {
		return fmt.Sprintf("[...document.querySelectorAll('.card')].find((card) => card.querySelector('h3').textContent === '%s')", title)
	}
	page.await("an honest empty state", card("Encoding a batch")+"?.textContent.includes('no batch in the last 10 s')")
	watcher := open(t, s.url("/"), 800, 600)
	advance(t, watcher, []string{"cam"})
	page.await("about 10 frames a second", "Math.abs(10 - "+card("Frames encoded")+".querySelector('.value').textContent) < 4")
	page.await("the time of a batch", card("Encoding a batch")+".querySelector('.value').textContent > 0")
	page.await("size classes", "document.querySelectorAll('.pool tbody tr').length > 0")
	if got := eval[int](page, "document.querySelectorAll('.chart canvas').length"); got != 14 {
		t.Errorf("got %d charts, want 14", got)
	}
}
