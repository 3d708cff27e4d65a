package httpapi

import (
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// TestList: the list is JSON with its fields in a fixed order, and lists that are empty are lists.
func TestList(t *testing.T) {
	f := newFixture(t, nil, nil)
	if _, body := f.get(t, "GET", "/list"); string(body) != "{\"streams\":[]}\n" {
		t.Errorf("got %s, want an empty list", body)
	}
	if err := f.hub.Add("b"); err != nil {
		t.Fatal(err)
	}
	p := f.publisher(t, "a")
	p.Arrived()
	p.Dropped(stream.Newer)
	f.publish(t, p, images(t, 1)[0])
	const (
		when   = `"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`
		number = `[0-9.]+`
		b      = `{"name":"b","state":"waiting","since":` + when + `,"source":"","format":"","width":0,"height":0,"fps_in":0,"fps_out":0,` +
			`"arrived":0,"published":0,"same":0,"dropped":{"newer":0,"capped":0,"unseen":0,"no_memory":0,"failed":0},"image_bytes":0,"viewers":\[\]}`
	)
	a := func(viewers string) string {
		return `{"name":"a","state":"online","since":` + when + `,"source":"test","format":"index","width":64,"height":32,"fps_in":` + number +
			`,"fps_out":` + number + `,"arrived":1,"published":1,"same":0,"dropped":{"newer":1,"capped":0,"unseen":0,"no_memory":0,"failed":0},` +
			`"image_bytes":\d+,"viewers":\[` + viewers + `\]}`
	}
	_, r := f.dial(t, "GET /stream/a.mjpg HTTP/1.1")
	m, _ := mjpegResponse(t, r)
	m.until(0)
	viewer := `{"id":\d+,"transport":"mjpeg","peer":"127\.0\.0\.1:\d+","since":` + when + `,"fps":` + number +
		`,"delivered":\d+,"dropped":0,"lag_ms":` + number + `,"bytes":\d+}`
	for path, want := range map[string]string{
		"/list":  `^{"streams":\[` + a(viewer) + `,` + b + `\]}\n$`,
		"/one/a": `^` + a(viewer) + `\n$`,
		"/one/b": `^` + b + `\n$`,
	} {
		resp, body := f.get(t, "GET", path)
		if !regexp.MustCompile(want).Match(body) {
			t.Errorf("%s: got\n%s\nwant it to match\n%s", path, body, want)
		}
		if resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %v", path, resp.Header)
		}
	}
	if resp, _ := f.get(t, "GET", "/one/c"); resp.Header.Get("Fault") != "not_found" {
		t.Errorf("got %v, want that there is none", resp.Header)
	}
}

// TestFirst: a request that names no stream gets the first by name that is online.
func TestFirst(t *testing.T) {
	f := newFixture(t, nil, nil)
	if got := f.first(httptest.NewRequest("GET", "/", nil)); got != "" {
		t.Errorf("of none: got %q", got)
	}
	for _, name := range []string{"b", "a", "c"} {
		if err := f.hub.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.first(httptest.NewRequest("GET", "/", nil)); got != "a" {
		t.Errorf("of those that wait: got %q, want a", got)
	}
	f.publisher(t, "c").Arrived()
	f.publisher(t, "b").Arrived()
	if got := f.first(httptest.NewRequest("GET", "/", nil)); got != "b" {
		t.Errorf("of those online: got %q, want b", got)
	}
}
