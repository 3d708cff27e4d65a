package browser

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe returns axe-core 4.10.3, as npm has it: JavaScript that finds what people with disabilities cannot use.
func axe(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/axe.min.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	script, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// violations returns what axe-core finds in what the page shows now, by all of its rules.
func violations(p *tab) []string {
	p.t.Helper()
	return eval[[]string](p, `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'experimental'] })
		.then(({ violations }) => violations.flatMap(({ id, help, nodes }) => nodes.map((node) => id + ': ' + help + ': ' + node.html.slice(0, 200))))`)
}

// views are all views of a server with the streams cam01 to cam03 and gone, by their hashes, with JavaScript that is true when
// they are there.
var views = []struct{ name, hash, ready string }{
	{"wall", "", "document.querySelectorAll('.tile').length === 4 && document.querySelector('.tile[data-failing]')"},
	{"stream", "stream/cam01", "document.querySelector('.stage .screen[data-seq]')"},
	{"failing", "stream/gone", "document.querySelector('.stream[data-failing] .stage')"},
	{"unknown", "stream/none", "document.querySelector('.message:not([hidden])')"},
	{"server", "server", "document.querySelector('.card[data-state]') && document.querySelector('.pool tbody tr')"},
}

// isUsable checks that axe-core, which the page has, finds nothing in a view, and that nothing is wider than the screen of 320.
func (p *tab) isUsable(view string) {
	p.t.Helper()
	if got := eval[int](p, "document.documentElement.scrollWidth"); got > 320 {
		wide := eval[[]string](p, "[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 320).map((e) => e.outerHTML.slice(0, 120))")
		p.t.Errorf("%s: the page is %d px wide on a screen of 320: %q", view, got, wide)
	}
	for _, found := range violations(p) {
		p.t.Errorf("%s: axe: %s", view, found)
	}
}

// Every view can be used by everybody: axe-core finds nothing, and nothing is wider than a small telephone.
func TestViews(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", append(testSources(3), "gone=http://127.0.0.1:1/video")...)
	p := open(t, s.url("/"), 320, 640)
	p.do("(0, eval)(" + quoted(axe(t)) + ")")
	p.do("document.body.append(Object.assign(document.createElement('img'), { id: 'mute', src: 'favicon.ico' })); document.querySelector('main').append(document.getElementById('mute'))")
	if got := violations(p); len(got) != 1 || !strings.Contains(got[0], "image-alt") {
		t.Fatalf("axe finds %q of an image without alt, want that alone", got)
	}
	p.do("document.getElementById('mute').remove()")
	for _, v := range views {
		p.do("location.hash = '#/" + v.hash + "'")
		p.await("the view "+v.name, v.ready)
		p.isUsable(v.name)
		if eval[bool](p, "[...document.querySelectorAll('.nodes, .from')].some((e) => e.checkVisibility())") {
			t.Errorf("%s: the page of a server that is alone speaks of nodes", v.name)
		}
		if v.name == "unknown" && eval[bool](p, "[...document.querySelectorAll('.stream button, .stream .button')].some((b) => b.checkVisibility())") {
			t.Error("the view of an unknown stream has buttons, which can do nothing")
		}
		if v.name == "failing" {
			seconds := "Number(/retry in (\\d+) s/.exec(document.querySelector('.bar .state').textContent)?.[1])"
			p.await("a countdown", seconds+" > 0")
		}
	}
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		t.Fatal(err)
	}
	p.press("?")
	p.await("the keys", "document.getElementById('keys').open")
	for _, found := range violations(p) {
		t.Errorf("keys: axe: %s", found)
	}
}

// quoted returns a JavaScript string.
func quoted(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "${", "\\${").Replace(s) + "`"
}

// The focus goes where the reader went, and comes back to the tile.
func TestFocus(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", testSources(3)...)
	p := open(t, s.url("/"), 1024, 768)
	p.await("3 tiles", "document.querySelectorAll('.tile').length === 3")
	p.press(kb.ArrowRight, kb.ArrowRight, kb.Enter)
	p.await("the focus in the view of the stream", "document.activeElement.closest('.stream h1')?.textContent === 'cam02'")
	p.do("history.back()")
	p.await("the focus on its tile", "document.activeElement.closest('.tile')?.querySelector('.name').textContent === 'cam02'")
}

