package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// seqs is JavaScript that returns the number of the image on each tile, by the stream's name.
const seqs = `Object.fromEntries([...document.querySelectorAll('.tile')].map((tile) =>
	[tile.querySelector('.name').textContent, Number(tile.querySelector('.screen').dataset.seq ?? 0)]))`

// advance waits until each of the tiles shows a later image than before.
func advance(t *testing.T, page *tab, names []string) {
	t.Helper()
	before := eval[map[string]int](page, seqs)
	waitFor(t, "all tiles to show newer images", func() bool {
		now := eval[map[string]int](page, seqs)
		for _, name := range names {
			if now[name] <= before[name] {
				return false
			}
		}
		return true
	})
}

// A wall of 20 streams is alive, over one WebSocket.
func TestWallOf20(t *testing.T) {
	sources := testSources(20)
	s := serve(t, "127.0.0.1:0", "", sources...)
	page := open(t, s.url("/"), 1920, 1080)
	advance(t, page, names(sources))
	advance(t, page, names(sources))
	if inSight := eval[int](page, `[...document.querySelectorAll('.tile')].filter((tile) => {
		const { top, bottom } = tile.getBoundingClientRect();
		return top >= 0 && bottom <= innerHeight;
	}).length`); inSight != 20 {
		t.Errorf("%d tiles are in sight at 1920x1080, want all 20", inSight)
	}
	if got := s.viewers(t, "websocket"); got != 20 {
		t.Errorf("got %d viewers, want 20", got)
	}
	page.mu.Lock()
	defer page.mu.Unlock()
	sockets := 0
	for _, url := range page.asked {
		if url == "ws://"+s.address+"/ws" {
			sockets++
		}
	}
	if sockets != 1 {
		t.Errorf("the page opened %d WebSockets, want 1", sockets)
	}
}

// Streams that come appear on the wall, sorted, and those that go leave it, while it is open.
func TestWallFollows(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "m=testsrc:320x180@10")
	page := open(t, s.url("/"), 1024, 768)
	advance(t, page, []string{"m"})
	publish(t, s, "z")
	publish(t, s, "a")
	advance(t, page, []string{"a", "m", "z"})
	if got := eval[string](page, `[...document.querySelectorAll('.tile .name')].map((name) => name.textContent).join(' ')`); got != "a m z" {
		t.Errorf("got tiles %q, want them sorted: a m z", got)
	}
}

// Tiles out of sight stop, and all of them while the page is hidden.
func TestUnseenStreamsStop(t *testing.T) {
	t.Parallel()
	sources := testSources(8)
	s := serve(t, "127.0.0.1:0", "", sources...)
	page := open(t, s.url("/"), 400, 700)
	advance(t, page, names(sources)[:2])
	waitFor(t, "streams out of sight to stop", func() bool { n := s.viewers(t, "websocket"); return n > 0 && n < 6 })

	page.do("window.scrollTo(0, document.body.scrollHeight)")
	advance(t, page, names(sources)[7:])

	// A headless browser hides no page: what one is told is said to it here.
	page.do(`Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
		document.dispatchEvent(new Event('visibilitychange'))`)
	waitFor(t, "all streams to stop", func() bool { return s.viewers(t, "websocket") == 0 })
	page.do("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
	advance(t, page, names(sources)[7:])
}

// The page can be used without a pointer.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	sources := testSources(4)
	s := serve(t, "127.0.0.1:0", "", sources...)
	page := open(t, s.url("/"), 1440, 900)
	page.await("4 tiles", "document.querySelectorAll('.tile').length === 4")
	focused := func(want string) {
		t.Helper()
		if got := eval[string](page, `document.activeElement.querySelector('.name')?.textContent ?? document.activeElement.tagName`); got != want {
			t.Errorf("the focus is on %s, want %s", got, want)
		}
	}
	page.press(kb.ArrowRight)
	focused("cam01")
	page.press(kb.ArrowRight)
	focused("cam02")
	page.press(kb.ArrowDown)
	focused("cam04")
	page.press(kb.ArrowDown) // there is none below
	focused("cam04")
	page.press(kb.Home)
	focused("cam01")
	page.press(kb.End, kb.Enter)
	page.await("the view of a stream", "location.hash === '#/stream/cam04' && document.querySelector('.stage .screen[data-seq]')")
	page.press(kb.ArrowLeft)
	page.await("the stream before", "location.hash === '#/stream/cam03' && document.querySelector('.stream h1').textContent === 'cam03'")
	page.press("1")
	page.await("the image pixel for pixel", "document.querySelector('.stage canvas').clientWidth === 320")
	page.press("f")
	page.await("fullscreen", "document.fullscreenElement?.className.includes('stage')")
	page.press("f")
	page.await("no fullscreen", "!document.fullscreenElement")
	page.press(kb.Escape)
	page.await("the wall", "document.querySelector('.wall')")
	page.press("d")
	page.await("the dashboard", "document.querySelector('.dashboard')")
	page.press("?")
	page.await("the keys", "document.getElementById('keys').open")
	page.press("w") // not while the keys are shown
	page.press(kb.Escape)
	page.await("no keys", "!document.getElementById('keys').open && document.querySelector('.dashboard')")
	dark := "getComputedStyle(document.documentElement).backgroundColor"
	before := eval[string](page, dark)
	page.press("t")
	after := eval[string](page, dark)
	if after == before {
		t.Errorf("after t the page is still %s", after)
	}
	page.do("document.getElementById('single-keys').click()")
	page.press("w", "t")
	if got := eval[string](page, dark+" + location.hash"); got != after+"#/server" {
		t.Errorf("with single keys off, the page went to %s, want it to stay %s#/server", got, after)
	}
}

