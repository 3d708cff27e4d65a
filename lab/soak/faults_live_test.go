package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"

	"github.com/steadyframe/steadyframe/client"
)

// liveMisuses are ways to misuse live streams: as a viewer, and as a publisher.
var liveMisuses = []misuse{
	{"ws-wrong-message", wsWrongMessage},
	{"ws-noise", wsNoise},
	{"viewer-reads-nothing", viewerReadsNothing},
	{"viewer-slow", viewerSlow},
	{"viewer-dies", viewerDies},
	{"viewer-of-nothing", viewerOfNothing},
	{"watch-reads-nothing", watchReadsNothing},
	{"publish-broken-jpegs", publishBrokenJPEGs},
	{"publish-wrong-planes", publishWrongPlanes},
	{"publish-dies", publishDies},
	{"publish-taken-over", publishTakenOver},
}

// stray is the name of a stream that only misusers publish: there are few, so that they take over from each other.
func (m *misuser) stray() string { return fmt.Sprintf("stray-%d", m.random.IntN(6)) }

// camera is the name of a stream that healthy viewers watch.
func (m *misuser) camera() string { return liveNames[m.random.IntN(len(liveNames))] }

// wsWrongMessage: a viewer that breaks the protocol is disconnected with a close frame.
func wsWrongMessage(m *misuser) error {
	ctx, cancel := context.WithTimeout(m.ctx, responseTime)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+m.s.HTTP+"/ws", &websocket.DialOptions{Subprotocols: []string{"steadyframe.v1"}})
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	ws.SetReadLimit(-1)
	messages := []struct {
		kind websocket.MessageType
		data []byte
	}{
		{websocket.MessageText, m.noise(m.between(1, 500))},
		{websocket.MessageText, []byte(`{"op":"destroy","id":1}`)},
		{websocket.MessageText, []byte(`{"op":"watch","stream":"` + m.camera() + `","id":0}`)},
		{websocket.MessageText, []byte(`{"op":"watch","stream":"` + m.camera() + `","id":1,"fps":-1}`)},
		{websocket.MessageText, bytes.Repeat([]byte(" "), 1<<20)},
		{websocket.MessageBinary, m.noise(m.between(13, 500))},
		{websocket.MessageBinary, m.noise(m.between(0, 11))},
		{websocket.MessageText, []byte("[]")},
	}
	if m.random.IntN(2) == 0 { // while images come
		_ = ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"op":"watch","stream":%q,"id":1}`, m.camera()))
	}
	what := messages[m.random.IntN(len(messages))]
	_ = ws.Write(ctx, what.kind, what.data) // What is wrong, reading says.
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("not disconnected within %v of %.40q", responseTime, what.data)
			}
			return nil
		}
	}
}

// wsNoise: bytes that are no frames end the connection.
func wsNoise(m *misuser) error {
	hello := "GET /ws HTTP/1.1\r\nHost: " + m.s.HTTP + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: steadyframe.v1\r\n\r\n"
	noise := m.noise(m.between(2, 2000))
	noise[0], noise[1] = 0x7f, 0 // bits that are reserved, an opcode that is none, no mask
	_, err := m.exchange(m.s.HTTP, append([]byte(hello), noise...), 1<<20)
	return err
}

// viewerReadsNothing: an MJPEG viewer that takes nothing, and dies.
func viewerReadsNothing(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = fmt.Fprintf(conn, "GET /stream/%s.mjpg HTTP/1.1\r\nHost: %s\r\n\r\n", m.camera(), m.s.HTTP)
	m.hold()
	return nil
}

// viewerSlow: an MJPEG viewer of 20 to 200 kB a second.
func viewerSlow(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	_ = conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	_, _ = fmt.Fprintf(conn, "GET /stream/%s.mjpg HTTP/1.1\r\nHost: %s\r\n\r\n", m.camera(), m.s.HTTP)
	rate := m.between(1000, 10_000) // bytes in 50 ms
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(m.longest)
	for time.Now().Before(end) {
		if _, err := (paced{conn, tick, rate}).Read(make([]byte, rate)); err != nil {
			if m.ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("a viewer that was merely slow was cut off: %w", err)
		}
	}
	return nil
}

// viewerDies: a viewer that goes inside an image.
func viewerDies(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	_, _ = fmt.Fprintf(conn, "GET /stream/%s.mjpg HTTP/1.1\r\nHost: %s\r\n\r\n", m.camera(), m.s.HTTP)
	_ = conn.SetReadDeadline(time.Now().Add(m.longest))
	_, _ = io.CopyN(io.Discard, conn, int64(m.between(1, 100_000)))
	if m.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // with a reset
	}
	return nil
}

// viewerOfNothing: there is nothing of that name, or no such name.
func viewerOfNothing(m *misuser) error {
	paths := []string{
		"/stream/nothing.mjpg", "/snapshot/nothing.jpg", "/stream/..%2f..%2fetc.mjpg", "/v1/streams/nothing",
		"/snapshot/" + liveLost + ".jpg?max_age=never", "/nothing",
	}
	path := paths[m.random.IntN(len(paths))]
	code, err := m.getStatus(path)
	if err != nil {
		return err
	}
	if code == http.StatusTooManyRequests {
		return errBusy
	}
	if code < 400 || code > 499 {
		return fmt.Errorf("GET %s: got status %d, want 4xx", path, code)
	}
	return nil
}

// watchReadsNothing: a gRPC viewer that asks for images without end and takes none.
func watchReadsNothing(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := c.Watch(m.ctx, m.camera(), &client.WatchOptions{InFlight: m.between(1, 1<<20)})
	if err != nil {
		return wantCode(err, codes.ResourceExhausted)
	}
	defer w.Close()
	m.hold()
	return nil
}

// publishBrokenJPEGs: broken images are counted or refused, and shown to nobody.
func publishBrokenJPEGs(m *misuser) error {
	r := m.rings.w1
	var body []byte
	for i := range m.between(1, 10) {
		image := bytes.Clone(r.images[i%len(r.images)])
		switch m.random.IntN(4) {
		case 0: // cut
			image = append(image[:m.between(2, len(image)-2)], 0xff, 0xd9)
		case 1: // broken somewhere
			copy(image[m.random.IntN(len(image)-16):], m.noise(16))
		case 2: // a segment of a length that is not there
			copy(image[2:], []byte{0xff, 0xe5, 0xff, 0xff})
		case 3: // no image
			image = append([]byte{0xff, 0xd8, 0xff}, m.noise(100)...)
		}
		body = append(body, image...)
	}
	head := fmt.Sprintf("POST /v1/streams/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: video/x-motion-jpeg\r\n"+
		"Content-Length: %d\r\n\r\n", m.stray(), m.s.HTTP, len(body))
	response, err := m.exchange(m.s.HTTP, append([]byte(head), body...), 1<<16)
	if err != nil || !bytes.HasPrefix(response, []byte("HTTP/1.1 200 ")) {
		return errors.Join(err, wantRefused(response))
	}
	var counts struct {
		Frames, Images, Dropped, Failed int
	}
	_, said, _ := bytes.Cut(response, []byte("\r\n\r\n"))
	if err := json.Unmarshal(said, &counts); err != nil {
		return fmt.Errorf("%w: %.200q", err, response)
	}
	if counts.Frames != counts.Images+counts.Dropped || counts.Failed > counts.Dropped {
		return fmt.Errorf("got counts that do not add up: %.200q", said)
	}
	return nil
}

// publishWrongPlanes: a frame that lacks a plane ends the call.
func publishWrongPlanes(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.Publish(m.ctx, m.stray(), m.rings.w1.spec, nil)
	if err == nil {
		frame := m.rings.w1.frames[0]
		for err == nil {
			err = p.Send(frame, frame[:len(frame)/3*2])
		}
	}
	return wantCode(err, codes.InvalidArgument, codes.Aborted)
}

// publishDies: a publisher that dies inside a frame.
func publishDies(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	frames := bytes.Join(m.rings.w1.batch(m.rings.w1.run(m.number, 3)), nil)
	_, _ = fmt.Fprintf(conn, "POST /v1/streams/%s?%s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
		m.stray(), m.rings.w1.query(true), m.s.HTTP, len(frames))
	_, _ = conn.Write(frames[:m.between(1, len(frames)-1)])
	if m.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // with a reset
	}
	return nil
}

// publishTakenOver: of two publishers of one stream the first is told that the second has it.
func publishTakenOver(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	name, frame := m.stray(), m.rings.w1.frames[0]
	first, err := c.Publish(m.ctx, name, m.rings.w1.spec, nil)
	if err == nil {
		err = first.Send(frame)
	}
	if err != nil {
		return wantCode(err, codes.Aborted) // by another misuser
	}
	second, err := c.Publish(m.ctx, name, m.rings.w1.spec, nil)
	if err != nil {
		return wantCode(err, codes.Aborted)
	}
	_ = second.Send(frame) // It may be taken over as well.
	for err = nil; err == nil; {
		err = first.Send(frame)
	}
	return wantCode(err, codes.Aborted)
}
