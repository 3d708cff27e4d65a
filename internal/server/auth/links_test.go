package auth_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// linkKeys returns the keys of lines.
func linkKeys(t testing.TB, lines ...string) auth.LinkKeys {
	t.Helper()
	k, err := auth.ParseLinkKeys([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// linkChecker returns a Checker for links of the keys in lines.
func linkChecker(t testing.TB, lines ...string) *auth.Checker {
	t.Helper()
	file := write(t, filepath.Join(t.TempDir(), "keys"), strings.Join(lines, "\n"))
	return newChecker(t, config.Config{Auth: config.Auth{Token: "own", LinkKeys: file}})
}

// withLink asks with a link, from this machine.
func withLink(c *auth.Checker, link string) (*auth.Identity, error) {
	return c.Identify(auth.Credentials{Peer: "127.0.0.1:9", Link: link})
}

// TestLinks: a link allows to view the streams that it names, until it ends, and nothing else.
func TestLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := auth.NewLinkKey()
		c := linkChecker(t, key)
		until := time.Now().Add(time.Hour).Truncate(time.Second)
		link, err := linkKeys(t, key).Sign("cam*", until)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/stream/cam1.mjpg?"+url.Values{"link": {link}}.Encode(), nil)
		id, err := c.HTTP(r)
		if err != nil {
			t.Fatal(err)
		}
		at, ok := id.Expires()
		if id.String() != "link cam*" || !at.Equal(until) || !ok || !id.IsLink() {
			t.Errorf("got %v until %v, %v, want link cam* until %v", id, at, ok, until)
		}
		for scope, want := range scopes(t, []string{"view:cam1", "view:cam"}, []string{"view:door", "publish:cam1", "encode", "admin"}) {
			if got := id.May(scope.Action, scope.Glob) == nil; got != want {
				t.Errorf("got %s allowed: %v, want %v", scope, got, want)
			}
		}
		r.Method = "POST"
		if _, err := c.HTTP(r); err == nil {
			t.Error("a link did for POST")
		}
		ctx, cancel := id.Until(t.Context())
		defer cancel()
		time.Sleep(time.Until(until) - time.Nanosecond)
		synctest.Wait()
		if _, err := withLink(c, link); err != nil || ctx.Err() != nil {
			t.Errorf("a moment before its end: got %v, %v", err, ctx.Err())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if _, err := withLink(c, link); err == nil || fault.From(err).Kind != fault.Unauthorized || !strings.Contains(err.Error(), "valid until") {
			t.Errorf("at its end: got %v, want that it is over", err)
		}
		if ctx.Err() == nil {
			t.Error("what it began goes on")
		}
	})
}

// TestAlteredLinks: nothing of a link can be changed: no byte of it, not its end, and not its name.
func TestAlteredLinks(t *testing.T) {
	key := auth.NewLinkKey()
	c, keys := linkChecker(t, key), linkKeys(t, key)
	sign := func(glob string, until time.Time) string {
		link, err := keys.Sign(glob, until)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	soon, later := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	link, other := sign("cam1", soon), sign("cam2", later)
	parts, others := strings.Split(link, "~"), strings.Split(other, "~")
	altered := map[string]string{
		"name":       others[0] + "~" + parts[1] + "~" + parts[2],
		"expiry":     parts[0] + "~" + others[1] + "~" + parts[2],
		"mac":        parts[0] + "~" + parts[1] + "~" + others[2],
		"no-mac":     parts[0] + "~" + parts[1] + "~",
		"no-parts":   parts[2],
		"twice":      link + "~" + parts[2],
		"publish":    strings.Replace(link, "view:", "publish:", 1),
		"admin":      "admin~" + parts[1] + "~" + parts[2],
		"padding":    link + "=",
		"blank":      link + " ",
		"other-key":  func() string { l, _ := linkKeys(t, auth.NewLinkKey()).Sign("cam1", soon); return l }(),
		"long":       strings.Repeat("x", 1<<16) + link,
		"key-itself": key,
	}
	for i := range len(link) {
		for _, b := range []byte{link[i] ^ 1, link[i] ^ 0x20, '~', '*'} {
			if b != link[i] {
				altered[fmt.Sprintf("byte %d %q", i, b)] = link[:i] + string(b) + link[i+1:]
			}
		}
		altered[fmt.Sprintf("cut %d", i)] = link[:i]
	}
	for name, text := range altered {
		id, err := withLink(c, text)
		if text == "" {
			continue // There is none then.
		}
		if err == nil || fault.From(err).Kind != fault.Unauthorized {
			t.Errorf("%s: got %v, %v, want unauthorized", name, id, err)
		}
		if err != nil && len(text) > 20 && strings.Contains(err.Error(), text) {
			t.Errorf("%s: got the link in the error", name)
		}
	}
	if _, err := withLink(c, link); err != nil {
		t.Errorf("the link itself: got %v", err)
	}
}

// TestLinkKeysRotate: links of the key before do until it leaves the file; new ones are signed with the first.
func TestLinkKeysRotate(t *testing.T) {
	first, second, third := auth.NewLinkKey(), auth.NewLinkKey(), auth.NewLinkKey()
	until := time.Now().Add(time.Hour)
	old, err := linkKeys(t, first).Sign("cam1", until)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		lines []string
		ok    bool
	}{{[]string{first}, true}, {[]string{second, first + " # before"}, true}, {[]string{third, second}, false}} {
		c := linkChecker(t, tt.lines...)
		if _, err := withLink(c, old); (err == nil) != tt.ok {
			t.Errorf("%d keys: got %v for the old link, want valid: %v", len(tt.lines), err, tt.ok)
		}
		fresh, err := c.Sign("cam1", until)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := withLink(linkChecker(t, tt.lines[0]), fresh); err != nil {
			t.Errorf("a new link is not signed with the first key: %v", err)
		}
	}
	for content, want := range map[string]string{
		"":                                     "got no key",
		"# x":                                  "got no key",
		"hunter2hunter2":                       "line 1 is no key",
		first + "x":                            "line 1 is no key",
		first[:len(first)-2]:                   "line 1 is no key",
		first + "\n" + second + "\n\n" + third: "line 4: got more than 2 keys",
	} {
		if _, err := auth.ParseLinkKeys([]byte(content)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want %q, and no secret", content, err, want)
		}
	}
}

// FuzzLinks holds that a link does only if it is, byte for byte, one that was signed.
func FuzzLinks(f *testing.F) {
	key := auth.NewLinkKey()
	c := linkChecker(f, key)
	keys := linkKeys(f, key)
	until := time.Now().Add(24 * time.Hour)
	right, err := keys.Sign("cam1", until)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("view:cam1~1796083200~", "cam1")
	f.Add(right, "cam1")
	f.Add("~~", "*")
	f.Fuzz(func(t *testing.T, link, glob string) {
		if id, err := withLink(c, link); link != right && err == nil {
			t.Errorf("got %v for %q, which was never signed", id, link)
		}
		signed, err := keys.Sign(glob, until)
		if (err == nil) != (config.CheckGlob(glob) == nil) {
			t.Fatalf("Sign(%q): got %v", glob, err)
		}
		if err != nil {
			return
		}
		if id, err := withLink(c, signed); err != nil || id.String() != "link "+glob {
			t.Errorf("got %v, %v for a link to %s", id, err, glob)
		}
	})
}
