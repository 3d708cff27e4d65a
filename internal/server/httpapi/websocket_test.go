package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
)

// TestWebSocket: a watched stream's images come with their data, and its state with each change.
func TestWebSocket(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	all := images(t, 20)
	c := f.websocket(t, nil)
	if c.Subprotocol() != "steadyframe.v1" {
		t.Errorf("got subprotocol %q", c.Subprotocol())
	}
	c.say(`{"op":"watch","stream":"cam1","id":4294967295}`)
	c.hear(`{"op":"state","id":4294967295,"stream":"cam1","state":"waiting","width":0,"height":0}`)
	begin := time.Now()
	for i := range all {
		f.publish(t, p, all[i])
		if i == 0 {
			c.hear(`{"op":"state","id":4294967295,"stream":"cam1","state":"online","width":64,"height":32}`)
		}
		got := c.image()
		for got.flags == flagRepeat && got.seq == uint64(i) { // which a still image is from a second on
			c.ack(got)
			got = c.image()
		}
		if got.id != math.MaxUint32 || got.seq != uint64(i+1) || got.flags != 0 || imageIndex(t, got.jpeg) != i {
			t.Fatalf("got image %d of %d, flags %d, with index %d, want %d of 4294967295", got.seq, got.id, got.flags, imageIndex(t, got.jpeg), i+1)
		}
		if got.captured.Before(begin.Add(-time.Millisecond)) || got.sent.Before(got.captured) || time.Now().Before(got.sent) {
			t.Errorf("got captured %v, sent %v, want that order, after %v", got.captured, got.sent, begin)
		}
		c.ack(got)
	}
	eventually(t, "all are delivered", func() bool {
		info, _ := f.hub.Info("cam1")
		return len(info.Viewers) == 1 && info.Viewers[0].Delivered == uint64(len(all)) && info.Viewers[0].Bytes > 0
	})
	c.say(`{"op":"unwatch","id":4294967295}`)
	eventually(t, "nobody watches", func() bool { return f.viewerCount("cam1") == 0 })
	f.publish(t, p, all[0])
	c.say(`{"op":"watch","stream":"cam1","id":1,"fps":1000}`) // The connection goes on.
	c.hear(`{"op":"state","id":1,"stream":"cam1","state":"online","width":64,"height":32}`)
	if got := c.image(); got.id != 1 || imageIndex(t, got.jpeg) != 0 {
		t.Errorf("got image %d of %d, want the newest of 1", got.seq, got.id)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	eventually(t, "the viewer is gone", func() bool { return f.viewerCount("cam1") == 0 })
}

// TestWebSocketUnacknowledged: at most two images are unacknowledged, and the newest comes after them.
func TestWebSocketUnacknowledged(t *testing.T) {
	t.Parallel()
	patience.Grow(t, time.Second, webSocketUnacknowledged)
}

func webSocketUnacknowledged(t testing.TB, limit time.Duration) {
	between := limit / 20
	f := newFixture(t, nil, stall(limit))
	p := f.publisher(t, "cam1")
	all := images(t, int(2*limit/between)+5)
	f.publish(t, p, all[0])
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"cam1","id":1}`)
	c.hear(`{"op":"state","id":1,"stream":"cam1","state":"online","width":64,"height":32}`)
	first := c.image()
	f.publish(t, p, all[1])
	second := c.image()
	if imageIndex(t, first.jpeg) != 0 || imageIndex(t, second.jpeg) != 1 {
		t.Fatalf("got %d and %d, want the first two", imageIndex(t, first.jpeg), imageIndex(t, second.jpeg))
	}
	// Much later than live.stall it is still there, since it responds to pings, and has no more: else an image would come
	// before the state that is asked for.
	got := make(chan string, 1)
	go func() {
		defer close(got)
		_, said := c.next() // It responds to pings meanwhile.
		got <- said
	}()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for i := 2; i < len(all); i++ {
		f.publish(t, p, all[i])
		<-tick.C
	}
	c.say(`{"op":"watch","stream":"other","id":2}`)
	if said := <-got; !strings.Contains(said, `"stream":"other","state":"unknown"`) {
		t.Fatalf("got %q, want no third picture", said)
	}
	c.ack(first)
	if third := c.image(); imageIndex(t, third.jpeg) != len(all)-1 {
		t.Errorf("got image %d, want the newest, %d", imageIndex(t, third.jpeg), len(all)-1)
	}
	info, _ := f.hub.Info("cam1")
	if v := info.Viewers[0]; v.Delivered != 1 || v.Dropped != uint64(len(all)-3) || v.Lag < 2*limit {
		t.Errorf("got %+v, want 1 delivered, %d dropped, and the lag of the acknowledgement", v, len(all)-3)
	}
}

// TestWebSocketUnknownStream: a stream that does not exist may be watched; its images come once it does.
func TestWebSocketUnknownStream(t *testing.T) {
	f := newFixture(t, nil, nil)
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"later","id":7}`)
	c.hear(`{"op":"state","id":7,"stream":"later","state":"unknown","width":0,"height":0}`)
	f.publish(t, f.publisher(t, "later"), images(t, 1)[0])
	_, said := c.next()
	for strings.Contains(said, `"state":"waiting"`) { // It was seen between its publisher and its image, perhaps with the image's size already.
		_, said = c.next()
	}
	if want := `{"op":"state","id":7,"stream":"later","state":"online","width":64,"height":32}`; said != want {
		t.Fatalf("got %q, want %q", said, want)
	}
	if got := c.image(); got.id != 7 {
		t.Errorf("got %d, want 7", got.id)
	}
}

