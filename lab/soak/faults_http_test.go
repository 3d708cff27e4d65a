package soak

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// httpMisuses are ways to misuse POST /v1/encode, and the port that it is on.
var httpMisuses = []misuse{
	{"http-noise", httpNoise},
	{"http-wrong-size", httpWrongSize},
	{"http-wrong-query", httpWrongQuery},
	{"http-huge", httpHuge},
	{"http-y4m-header", httpY4MHeader},
	{"http-y4m-truncated", httpY4MTruncated},
	{"http-dies", httpDies},
	{"http-stalls", httpStalls},
	{"http-reads-nothing", httpReadsNothing},
	{"http-head-without-end", httpHeadWithoutEnd},
	{"http-silent-flood", func(m *misuser) error {
		return silentFlood(m, m.s.HTTP, []byte(encodeHead(m.s, "format=bgr24&size=4096x5461", 4096*5461*3)+"x"))
	}},
}

// encodeHead is the head of a request with a body of so many bytes.
func encodeHead(s *served, query string, length int64) string {
	return fmt.Sprintf("POST /v1/encode?%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", query, s.HTTP, length)
}

// httpNoise: what is no HTTP is refused, or hung up on.
func httpNoise(m *misuser) error {
	response, err := m.exchange(m.s.HTTP, append(m.noise(m.between(1, 4000)), "\r\n\r\n"...), 1<<16)
	if err != nil || len(response) == 0 {
		return err
	}
	return wantRefused(response)
}

// httpWrongSize: a body that is not a whole number of frames is refused before it is read.
func httpWrongSize(m *misuser) error {
	length := m.between(1, 3*640*360*3)
	if length%(640*360*3) == 0 {
		length++
	}
	response, err := m.exchange(m.s.HTTP, []byte(encodeHead(m.s, m.rings.w1.query(true), int64(length))), 1<<16)
	return errors.Join(err, wantRefused(response))
}

// httpWrongQuery: settings that make no sense are refused.
func httpWrongQuery(m *misuser) error {
	queries := []string{
		"format=bgr25&size=640x360", "format=bgr24", "size=640x360", "format=bgr24&size=640", "format=bgr24&size=0x0",
		"format=bgr24&size=640x360&quality=101", "format=bgr24&size=640x360&resize=-1x5", "format=bgr24&size=640x360&crop=9x9%2B900%2B0",
		"format=bgr24&size=640x360&colour=blue", "format=bgr24&size=640x360&mode=stretch&mode=fit", "%zz", "format=i420&size=641x361&restart=-7",
		fmt.Sprintf("format=bgr24&size=640x360&%x=1", m.noise(20)),
	}
	response, err := m.exchange(m.s.HTTP, []byte(encodeHead(m.s, queries[m.random.IntN(len(queries))], 640*360*3)), 1<<16)
	return errors.Join(err, wantRefused(response))
}

// httpHuge: what is declared beyond the limits is refused, whatever comes.
func httpHuge(m *misuser) error {
	declared := []struct {
		query  string
		length int64
	}{
		{"format=bgr24&size=65536x65536", 3 << 32},
		{"format=bgr24&size=2147483647x2147483647", 1 << 62},
		{"format=gray&size=16x16&resize=65535x65535", 256},
		{m.rings.w1.query(true), 1<<63 - 1},
		{"", 1 << 50},
	}
	d := declared[m.random.IntN(len(declared))]
	body := "YUV4MPEG2 W65536 H65536 F25:1 C420jpeg\nFRAME\n"
	if d.query != "" {
		body = "x"
	}
	response, err := m.exchange(m.s.HTTP, []byte(encodeHead(m.s, d.query, d.length)+body), 1<<16)
	return errors.Join(err, wantRefused(response))
}

// httpY4MHeader: a Y4M stream whose header is broken is refused.
func httpY4MHeader(m *misuser) error {
	headers := []string{
		"YUV4MPEG2 W320\n", "YUV4MPEG2 W-1 H180 C420\n", "YUV4MPEG2 W320 H180 C420p16\n", "YUV4MPEG2 W320 H180 Cnone\nFRAME\n",
		"YUV4MPEG2 " + string(bytes.Repeat([]byte("X"), 9000)) + "\n", "YUV4MPEG2 W0 H0\nFRAME\n", "YUV4MPEG2" + string(m.noise(100)),
	}
	body := headers[m.random.IntN(len(headers))]
	response, err := m.exchange(m.s.HTTP, []byte(encodeHead(m.s, "", int64(len(body)))+body), 1<<16)
	return errors.Join(err, wantRefused(response))
}

