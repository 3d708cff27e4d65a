package soak

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// liveFPS is the rate of all live streams of the soak.
const liveFPS = 25

// The live streams of the soak, by how they are published. The last is the one whose source is lost and comes back.
const (
	liveOverGRPC = "cam-grpc"
	liveOverHTTP = "cam-http"
	liveByPush   = "cam-push"
	liveLost     = "cam-lost"
)

var liveNames = []string{liveOverGRPC, liveOverHTTP, liveByPush, liveLost}

// live is the live streams of the soak and their healthy viewers.
type live struct {
	s     *served
	rings map[string]*ring
	tally *tally

	ctx    context.Context // of all of it
	end    context.CancelFunc
	all    sync.WaitGroup
	pushed *pushing
}

// startLive publishes the streams, and watches each over every transport. seed decides when sources are lost.
func startLive(t testing.TB, s *served, rings map[string]*ring, tally *tally, seed uint64) *live {
	t.Helper()
	l := &live{s: s, rings: rings, tally: tally}
	l.ctx, l.end = context.WithCancel(context.Background())
	l.pushed = push(t, "-", "http://"+s.HTTP, "--stream", liveByPush, "--format", "bgr24", "--size", "320x180", "--quality", "80")
	l.keep("publisher over gRPC", l.publishGRPC)
	l.keep("publisher over HTTP", l.publishHTTP)
	l.keep("steadyframe push", l.pushFrames)
	l.keep("source that is lost", func() error { return l.publishLost(rand.New(rand.NewPCG(seed, 0))) })
	for _, name := range liveNames {
		daemon.WaitFor(t, "the stream "+name, func() bool { return s.Stream(t, name).State == "online" })
		for transport, watch := range map[string]func(*watching) error{
			"mjpeg": l.watchMJPEG, "websocket": l.watchWebSocket, "watch": l.watchGRPC, "snapshot": l.watchSnapshots,
		} {
			l.keep(transport+" viewer of "+name, func() error { return watch(l.watching(name, transport)) })
		}
	}
	return l
}

// keep runs f until the end; that it ends before is a failure.
func (l *live) keep(who string, f func() error) {
	l.all.Go(func() {
		if err := f(); l.ctx.Err() == nil {
			l.tally.failed(who, reason(err))
		}
	})
}

// reason returns why something ended that should go on.
func reason(err error) error {
	if err == nil {
		return errors.New("ended without an error")
	}
	return err
}

// stop ends the viewers and the publishers.
func (l *live) stop(t testing.TB) {
	t.Helper()
	l.end()
	l.all.Wait()
	l.pushed.wantSuccess()
}

// each calls f with the number of each frame when it is due, until the end or an error.
func (l *live) each(ctx context.Context, r *ring, f func(number int, due time.Time) error) error {
	tick := time.NewTicker(time.Second / liveFPS)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case due := <-tick.C:
			if err := f(n%len(r.frames), due); err != nil {
				return err
			}
		}
	}
}

