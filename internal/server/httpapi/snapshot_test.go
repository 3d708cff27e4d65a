package httpapi

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/pool"
)

// TestSnapshot: the newest image, whole, with what is known of it.
func TestSnapshot(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 2)
	f.publish(t, p, all[0])
	f.publish(t, p, all[1])
	resp, body := f.get(t, "GET", "/snapshot/cam1.jpg")
	if !bytes.Equal(body, all[1]) {
		t.Errorf("got %d bytes that are not the newest picture", len(body))
	}
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "Cache-Control": "no-store", "X-Steadyframe-Width": "64", "X-Steadyframe-Height": "32", "X-Steadyframe-Online": "true",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if resp.ContentLength != int64(len(body)) || len(resp.TransferEncoding) != 0 {
		t.Errorf("got Content-Length %d, %v, want %d", resp.ContentLength, resp.TransferEncoding, len(body))
	}
	if v := resp.Header.Get("X-Timestamp"); len(v) != len("1700000000.000000") {
		t.Errorf("X-Timestamp: got %q, want seconds and microseconds", v)
	}
	eventually(t, "it counts as a viewer no more", func() bool { return f.viewerCount("cam1") == 0 })

	head, none := f.get(t, "HEAD", "/snapshot/cam1.jpg")
	if head.ContentLength != int64(len(body)) || len(none) != 0 {
		t.Errorf("HEAD: got length %d and %d bytes, want %d and none", head.ContentLength, len(none), len(body))
	}
	same, none := f.get(t, "GET", "/snapshot/cam1.jpg", "If-None-Match", resp.Header.Get("ETag"))
	if same.StatusCode != http.StatusNotModified || len(none) != 0 {
		t.Errorf("the same again: got %s and %d bytes, want 304 and none", same.Status, len(none))
	}
	f.publish(t, p, all[0])
	if other, body := f.get(t, "GET", "/snapshot/cam1.jpg", "If-None-Match", resp.Header.Get("ETag")); !bytes.Equal(body, all[0]) {
		t.Errorf("a newer one: got %s and %d bytes, want the picture", other.Status, len(body))
	}
}

// TestSnapshotWaits: a stream that nobody watches is not encoded; a snapshot makes somebody watch, and waits.
func TestSnapshotWaits(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 2)
	f.publish(t, p, all[0])
	p.Skip()
	go func() {
		<-p.Wanted()
		f.publish(t, p, all[1])
	}()
	if _, body := f.get(t, "GET", "/snapshot/cam1.jpg"); !bytes.Equal(body, all[1]) {
		t.Errorf("got %d bytes, want the fresh image of %d", len(body), len(all[1]))
	}
}

// TestSnapshotMaxAge: where the newest image is too old, the next one is waited for.
func TestSnapshotMaxAge(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 2)
	b, err := f.pool.Get(len(all[0]))
	if err != nil {
		t.Fatal(err)
	}
	copy(b.Bytes(), all[0])
	if err := p.Publish(stream.Image{Buf: b, Captured: time.Now().Add(-time.Minute)}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{"": all[0], "?max_age=61": all[0], "?max_age=2m": all[0]} {
		if _, body := f.get(t, "GET", "/snapshot/cam1.jpg"+path); !bytes.Equal(body, want) {
			t.Errorf("%s: got %d bytes, want the old picture", path, len(body))
		}
	}
	eventually(t, "those before are gone", func() bool { return f.viewerCount("cam1") == 0 })
	fresh := make(chan struct{})
	go func() {
		defer close(fresh)
		eventually(t, "someone waits", func() bool { return f.viewerCount("cam1") == 1 })
		f.publish(t, p, all[1])
	}()
	if _, body := f.get(t, "GET", "/snapshot/cam1.jpg?max_age=0.5"); !bytes.Equal(body, all[1]) {
		t.Errorf("got %d bytes, want the fresh picture", len(body))
	}
	<-fresh
	for _, q := range []string{"max_age=x", "max_age=-1", "offline=maybe"} {
		if resp, _ := f.get(t, "GET", "/snapshot/cam1.jpg?"+q); resp.Header.Get("Fault") != "invalid" {
			t.Errorf("%s: got %v, want a refusal", q, resp.Header)
		}
	}
}

// TestNoSnapshot: a stream without an image says so, and since when.
func TestNoSnapshot(t *testing.T) {
	offline := []byte("\xff\xd8 offline \xff\xd9")
	var from *pool.Pool
	f := newFixture(t, nil, func(c *config.Config, o *stream.Options) {
		c.Timeout.Queue = config.Duration(100 * time.Millisecond)
		o.OfflineAfter = 50 * time.Millisecond
		o.Offline = func(string, int, int) (pool.Buf, error) {
			b, err := from.Get(len(offline))
			copy(b.Bytes(), offline)
			return b, err
		}
	})
	from = f.pool
	if err := f.hub.Add("lost"); err != nil {
		t.Fatal(err)
	}
	if resp, body := f.get(t, "GET", "/snapshot/none.jpg"); resp.Header.Get("Fault") != "not_found" {
		t.Errorf("got %q, want no such stream", body)
	}
	p := f.publisher(t, "lost")
	f.publish(t, p, images(t, 1)[0])
	p.Close()
	eventually(t, "it is offline", func() bool { info, _ := f.hub.Info("lost"); return info.State == stream.Offline })
	var resp *http.Response
	var body []byte
	eventually(t, "it is said to be offline", func() bool { // once the image that says so is there
		resp, body = f.get(t, "GET", "/snapshot/lost.jpg")
		return resp.Header.Get("Fault") == "offline"
	})
	if !strings.Contains(string(body), "stream lost has been offline since 20") {
		t.Errorf("got %q, want that it is offline", body)
	}
	eventually(t, "the image that says so is there", func() bool {
		resp, body = f.get(t, "GET", "/snapshot/lost.jpg?offline=image")
		return resp.StatusCode == http.StatusOK
	})
	if !bytes.Equal(body, offline) || resp.Header.Get("X-Steadyframe-Online") != "false" {
		t.Errorf("got %d bytes and %v, want the image that says that the source is lost", len(body), resp.Header)
	}
}