// serveMany starts a server with 10,000 streams that nobody publishes yet.
func serveMany(t *testing.T) *server {
	t.Helper()
	settings := "live: {max_streams: 10000}\nstreams:\n"
	for i := range 10_000 {
		settings += fmt.Sprintf("  site-%02d.camera-%02d: {}\n", i/100, i%100)
	}
	file := filepath.Join(t.TempDir(), "steadyframe.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, "", nil, "serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "off", "--config", file)
}

// Of 10,000 streams the page asks for those that it shows, and finds all others.
func TestWallOfMany(t *testing.T) {
	t.Parallel()
	s := serveMany(t)
	page := open(t, s.url("/"), 1440, 900)
	shown := func(pages, first string) {
		t.Helper()
		page.await(pages, "document.querySelector('.pages span').textContent === '"+strings.ReplaceAll(pages, ",", "\u2009")+"'")
		page.await("the tile of "+first, "document.querySelector('.tile .name').textContent === '"+first+"' && document.querySelectorAll('.tile').length === 200")
	}
	shown("1 to 200 of 10,000", "site-00.camera-00")
	page.await("how many there are", "document.querySelector('.summary').textContent.startsWith('10\u2009000 streams · 0 online')")
	page.do("document.querySelectorAll('.pages')[1].querySelectorAll('button')[1].click()")
	shown("201 to 400 of 10,000", "site-02.camera-00")
	if eval[float64](page, "scrollY") != 0 {
		t.Error("the next page does not begin at its top")
	}
	page.do("const filter = document.querySelector('.controls input'); filter.value = 'CAMERA-7'; filter.dispatchEvent(new Event('input'))")
	shown("1 to 200 of 1,000 with that name", "site-00.camera-70")

	page.do("location.hash = '#/stream/site-50.camera-50'")
	page.await("a stream that is not on the wall", "document.querySelector('.bar .state')?.textContent.startsWith('waiting for')")
	page.press(kb.ArrowRight)
	page.await("the next one", "document.querySelector('h1').textContent === 'site-50.camera-51' && document.querySelector('.bar .state').textContent.startsWith('waiting for')")
	page.press(kb.Escape)
	shown("1 to 200 of 1,000 with that name", "site-00.camera-70")

	page.mu.Lock()
	defer page.mu.Unlock()
	for _, url := range page.asked {
		if strings.Contains(url, "/v1/streams") && !strings.Contains(url, "limit=") {
			t.Errorf("the page asked for %s, want a limit", url)
		}
	}
}
