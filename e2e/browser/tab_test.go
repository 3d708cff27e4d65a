package browser

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a page in a browser profile of its own. When its test ends, it must have logged no error and asked no other
// server for anything.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	errors  []string
	asked   []string // URLs
	allowed []string // parts of errors that the test brings about
	others  bool     // it may ask other servers
}

// open opens a page of w x h pixels at a URL. It skips t where there is no chromium.
func open(t *testing.T, url string, w, h int64) *tab {
	t.Helper()
	if chromium == nil {
		const missing = "no chromium on PATH (Debian package chromium)"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	p := &tab{t: t}
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute+*soundFor)
	t.Cleanup(cancel)
	p.ctx = ctx
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(w, h), chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.check(url) })
	return p
}

// listen notes what goes wrong in the page, and what it asks for. It is called by one goroutine.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var text strings.Builder
			for _, arg := range e.Args {
				fmt.Fprintf(&text, "%s %s", arg.Value, arg.Description)
			}
			p.errors = append(p.errors, "console: "+text.String())
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.errors = append(p.errors, "exception: "+text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.errors = append(p.errors, "log: "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.asked = append(p.asked, e.URL)
	}
}

// allow lets errors pass that have one of the parts.
func (p *tab) allow(parts ...string) {
	p.mu.Lock()
	p.allowed = append(p.allowed, parts...)
	p.mu.Unlock()
}

// check fails the test for errors and foreign requests.
func (p *tab) check(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
errors:
	for _, e := range p.errors {
		for _, part := range p.allowed {
			if strings.Contains(e, part) {
				continue errors
			}
		}
		p.t.Errorf("the page logged %q", e)
	}
	if p.others {
		return
	}
	host := strings.Split(url, "/")[2]
	for _, asked := range p.asked {
		if !strings.HasPrefix(asked, "blob:") && strings.Split(asked, "/")[2] != host {
			p.t.Errorf("the page asked for %s, want nothing from others than %s", asked, host)
		}
	}
}

// eval returns the value of a JavaScript expression in the page, awaited if it is a promise.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// do runs JavaScript statements in the page.
func (p *tab) do(statements string) {
	p.t.Helper()
	eval[bool](p, "(() => {"+statements+"})() ?? true")
}

// await waits until a JavaScript expression is true.
func (p *tab) await(what, expression string) {
	p.t.Helper()
	waitFor(p.t, what, func() bool { return eval[bool](p, "!!("+expression+")") })
}

// press presses keys, one after the other.
func (p *tab) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// text returns what the page says.
func (p *tab) text() string { return eval[string](p, "document.body.innerText") }