// TestWebSocketFair: of several streams each gets its turn, though one would fill the connection.
func TestWebSocketFair(t *testing.T) {
	f := newFixture(t, nil, nil)
	c := f.websocket(t, nil)
	all := images(t, 200)
	const streams = 8
	var publishers [streams]*stream.Publisher
	for i := range publishers {
		name := fmt.Sprint("cam", i)
		publishers[i] = f.publisher(t, name)
		f.publish(t, publishers[i], all[0])
		c.say(`{"op":"watch","stream":%q,"id":%d}`, name, i+1)
	}
	got := [streams]int{}
	for total := 0; total < 400; {
		p, said := c.next()
		if said != "" {
			continue
		}
		got[p.id-1]++
		total++
		for i, publisher := range publishers {
			f.publish(t, publisher, all[total%len(all)])
			for again := 0; i == 0 && again < 20; again++ {
				f.publish(t, publisher, all[(total+again)%len(all)])
			}
		}
		c.ack(p)
	}
	for i, n := range got {
		if n < 25 {
			t.Errorf("stream %d: got %d of 400 images, want about 50 of each: %v", i, n, got)
		}
	}
}

// TestWebSocketViolations: a viewer that breaks the protocol is told how.
func TestWebSocketViolations(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "cam1")
	for _, tt := range []struct {
		name, text string
		binary     []byte
		want       string
	}{
		{"no-json", "hello", nil, "message: "},
		{"no-object", "[]", nil, "message: got array, want an object"},
		{"no-op", `{"id":1}`, nil, `op: got "", want watch, unwatch, listen or mute`},
		{"unknown-op", `{"op":"zzz","id":1}`, nil, `op: got "zzz"`},
		{"no-id", `{"op":"watch","stream":"cam1"}`, nil, "id of "},
		{"large-id", `{"op":"watch","stream":"cam1","id":4294967296}`, nil, "id: got number 4294967296, want uint32"},
		{"negative-fps", `{"op":"watch","stream":"cam1","id":1,"fps":-1}`, nil, "fps: got -1, want above 0"},
		{"long-text", `{"op":"` + strings.Repeat("é\"", 120) + `","id":1}`, nil, "message: "},
		{"same-id", `{"op":"watch","stream":"cam1","id":9}`, nil, "id of watch: got 9, which is watched already"},
		{"short-acknowledgement", "", make([]byte, 11), "acknowledgement: got 11 bytes, want 12"},
		{"too-long", `{"op":"watch","stream":"` + strings.Repeat("x", 2000) + `"}`, nil, "message: got more than 1024 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := f.websocket(t, nil)
			c.say(`{"op":"watch","stream":"cam1","id":9}`)
			kind, data := websocket.MessageText, []byte(tt.text)
			if tt.binary != nil {
				kind, data = websocket.MessageBinary, tt.binary
			}
			if err := c.Write(c.ctx, kind, data); err != nil {
				t.Fatal(err)
			}
			if code, reason := c.closed(); code != websocket.StatusPolicyViolation || !strings.HasPrefix(reason, tt.want) {
				t.Errorf("got %v %q, want 1008 %q", code, reason, tt.want)
			}
		})
	}
	eventually(t, "they are gone", func() bool { return f.viewerCount("cam1") == 0 })
}