// The reader chooses size, order and streams of the wall, and finds the choice again.
func TestWallChoices(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", append(testSources(3), "gone=http://127.0.0.1:1/video")...)
	p := open(t, s.url("/"), 1440, 900)
	tiles := "[...document.querySelectorAll('.tile .name')].map((name) => name.textContent).join()"
	p.await("all tiles", tiles+" === 'cam01,cam02,cam03,gone'")
	choose := func(label, value string) {
		p.do(fmt.Sprintf(`const menu = document.querySelector('[aria-label="%s"]'); menu.value = '%s'; menu.dispatchEvent(new Event(menu.tagName === 'INPUT' ? 'input' : 'change'))`, label, value))
	}
	choose("Order", "state")
	p.await("the lost one first", tiles+" === 'gone,cam01,cam02,cam03'")
	choose("Size of the tiles", "small")
	p.await("small tiles", "document.querySelector('.grid').style.getPropertyValue('--columns') === '8'")
	choose("Search streams by name", "CAM0")
	p.await("three of them", tiles+" === 'cam01,cam02,cam03'")
	p.do("window.before = true; location.reload()")
	p.await("the same after a reload", "!window.before && "+tiles+" === 'cam01,cam02,cam03' && document.querySelector('.grid').style.getPropertyValue('--columns') === '8'")
	choose("Search streams by name", "nothing")
	p.await("a word for none", "document.querySelector('.wall .none').checkVisibility() && document.querySelector('.wall .none').textContent.includes('nothing')")
}

// A paused stream stops at the server too, and goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "cam=testsrc:320x180@10")
	p := open(t, s.url("/#/stream/cam"), 1024, 768)
	seq := "Number(document.querySelector('.stage .screen')?.dataset.seq)"
	p.await("an image", seq+" > 0")
	p.press("p")
	waitFor(t, "no viewer", func() bool { return s.viewers(t, "websocket") == 0 })
	at := eval[int](p, seq)
	p.press("p")
	p.await("newer images", fmt.Sprintf("%s > %d", seq, at))
}

// A page that is opened on a server that runs has charts of the time before.
func TestHistoryOfNewPage(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", "cam=testsrc:320x180@10")
	p := open(t, s.url("/#/server"), 1024, 768)
	// The server keeps statistics each five seconds: two of them make a rate.
	waitFor(t, "statistics of the server's", func() bool {
		return eval[int](p, "fetch('v1/stats?history').then((r) => r.json()).then(({ samples }) => samples.length)") >= 2
	})
	got := eval[int](p, `import('./assets/server.js').then(({ Server }) => { // as a page that is opened now has one
		const server = new Server();
		return server.ask().then(() => server.history.data('in')[1].filter((value) => value !== null).length);
	})`)
	if got < 2 { // one of the server's, and the newest
		t.Errorf("got %d rates in a page that was just opened, want those of the server's history", got)
	}
}

// Without JavaScript there are links to all streams, for each as MJPEG.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "", testSources(2)...)
	p := open(t, "about:blank", 320, 640)
	p.others = true // about:blank has no host
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(p.ctx, chromedp.Navigate(s.url("/"))); err != nil {
		t.Fatal(err)
	}
	links := "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href')).join()"
	p.await("the list", "location.pathname === '/plain' && document.querySelectorAll('li').length === 2")
	if got, want := eval[string](p, links), "stream/cam01.mjpg,snapshot/cam01.jpg,stream/cam02.mjpg,snapshot/cam02.jpg,."; got != want {
		t.Errorf("got links %s, want %s", got, want)
	}
}

// takeGallery takes all views at three widths, light and dark, into a folder, for somebody to look at.
func takeGallery(t *testing.T, folder string) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "127.0.0.1:0", "", "cam01=testsrc:640x360@25", "cam02=testsrc:360x640@25?seed=2", "cam03=testsrc:1280x720@25?seed=3", "gone=http://127.0.0.1:1/video")
	locked := serve(t, "127.0.0.1:0", "secret")
	empty := serve(t, "127.0.0.1:0", "")
	for _, width := range []int64{360, 1440, 1920} {
		for _, scheme := range []string{"light", "dark"} {
			take := func(p *tab, name string) {
				if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				}); err != nil {
					t.Fatal(err)
				}
				eval[bool](p, "new Promise((done) => setTimeout(() => done(true), 2500))")
				result, err := chromedp.Call(p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(fmt.Sprintf("%s/%s-%d-%s.png", folder, name, width, scheme), result.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p := open(t, s.url("/"), width, 1400)
			for _, v := range views {
				p.do("location.hash = '#/" + v.hash + "'")
				p.await("the view "+v.name, v.ready)
				take(p, v.name)
			}
			p = open(t, locked.url("/"), width, 700)
			p.allow("401")
			take(p, "token")
			take(open(t, empty.url("/"), width, 700), "empty")
		}
	}
}
