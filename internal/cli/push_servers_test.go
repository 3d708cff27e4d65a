package cli

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pushTo returns a Push of frames at 25 a second to several servers, by host, in the order of their names; asked has those that are asked, in order.
func pushTo(t *testing.T, frames int, servers map[string]*fakeServer) (p *Push, asked, notices *[]string) {
	t.Helper()
	asked, notices = new([]string), new([]string)
	p = newPush(t, &numbered{frames: frames}, 25, &fakeServer{})
	var urls []string
	for host := range servers {
		urls = append(urls, "http://"+host)
	}
	slices.Sort(urls)
	var err error
	if p.Targets, err = ParsePushTargets(urls, "cam", "-"); err != nil {
		t.Fatal(err)
	}
	p.send = func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r.URL.Host)
		return servers[r.URL.Host].send(r)
	}
	p.Notice = func(text string) { *notices = append(*notices, text) }
	return p, asked, notices
}

// TestPushFailsOver: when the server that has the stream is lost, the next one gets it, at once and without a frame lost; when that is
// lost too, the first one again.
func TestPushFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fails(syscall.ECONNREFUSED)
		a := &fakeServer{attempts: []attempt{takes(60, down), takes(0, nil)}}
		b := &fakeServer{attempts: []attempt{takes(60, down), down}}
		p, asked, notices := pushTo(t, 180, map[string]*fakeServer{"a:1": a, "b:1": b})
		start := time.Now()
		sum, err := p.Run(t.Context())
		if err != nil || sum.Frames != 180 || sum.Dropped != 0 || sum.Reconnects != 2 {
			t.Errorf("got %+v, error %v, want 180 frames and 2 reconnects", sum, err)
		}
		if took := time.Since(start); took > 180*40*time.Millisecond {
			t.Errorf("it took %v, want no longer than without a loss", took)
		}
		if got := string(a.got[:60]) + string(b.got) + string(a.got[60:]); got != string(ascend(180)) {
			t.Errorf("got frames %v on a, %v on b, want each once, in order", a.got, b.got)
		}
		if want := []string{"a:1", "b:1", "a:1"}; !slices.Equal(*asked, want) {
			t.Errorf("asked %v, want %v", *asked, want)
		}
		want := []string{
			"lost a:1 (connection refused): trying b:1", "connected to b:1 after 0s",
			"lost b:1 (connection refused): trying a:1", "connected to a:1 after 0s",
		}
		if !slices.Equal(*notices, want) {
			t.Errorf("got notices %q, want %q", *notices, want)
		}
	})
}

// TestPushNoServer: servers that cannot be reached are each told of once, with why; between rounds there is a pause.
func TestPushNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fakeServer{attempts: []attempt{fails(syscall.ECONNREFUSED)}}
		b := &fakeServer{attempts: []attempt{fails(syscall.EHOSTUNREACH), fails(syscall.EHOSTUNREACH), takes(0, nil)}}
		p, asked, notices := pushTo(t, 5, map[string]*fakeServer{"a:1": a, "b:1": b})
		if sum, err := p.Run(t.Context()); err != nil || sum.Frames != 5 {
			t.Errorf("got %+v, error %v, want 5 frames", sum, err)
		}
		if want := []string{"a:1", "b:1", "a:1", "b:1", "a:1", "b:1"}; !slices.Equal(*asked, want) {
			t.Fatalf("asked %v, want %v", *asked, want)
		}
		if !a.times[0].Equal(b.times[0]) || a.times[1].Sub(b.times[0]) < firstDelay/2 || !a.times[1].Equal(b.times[1]) {
			t.Errorf("asked a at %v, b at %v, want both at once, then a pause", a.times, b.times)
		}
		notice := fmt.Sprint((*notices)[:min(2, len(*notices))])
		if len(*notices) != 3 || notice != "[cannot reach a:1 (connection refused): trying b:1 cannot reach b:1 (no route to host): trying again]" || !strings.HasPrefix((*notices)[2], "connected to b:1 after ") {
			t.Errorf("got notices %q, want one of each server, and that b is there", *notices)
		}
	})
}