// TestWebSocketRefusals: a stream that cannot be watched is refused alone.
func TestWebSocketRefusals(t *testing.T) {
	f := newFixture(t, nil, func(_ *config.Config, o *stream.Options) { o.MaxViewers = 1 })
	f.publisher(t, "a")
	f.publisher(t, "b")
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"a","id":1}`)
	c.hear(`{"op":"state","id":1,"stream":"a","state":"waiting","width":0,"height":0}`)
	c.say(`{"op":"watch","stream":"b","id":2}`)
	c.hear(`{"op":"error","id":2,"reason":"too many viewers (live.max_viewers: got 2, want at most 1)"}`)
	c.say(`{"op":"watch","stream":"no/name","id":3}`)
	if _, said := c.next(); !strings.HasPrefix(said, `{"op":"error","id":3,"reason":"bad stream name`) {
		t.Errorf("got %s", said)
	}
	c.say(`{"op":"unwatch","id":3}`) // It may not know yet.
	for i := range maxWatched - 1 {
		c.say(`{"op":"watch","stream":"none%d","id":%d}`, i, i+10)
		c.hear(fmt.Sprintf(`{"op":"state","id":%d,"stream":"none%d","state":"unknown","width":0,"height":0}`, i+10, i))
	}
	c.say(`{"op":"watch","stream":"one-more","id":4}`)
	c.hear(`{"op":"error","id":4,"reason":"too many streams on one connection: got one more than 64"}`)
	c.say(`{"op":"unwatch","id":1}`)
	c.say(`{"op":"watch","stream":"b","id":2}`)
	c.hear(`{"op":"state","id":2,"stream":"b","state":"waiting","width":0,"height":0}`)
}

// TestWebSocketHandshake: a request that is no WebSocket handshake, or comes from a page of another origin, is refused
// as other requests are.
func TestWebSocketHandshake(t *testing.T) {
	f := newFixture(t, nil, nil)
	resp, body := f.get(t, "GET", "/ws")
	if resp.Header.Get("Fault") != "invalid" || !strings.Contains(string(body), "does not contain Upgrade") {
		t.Errorf("got %v %q", resp.Header, body)
	}
	if len(resp.Header["Connection"])+len(resp.Header["Upgrade"]) != 0 {
		t.Errorf("got %v, want none of the headers that no response over HTTP/2 may have", resp.Header)
	}
	_, resp, err := websocket.Dial(t.Context(), scheme()+f.addr+"/ws", &websocket.DialOptions{HTTPClient: httpClient(), HTTPHeader: http.Header{"Origin": {"http://elsewhere.test"}}})
	if err == nil || resp.Header.Get("Fault") != "forbidden" {
		t.Errorf("a page of another origin: got %v, %v, want a refusal", resp, err)
	}
	f.websocket(t, func(o *websocket.DialOptions) { o.HTTPHeader = http.Header{"Origin": {scheme() + f.addr}} })
	f.engine.Drain()
	if resp, _ := f.get(t, "GET", "/ws"); resp.Header.Get("Fault") != "draining" {
		t.Errorf("got %v, want a refusal", resp.Header)
	}
}

// TestWebSocketDrain: viewers are told when the server stops.
func TestWebSocketDrain(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publisher(t, "cam1")
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"cam1","id":1}`)
	c.hear(`{"op":"state","id":1,"stream":"cam1","state":"waiting","width":0,"height":0}`)
	f.engine.Drain()
	if code, reason := c.closed(); code != websocket.StatusGoingAway || reason != "the server is stopping" {
		t.Errorf("got %v %q, want 1001", code, reason)
	}
}

// TestWebSocketSilence: a viewer that does not respond to pings is disconnected, and one that does is not.
func TestWebSocketSilence(t *testing.T) {
	t.Parallel()
	patience.Grow(t, 500*time.Millisecond, webSocketSilence)
}

func webSocketSilence(t testing.TB, limit time.Duration) {
	f := newFixture(t, nil, stall(limit))
	f.publisher(t, "cam1")
	quiet, lively := f.websocket(t, nil), f.websocket(t, nil)
	for _, c := range []*client{quiet, lively} {
		c.say(`{"op":"watch","stream":"cam1","id":1}`)
		c.hear(`{"op":"state","id":1,"stream":"cam1","state":"waiting","width":0,"height":0}`)
	}
	go func() { _, _, _ = lively.Read(lively.ctx) }() // Pings are answered while it reads.
	eventually(t, "the silent one is gone", func() bool { return f.viewerCount("cam1") == 1 })
	if err := lively.Ping(lively.ctx); err != nil {
		t.Errorf("the other: %v", err)
	}
	eventually(t, "the log says why", func() bool {
		return strings.Contains(f.log.String(), "level=WARN") && strings.Contains(f.log.String(), "did not answer pings")
	})
}

// TestWebSocketStalled: a viewer that reads nothing is disconnected, as one of MJPEG is.
func TestWebSocketStalled(t *testing.T) {
	f := newFixture(t, nil, stall(100*time.Millisecond))
	f.publish(t, f.publisher(t, "cam1"), large())
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"cam1","id":1}`)
	eventually(t, "the log says why", func() bool {
		return strings.Contains(f.log.String(), "transport=websocket") && strings.Contains(f.log.String(), "kind=slow")
	})
	eventually(t, "it is gone", func() bool { return f.viewerCount("cam1") == 0 })
}