func (l *live) publishGRPC() error {
	c, err := client.Dial(l.s.GRPC, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	r := l.rings[liveOverGRPC]
	p, err := c.Publish(l.ctx, liveOverGRPC, r.spec, nil)
	if err != nil {
		return err
	}
	return l.each(l.ctx, r, func(n int, due time.Time) error { return p.SendCaptured(due, r.frames[n]) })
}

func (l *live) publishHTTP() error { return l.publishJPEGs(l.ctx, liveOverHTTP) }

// publishJPEGs publishes the images of a stream's ring as they are, until ctx ends, and then breaks off inside one.
func (l *live) publishJPEGs(ctx context.Context, name string) error {
	conn, err := net.Dial("tcp", l.s.HTTP)
	if err != nil {
		return err
	}
	defer conn.Close()
	const endless = 1 << 50
	if _, err := fmt.Fprintf(conn, "POST /v1/streams/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/x-motion-jpeg\r\nContent-Length: %d\r\n\r\n",
		name, int64(endless)); err != nil {
		return err
	}
	r := l.rings[name]
	err = l.each(ctx, r, func(n int, _ time.Time) error {
		_, err := conn.Write(r.images[n])
		return err
	})
	if ctx.Err() != nil {
		_, _ = conn.Write(r.images[0][:len(r.images[0])/2]) // It is being broken off.
	}
	return err
}

// publishLost is publishJPEGs with pauses: of a publisher that dies and comes back.
func (l *live) publishLost(random *rand.Rand) error {
	for {
		there := time.Duration(1000+random.IntN(6000)) * time.Millisecond
		away := time.Duration(200+random.IntN(4000)) * time.Millisecond // offline is what lasts longer than 1.5 s
		ctx, cancel := context.WithTimeout(l.ctx, there)
		err := l.publishJPEGs(ctx, liveLost)
		over := ctx.Err()
		cancel()
		if over == nil {
			return err
		}
		select {
		case <-l.ctx.Done():
			return nil
		case <-time.After(away):
		}
	}
}

func (l *live) pushFrames() error {
	r := l.rings[liveByPush]
	return l.each(l.ctx, r, func(n int, _ time.Time) error {
		_, err := l.pushed.stdin.Write(r.frames[n])
		return err
	})
}

// watching is what one viewer of a stream has seen.
type watching struct {
	name, transport string
	ring            *ring
	tally           *tally
	last            uint64 // the sequence of the newest image
}

func (l *live) watching(name, transport string) *watching {
	return &watching{name: name, transport: transport, ring: l.rings[name], tally: l.tally}
}

// sighting is one image as a viewer is given it.
type sighting struct {
	seq      uint64 // 0: not told
	captured time.Time
	offline  bool
	jpeg     []byte
}

// saw looks at an image: it must be one of the stream's, unless it says that the source is lost, and never older than
// one before.
func (w *watching) saw(p sighting) error {
	if !p.offline {
		if _, known := w.ring.numbers[string(p.jpeg)]; !known {
			index, err := w.ring.index(p.jpeg)
			return &mixedError{fmt.Sprintf("of stream %s: got %d bytes that are none of its images; they carry index %d (%v)", w.name, len(p.jpeg), index, err)}
		}
	}
	if p.seq < w.last && p.seq > 0 {
		return &mixedError{fmt.Sprintf("of stream %s: got number %d after %d", w.name, p.seq, w.last)}
	}
	if (p.seq > w.last || p.seq == 0) && !p.offline && w.name != liveLost { // Of a lost source the newest image may be old.
		w.tally.saw(w.transport, time.Since(p.captured))
	}
	w.last = max(w.last, p.seq)
	return nil
}

// watchMJPEG watches over HTTP.
func (l *live) watchMJPEG(w *watching) error {
	conn, err := net.Dial("tcp", l.s.HTTP)
	if err != nil {
		return err
	}
	defer context.AfterFunc(l.ctx, func() { conn.Close() })()
	if _, err := fmt.Fprintf(conn, "GET /stream/%s.mjpg?extra_headers=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", w.name); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	return eachMJPEG(response.Body, w.saw)
}

// eachMJPEG calls f with the parts of multipart/x-mixed-replace until it returns an error or there are no more.
func eachMJPEG(body io.Reader, f func(sighting) error) error {
	in := bufio.NewReaderSize(body, 64<<10)
	text := textproto.NewReader(in)
	var data []byte
	for {
		if _, err := text.ReadLine(); err != nil { // --frame
			return err
		}
		head, err := text.ReadMIMEHeader()
		if err != nil {
			return err
		}
		size, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil {
			return err
		}
		data = append(data[:0], make([]byte, size)...)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		p := sighting{jpeg: data, captured: timestamp(head.Get("X-Timestamp")), offline: head.Get("X-Steadyframe-Online") == "false"}
		if p.seq, err = strconv.ParseUint(head.Get("X-Steadyframe-Sequence"), 10, 64); err != nil {
			return err
		}
		if _, err := text.ReadLine(); err != nil { // the end of the image's line
			return err
		}
		if err := f(p); err != nil {
			return err
		}
	}
}

// timestamp reads seconds since the Unix epoch.
func timestamp(text string) time.Time {
	seconds, _ := strconv.ParseFloat(text, 64) // What is wrong shows as a lag of decades.
	return time.UnixMicro(int64(seconds * 1e6))
}

// watchWebSocket watches over a WebSocket and acknowledges each image.
func (l *live) watchWebSocket(w *watching) error {
	ws, _, err := websocket.Dial(l.ctx, "ws://"+l.s.HTTP+"/ws", &websocket.DialOptions{Subprotocols: []string{"steadyframe.v1"}})
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	ws.SetReadLimit(-1)
	if err := ws.Write(l.ctx, websocket.MessageText, fmt.Appendf(nil, `{"op":"watch","stream":%q,"id":7}`, w.name)); err != nil {
		return err
	}
	for {
		kind, data, err := ws.Read(l.ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText {
			continue
		}
		if len(data) < 32 {
			return fmt.Errorf("got a message of %d bytes, want a head of 32", len(data))
		}
		if err := ws.Write(l.ctx, websocket.MessageBinary, data[4:16]); err != nil {
			return err
		}
		captured := time.UnixMicro(int64(binary.BigEndian.Uint64(data[16:])))
		if err := w.saw(sighting{binary.BigEndian.Uint64(data[8:]), captured, data[1]&1 != 0, data[32:]}); err != nil {
			return err
		}
	}
}

// watchGRPC watches over gRPC.
func (l *live) watchGRPC(w *watching) error {
	c, err := client.Dial(l.s.GRPC, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	watcher, err := c.Watch(l.ctx, w.name, nil)
	if err != nil {
		return err
	}
	var p client.LiveImage
	for {
		if err := watcher.Next(&p); err != nil {
			return err
		}
		if err := w.saw(sighting{p.Seq, p.Captured, p.Offline, p.Data}); err != nil {
			return err
		}
	}
}

// watchSnapshots asks for the newest image twice a second. While a source is lost there is none.
func (l *live) watchSnapshots(w *watching) error {
	h := newPoster(l.s)
	defer h.close()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return nil
		case <-tick.C:
		}
		request, err := http.NewRequestWithContext(l.ctx, http.MethodGet, "http://"+l.s.HTTP+"/snapshot/"+w.name+".jpg", nil)
		if err != nil {
			return err
		}
		response, err := h.Do(request)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch {
		case err != nil:
			return err
		case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
			continue // offline
		case response.StatusCode != http.StatusOK:
			return fmt.Errorf("snapshot: %s: %.200s", response.Status, data)
		}
		if err := w.saw(sighting{captured: timestamp(response.Header.Get("X-Timestamp")), jpeg: data}); err != nil {
			return err
		}
	}
}