// httpY4MTruncated: of a Y4M stream that breaks off there is a refusal or a response that breaks off.
func httpY4MTruncated(m *misuser) error {
	whole := m.rings.y4ms[m.random.IntN(len(m.rings.y4ms))]
	body := whole[:m.between(100, len(whole)-1)]
	const each = 320*180*3/2 + len("FRAME\n")
	if header := bytes.IndexByte(whole, '\n') + 1; (len(body)-header)%each == 0 {
		body = body[:len(body)-1] // between two frames it would be whole
	}
	response, err := m.exchange(m.s.HTTP, append([]byte(encodeHead(m.s, "", int64(len(body)))), body...), 4<<20)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(response, []byte("HTTP/1.1 200 ")) {
		if bytes.HasSuffix(response, []byte("0\r\n\r\n")) {
			return fmt.Errorf("got a whole response to %d bytes of %d", len(body), len(whole))
		}
		return nil
	}
	return wantRefused(response)
}

// httpDies: a client that dies inside a frame.
func httpDies(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	n := m.between(1, 6)
	frames := bytes.Join(m.rings.w1.batch(m.rings.w1.run(m.number, n)), nil)
	_, _ = conn.Write([]byte(encodeHead(m.s, m.rings.w1.query(true), int64(len(frames)))))
	_, _ = conn.Write(frames[:m.between(1, len(frames)-1)])
	if m.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // with a reset
	}
	return nil
}

// httpStalls: a client that stops inside its body is told so after timeouts.receive.
func httpStalls(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	frame := m.rings.w1.frames[0]
	begin := time.Now()
	_, _ = conn.Write([]byte(encodeHead(m.s, m.rings.w1.query(true), int64(len(frame)))))
	_, _ = conn.Write(frame[:m.between(0, len(frame)-1)])
	_ = conn.SetReadDeadline(time.Now().Add(m.longest)) // It is a valid time.
	response, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if held := time.Since(begin); m.longest >= stallLongest {
			return fmt.Errorf("no response after %v inside a body, want 408 after timeouts.receive: %w", held.Round(time.Millisecond), err)
		}
		return nil
	}
	return wantRefused(response)
}

// httpReadsNothing: a client that takes no response of a size that fits no buffer on its way.
func httpReadsNothing(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = conn.Write([]byte(encodeHead(m.s, "format=gray&size=16x16&resize=1500x1500&output=rgba", 4*256)))
	_, _ = conn.Write(make([]byte, 4*256))
	m.hold()
	return nil
}

// httpHeadWithoutEnd: a client whose request never begins.
func httpHeadWithoutEnd(m *misuser) error {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return err
	}
	defer closed()
	_, _ = fmt.Fprintf(conn, "GET /v1/stats HTTP/1.1\r\nHost: %s\r\nX-Slow: ", m.s.HTTP)
	for range m.between(1, 5) {
		_, _ = conn.Write([]byte("x"))
		m.hold()
	}
	return nil
}

// silentFlood opens many connections that send hello and nothing more, and holds them.
func silentFlood(m *misuser, address string, hello []byte) error {
	n := m.between(20, 60)
	for range n {
		_, closed, err := m.connect(address)
		if err != nil {
			return err
		}
		defer closed()
	}
	for range n / 2 {
		conn, closed, err := m.connect(address)
		if err != nil {
			return err
		}
		defer closed()
		_, _ = conn.Write(hello)
	}
	m.hold()
	return nil
}

// getStatus returns the status of a GET on a connection of its own.
func (m *misuser) getStatus(path string) (int, error) {
	conn, closed, err := m.connect(m.s.HTTP)
	if err != nil {
		return 0, err
	}
	defer closed()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, m.s.HTTP); err != nil {
		return 0, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(responseTime)) // It is a valid time.
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}