// TestWebSocketPingInsideImage: the response to a ping waits for the image that is being written.
func TestWebSocketPingInsideImage(t *testing.T) {
	f := newFixture(t, nil, nil)
	f.publish(t, f.publisher(t, "cam1"), large())
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"cam1","id":1}`)
	if _, said := c.next(); !strings.Contains(said, "online") {
		t.Fatalf("got %s", said)
	}
	_, r, err := c.Reader(c.ctx) // The image has begun, and cannot go on before it is read.
	if err != nil {
		t.Fatal(err)
	}
	ponged := make(chan error, 1)
	go func() { ponged <- c.Ping(c.ctx) }()
	data, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(data[headBytes:], large()) {
		t.Errorf("got %d bytes, %v, want the picture", len(data), err)
	}
	go func() { // The pong is read while something is; repeats of the image may come before it.
		for {
			if _, _, err := c.Read(c.ctx); err != nil {
				return
			}
		}
	}()
	if err := <-ponged; err != nil {
		t.Error(err)
	}
}

// TestParseText: what viewers say, in all spellings of JSON.
func TestParseText(t *testing.T) {
	for text, want := range map[string]message{
		`{"op":"watch","stream":"a","id":1}`:                 {op: opWatch, id: 1, stream: "a"},
		` {"id":2, "fps":12.5, "stream":"b", "op":"watch"} `: {op: opWatch, id: 2, stream: "b", fps: 12.5},
		`{"op":"watch","stream":"a","id":1,"fps":null}`:      {op: opWatch, id: 1, stream: "a"},
		`{"op":"unwatch","id":4294967295,"later":[{}]}`:      {op: opUnwatch, id: math.MaxUint32},
	} {
		if got, f := parseText([]byte(text)); f != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, f, want)
		}
	}
}

// TestStateMessage: the order of its fields is part of the protocol's examples.
func TestStateMessage(t *testing.T) {
	data, err := json.Marshal(stateMessage{"state", 3, "cam1", "online", 640, 360})
	if want := `{"op":"state","id":3,"stream":"cam1","state":"online","width":640,"height":360}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
}

// TestWebSocketSound: a viewer that listens gets the sound of its stream, whenever there is some, until it is mute; images go on.
func TestWebSocketSound(t *testing.T) {
	f := newFixture(t, nil, nil)
	p := f.publisher(t, "cam1")
	f.publish(t, p, images(t, 1)[0])
	c := f.websocket(t, nil)
	c.say(`{"op":"watch","stream":"cam1","id":7}`)
	c.hear(`{"op":"state","id":7,"stream":"cam1","state":"online","width":64,"height":32}`)
	c.ack(c.image())
	c.say(`{"op":"listen","id":7}`) // There is none yet.
	format := stream.SoundFormat{Rate: 16000, Channels: 2}
	for range 2 { // It comes again after its end.
		ring, err := f.pool.Get(stream.SoundBytes(format))
		if err != nil {
			t.Fatal(err)
		}
		speaker, err := f.hub.PublishSound("cam1", format, ring)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the viewer listens", func() bool { return f.hub.Listeners() == 1 })
		captured := time.Now().Add(-time.Second).Truncate(time.Microsecond)
		want := bytes.Repeat([]byte{1, 2, 3, 4}, 400)
		if err := speaker.Publish(want, captured); err != nil {
			t.Fatal(err)
		}
		for heard := false; !heard; {
			kind, data, err := c.Read(c.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if kind == websocket.MessageText || data[1] != 8 {
				continue // an image, repeated
			}
			heard = true
			head := data[:40]
			if head[0] != 1 || binary.BigEndian.Uint16(head[2:]) != 40 || binary.BigEndian.Uint32(head[4:]) != 7 ||
				time.UnixMicro(int64(binary.BigEndian.Uint64(head[16:]))).Sub(captured).Abs() > time.Millisecond ||
				binary.BigEndian.Uint32(head[32:]) != 16000 || binary.BigEndian.Uint16(head[36:]) != 2 || !bytes.Equal(data[40:], want) {
				t.Errorf("got the head % x and %d bytes, want stream 7, 16000 Hz, 2 channels, %d bytes", head, len(data)-40, len(want))
			}
		}
		speaker.Close()
		eventually(t, "it has ended for the viewer", func() bool { return f.hub.Listeners() == 0 })
	}
	c.say(`{"op":"mute","id":7}`)
	c.say(`{"op":"unwatch","id":7}`)
	eventually(t, "nobody watches", func() bool { return f.viewerCount("cam1") == 0 && f.hub.Listeners() == 0 })
	c.say(`{"op":"mute","id":7}`) // on its way when it was unwatched
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}