// TestSnapshotOfAJustLostSource: between the loss of a source and the image that says so, a snapshot is not the last image.
func TestSnapshotOfAJustLostSource(t *testing.T) {
	offline := []byte("\xff\xd8 offline \xff\xd9")
	var from *pool.Pool
	var may atomic.Bool // whether the image that says so can be made
	f := newFixture(t, nil, func(c *config.Config, o *stream.Options) {
		c.Timeout.Queue = config.Duration(2 * time.Minute)
		o.OfflineAfter = 50 * time.Millisecond
		o.Offline = func(string, int, int) (pool.Buf, error) {
			if !may.Load() {
				return pool.Buf{}, pool.ErrBudget
			}
			b, err := from.Get(len(offline))
			copy(b.Bytes(), offline)
			return b, err
		}
	})
	from = f.pool
	if err := f.hub.Add("lost"); err != nil {
		t.Fatal(err)
	}
	p := f.publisher(t, "lost")
	f.publish(t, p, images(t, 1)[0])
	p.Close()
	eventually(t, "it is offline", func() bool { info, _ := f.hub.Info("lost"); return info.State == stream.Offline })
	if resp, body := f.get(t, "GET", "/snapshot/lost.jpg"); resp.Header.Get("Fault") != "offline" {
		t.Errorf("got %s and %d bytes, want that it is offline", resp.Status, len(body))
	}
	waiting := make(chan []byte)
	go func() {
		_, body := f.get(t, "GET", "/snapshot/lost.jpg?offline=image")
		waiting <- body
	}()
	eventually(t, "one waits for the image that says so", func() bool { return f.viewerCount("lost") == 1 })
	may.Store(true)
	if body := <-waiting; !bytes.Equal(body, offline) {
		t.Errorf("offline=image: got %d bytes, want the image that says that the source is lost", len(body))
	}
}

// TestSnapshotReadSlowly: a caller that keeps reading gets all of it, however much longer than live.stall that takes.
func TestSnapshotReadSlowly(t *testing.T) {
	t.Parallel()
	patience.Grow(t, time.Second, snapshotReadSlowly)
}

func snapshotReadSlowly(t testing.TB, limit time.Duration) {
	f := newFixture(t, nil, stall(limit))
	f.publish(t, f.publisher(t, "cam1"), large())
	_, r := f.dial(t, "GET /snapshot/cam1.jpg HTTP/1.1")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	tick := time.NewTicker(limit / 50)
	defer tick.Stop()
	total := int64(0)
	for err == nil {
		<-tick.C
		var n int64
		n, err = io.CopyN(io.Discard, resp.Body, 128<<10)
		total += n
	}
	if took := time.Since(begin); total != int64(len(large())) || took < 2*limit {
		t.Errorf("got %d bytes in %v, %v, want %d in more than %v", total, took, err, len(large()), 2*limit)
	}
}

// TestFirstSnapshot: right after a stream's start, the first image is waited for, past the image that says that there is none
// yet. Where the source is known to be lost, nobody waits.
func TestFirstSnapshot(t *testing.T) {
	var from *pool.Pool
	f := newFixture(t, nil, func(c *config.Config, o *stream.Options) {
		c.Timeout.Queue = config.Duration(time.Minute)
		o.OfflineAfter = 10 * time.Millisecond
		o.Offline = func(string, int, int) (pool.Buf, error) { return from.Get(16) }
	})
	from = f.pool
	p := f.publisher(t, "new")
	got := make(chan []byte, 1)
	go func() {
		_, body := f.get(t, "GET", "/snapshot/new.jpg")
		got <- body
	}()
	eventually(t, "the image that says that there is none", func() bool {
		resp, _ := f.get(t, "GET", "/snapshot/new.jpg?offline=picture") // the old name
		return resp.StatusCode == http.StatusOK
	})
	eventually(t, "somebody waits", func() bool { return f.viewerCount("new") == 1 })
	first := images(t, 1)[0]
	f.publish(t, p, first)
	if body := <-got; !bytes.Equal(body, first) {
		t.Errorf("got %q, want the first image", body[:min(len(body), 200)])
	}

	f.publisher(t, "gone").Lost("no route to host", time.Hour)
	if resp, body := f.get(t, "GET", "/snapshot/gone.jpg"); resp.Header.Get("Fault") != "offline" || !strings.Contains(string(body), "its source is lost: no route to host") {
		t.Errorf("a lost source: got %q, want why", body)
	}
}