// TestPushServerRefuses: a server that refuses the stream for good is left out, and named; where all do, or another has the stream, that ends
// the run.
func TestPushServerRefuses(t *testing.T) {
	forbidden := respond(http.StatusForbidden, `{"detail":"not yours"}`)
	const why = "a:1 refuses the stream (403 Forbidden): not yours: use a token that may publish this stream"
	for name, tt := range map[string]struct {
		a, b  attempt
		asked string
		want  string // of the error; empty: none
	}{
		"one":      {forbidden, takes(0, nil), "[a:1 b:1]", ""},
		"all":      {forbidden, respond(http.StatusUnauthorized, "who?"), "[a:1 b:1]", "no server takes the stream: " + why + "; b:1 refuses the stream (401 Unauthorized): who?: give"},
		"conflict": {respond(http.StatusConflict, "taken"), takes(0, nil), "[a:1]", "a:1 refuses the stream (409 Conflict): taken: "},
		"last":     {fails(syscall.ECONNREFUSED), forbidden, "[a:1 b:1 a:1 a:1]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &fakeServer{attempts: []attempt{tt.a}}
				if name == "last" {
					a.attempts = append(a.attempts, tt.a, takes(0, nil))
				}
				p, asked, notices := pushTo(t, 5, map[string]*fakeServer{"a:1": a, "b:1": {attempts: []attempt{tt.b}}})
				sum, err := p.Run(t.Context())
				if fmt.Sprint(*asked) != tt.asked {
					t.Errorf("asked %v, want %s", *asked, tt.asked)
				}
				if tt.want == "" {
					if err != nil || sum.Frames != 5 {
						t.Errorf("got %+v, error %v, want 5 frames", sum, err)
					}
					if name == "one" && !slices.Equal(*notices, []string{why + ": trying b:1"}) {
						t.Errorf("got notices %q, want why a is left out", *notices)
					}
					return
				}
				var refused *PushRefusedError
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !errors.As(err, &refused) {
					t.Errorf("got error %v, want %s", err, tt.want)
				}
			})
		})
	}
}

func TestParsePushTargets(t *testing.T) {
	for _, tt := range []struct{ urls, name, want string }{
		{"http://a http://b:81", "", "http://a cam, http://b:81 cam"},
		{"http://a https://b/v1/streams/door", "", "http://a door, https://b door"},
		{"http://a/v1/streams/door http://b/x/v1/streams/door", "door", "http://a door, http://b/x door"},
		{"http://a/v1/streams/door http://b/v1/streams/yard", "", "the URLs name the streams door and yard: want one name"},
		{"http://a http://b/v1/streams/yard", "door", "the URL names the stream yard, and --stream door: want one name"},
		{"http://a unix:/s http://a/", "", "the server a is given twice: want each once"},
		{"http://a b", "", "the URL is b, want one such as http://127.0.0.1:8080, or unix:/path"},
	} {
		targets, err := ParsePushTargets(strings.Fields(tt.urls), tt.name, "cam.mp4")
		var list []string
		for _, target := range targets {
			list = append(list, target.base.String()+" "+target.Stream)
		}
		got := strings.Join(list, ", ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.urls, got, tt.want)
		}
	}
}

// TestTrustAll: what is to be trusted is for servers that are asked over HTTPS, of which there must be one.
func TestTrustAll(t *testing.T) {
	for urls, ok := range map[string]bool{"http://a https://b": true, "https://a https://b": true, "http://a http://b": false} {
		targets, err := ParsePushTargets(strings.Fields(urls), "", "-")
		if err != nil {
			t.Fatal(err)
		}
		if err := TrustAll(targets, "", true); (err == nil) != ok {
			t.Errorf("%s: got %v", urls, err)
		}
		for _, target := range targets {
			if ok && (target.tls != nil) != (target.base.Scheme == "https") {
				t.Errorf("%s: %s has %v", urls, target, target.tls)
			}
		}
	}
}
