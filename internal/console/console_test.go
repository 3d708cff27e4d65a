package console

import (
	"encoding/hex"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// get asks a Handler, with headers as name and value by turns.
func get(t *testing.T, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	Handler("'self'").ServeHTTP(w, r)
	return w.Result()
}

func TestHandler(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/assets/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/assets/base.css", 200, "text/css; charset=utf-8"},
		{"GET", "/assets/vendor/uplot/uPlot.esm.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/favicon.ico", 200, "image/svg+xml"},
		{"GET", "/assets/", 404, "text/plain; charset=utf-8"},
		{"GET", "/assets/nothing.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/assets/../console.go", 404, "text/plain; charset=utf-8"},
		{"GET", "/assets/vendor/uplot/LICENSE", 404, "text/plain; charset=utf-8"},
		{"GET", "/assets/index.html", 404, "text/plain; charset=utf-8"}, // its URLs are right at / alone
	}
	for _, tt := range tests {
		got := get(t, tt.method, "http://host"+tt.path)
		if got.StatusCode != tt.status || got.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s %s: got %d %s, want %d %s", tt.method, tt.path, got.StatusCode, got.Header.Get("Content-Type"), tt.status, tt.contentType)
		}
	}
}

// A browser that has the page asks whether it has changed, and gets a 304.
func TestCaching(t *testing.T) {
	first := get(t, "GET", "/")
	etag := first.Header.Get("Etag")
	if etag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("got ETag %q, Cache-Control %q, want a tag and no-cache", etag, first.Header.Get("Cache-Control"))
	}
	if again := get(t, "GET", "/", "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
		t.Errorf("with the tag: got %d, want 304", again.StatusCode)
	}
	if other := get(t, "GET", "/assets/app.js", "If-None-Match", etag); other.StatusCode != http.StatusOK {
		t.Errorf("with another file's tag: got %d, want 200", other.StatusCode)
	}
}

// The policy forbids what stands in the document itself, so nothing may: it would be silently dead.
func TestPolicyFitsThePage(t *testing.T) {
	page := get(t, "GET", "/")
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q: want it to have %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q: want nothing unsafe", policy)
	}
	body, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{`<script>`, `<style`, ` style=`, ` onclick=`, ` onload=`} {
		if strings.Contains(string(body), forbidden) {
			t.Errorf("the page has %q, which its policy forbids", forbidden)
		}
	}
}

var (
	inPage   = regexp.MustCompile(`(?:src|href)="([^"#]+)"`)
	inModule = regexp.MustCompile(`(?m)^import [^;]*?'([^']+)';`)
	absolute = regexp.MustCompile(`(?:src|href)="/|fetch\('/|https?://`)
)

// What the page and its modules refer to is there, by URLs relative to where they stand, and all that is there is
// referred to.
func TestReferences(t *testing.T) {
	used := map[string]bool{
		"/": true, "/favicon.ico": true, // browsers ask for the icon by themselves
		"/assets/plain.css": true, // of the list without JavaScript, which package httpapi makes
		"/assets/view.js":   true, // for other pages
	}
	err := fs.WalkDir(assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "assets/vendor/") {
			return err
		}
		data, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), "http://www.w3.org/", "") // names, not addresses
		if m := absolute.FindString(text); m != "" {
			t.Errorf("%s has %q: want URLs relative to the page's own", name, m)
		}
		dir, pattern := "", inPage
		if path.Ext(name) == ".js" {
			dir, pattern = path.Dir(name), inModule
		}
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			used[path.Join("/", dir, m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := load(assets)
	if err != nil {
		t.Fatal(err)
	}
	delete(used, "/plain") // package httpapi's
	for name := range used {
		if _, ok := files[name]; !ok {
			t.Errorf("%s is referred to and not there", name)
		}
	}
	for name := range files {
		if !used[name] {
			t.Errorf("%s is there and nothing refers to it", name)
		}
	}
}

var colorPair = regexp.MustCompile(`--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`)

// Text can be read on what it stands on, in both themes: WCAG 2.1, 1.4.3, level AA.
func TestContrast(t *testing.T) {
	theme, err := assets.ReadFile("assets/theme.css")
	if err != nil {
		t.Fatal(err)
	}
	colors := map[string][2]float64{} // luminances, in the light and the dark theme
	for _, m := range colorPair.FindAllStringSubmatch(string(theme), -1) {
		colors[m[1]] = [2]float64{luminance(t, m[2]), luminance(t, m[3])}
	}
	for _, pair := range [][2]string{
		{"text", "page"}, {"text", "surface"}, {"text", "raised"}, {"muted", "page"}, {"muted", "surface"}, {"muted", "raised"},
		{"accent", "page"}, {"accent", "surface"}, {"on-accent", "accent"}, {"warn", "surface"}, {"bad", "surface"},
	} {
		for i, name := range []string{"light", "dark"} {
			a, aKnown := colors[pair[0]]
			b, bKnown := colors[pair[1]]
			if !aKnown || !bKnown {
				t.Fatalf("theme.css has no pair of colors %s or %s", pair[0], pair[1])
			}
			ratio := (max(a[i], b[i]) + 0.05) / (min(a[i], b[i]) + 0.05)
			if ratio < 4.5 {
				t.Errorf("%s on %s, %s: got a contrast of %.2f, want at least 4.5", pair[0], pair[1], name, ratio)
			}
		}
	}
}

// luminance returns the relative luminance of a color, as WCAG defines it.
func luminance(t *testing.T, rrggbb string) (y float64) {
	t.Helper()
	rgb, err := hex.DecodeString(rrggbb)
	if err != nil {
		t.Fatal(err)
	}
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		c := float64(rgb[i]) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		y += weight * c
	}
	return y
}
