package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
)

// TestList: the list is JSON with its fields in a fixed order, and lists that are empty are lists.
func TestList(t *testing.T) {
	f := newFixture(t, nil, nil)
	if _, body := f.get(t, "GET", "/list"); string(body) != "{\"streams\":[],\"matching\":0,\"offset\":0,\"totals\":{\"streams\":0,\"online\":0,\"fps_out\":0,\"viewers\":0,\"remote\":0,\"nodes\":0}}\n" {
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
		"/list":  `^{"streams":\[` + a(viewer) + `,` + b + `\],"matching":2,"offset":0,"totals":{"streams":2,"online":1,"fps_out":` + number + `,"viewers":1,"remote":0,"nodes":0}}\n$`,
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

// TestListQuery: a client gets the streams that it asks for, and how many there are of which.
func TestListQuery(t *testing.T) {
	f := newFixture(t, nil, nil)
	for i := range 10 {
		if err := f.hub.Add(fmt.Sprintf("Site-%d.cam", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Site-8.cam", "door"} {
		f.publish(t, f.publisher(t, name), images(t, 1)[0])
	}
	for range 2 {
		_, r := f.dial(t, "GET /stream/door.mjpg HTTP/1.1")
		m, _ := mjpegResponse(t, r)
		m.until(0)
	}
	const all = "Site-0 Site-1 Site-2 Site-3 Site-4 Site-5 Site-6 Site-7 Site-8 Site-9 door"
	for query, want := range map[string]string{
		"":                              all + " of 11 from 0",
		"access_token=x&_=17":           all + " of 11 from 0", // what others may add
		"limit=3":                       "Site-0 Site-1 Site-2 of 11 from 0",
		"limit=3&offset=9":              "Site-9 door of 11 from 9",
		"limit=3&offset=2147483647":     " of 11 from 11",
		"limit=0":                       " of 11 from 0",
		"search=SITE&limit=2&offset=8":  "Site-8 Site-9 of 10 from 8",
		"search=oo":                     "door of 1 from 0",
		"search=none":                   " of 0 from 0",
		"order=state&limit=2&offset=8":  "Site-9 Site-8 of 11 from 8",
		"order=viewers&limit=2":         "door Site-0 of 11 from 0",
		"near=Site-4.cam&limit=3":       "Site-3 Site-4 Site-5 of 11 from 3",
		"near=Site-0.cam&limit=3":       "Site-0 Site-1 Site-2 of 11 from 0",
		"near=door&limit=3":             "Site-9 door of 11 from 9",
		"near=Site-4.door&limit=2":      "Site-4 Site-5 of 11 from 4",
		"near=zebra&limit=3":            "door of 11 from 10",
		"near=door":                     all + " of 11 from 0",
		"near=Site-4.cam&search=-4":     "Site-4 of 1 from 0",
		"limit=-1":                      "limit",
		"limit=3000000000":              "limit",
		"offset=a%20few":                "offset",
		"order=size":                    "order",
		"near=%2F":                      "near",
		"near=door&order=fps":           "near",
		"near=door&offset=0":            "near",
		"near=door&order=name&limit=1x": "limit",
	} {
		resp, body := f.get(t, "GET", "/list?"+query)
		var list streamList
		if resp.StatusCode != 200 {
			if !strings.Contains(string(body), "the parameter "+want+": got ") {
				t.Errorf("%s: got %s, want the parameter %s to be refused", query, body, want)
			}
			continue
		}
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range list.Streams {
			names = append(names, strings.TrimSuffix(s.Name, ".cam"))
		}
		if got := fmt.Sprintf("%s of %d from %d", strings.Join(names, " "), list.Matching, list.Offset); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
		if got := list.Totals; got.Streams != 11 || got.Online != 2 || got.Viewers != 2 {
			t.Errorf("%s: got totals %+v, want 11 streams, 2 of them online, 2 viewers", query, got)
		}
	}
}

// TestListByRate: rates that a reader takes for the same do not make streams change places.
func TestListByRate(t *testing.T) {
	o := listQuery{order: "fps", limit: 10}
	got, _, _ := o.choose([]stream.Info{{Name: "a"}, {Name: "b", FPSIn: 9.8}, {Name: "c", FPSIn: 25}, {Name: "d", FPSIn: 10.3}})
	names := ""
	for _, i := range got {
		names += i.Name
	}
	if names != "cbda" {
		t.Errorf("got the order %s, want cbda", names)
	}
}
