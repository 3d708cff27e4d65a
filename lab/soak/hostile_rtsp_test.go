package soak

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rtspAttacks are those over RTSP.
var rtspAttacks = []attack{
	{
		name: "rtsp-nonsense", about: "120 connections over RTSP: half a request and no more, interleaved data that nobody asked for, sessions that are set up and never played",
		needs: map[string]int{"halves": 4, "interleaved bytes": 1 << 16, "sessions": 4}, serve: withRTSP, do: rtspNonsense,
	},
	{
		name: "rtsp-unread", about: "200 viewers over RTSP that read nothing after they began to play",
		needs: map[string]int{"sessions that play": 20}, serve: withRTSP, do: rtspUnread,
	},
}

// rtspStream is a stream that RTP can carry.
const rtspStream = "rtsp"

// withRTSP opens the listener, and has a stream for it.
func withRTSP(testing.TB, bool) (environment, args []string) {
	return nil, []string{"--rtsp", "127.0.0.1:0", "--stream", rtspStream + "=testsrc:320x176@10"}
}

// rtspClient speaks RTSP as far as attackers do.
type rtspClient struct {
	net.Conn
	in      *bufio.Reader
	url     string // of the stream
	seq     int
	session string
}

// rtsp opens a connection.
func (a *attacker) rtsp(narrow bool) (*rtspClient, func(), error) {
	conn, closed, err := a.connect(a.RTSP, narrow)
	if err != nil {
		return nil, nil, err
	}
	return &rtspClient{Conn: conn, in: bufio.NewReader(conn), url: "rtsp://" + a.RTSP + "/" + rtspStream}, closed, nil
}

// ask makes a request, and returns the status and body of the response, where no images come yet.
func (c *rtspClient) ask(method, url, headers string) (status, body string, err error) {
	c.seq++
	if c.session != "" {
		headers += "Session: " + c.session + "\r\n"
	}
	if _, err := fmt.Fprintf(c, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, c.seq, headers); err != nil {
		return "", "", err
	}
	reader := textproto.NewReader(c.in)
	line, err := reader.ReadLine()
	if err != nil {
		return "", "", err
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return "", "", err
	}
	if s, _, _ := strings.Cut(header.Get("Session"), ";"); s != "" {
		c.session = s
	}
	n, _ := strconv.Atoi(header.Get("Content-Length")) // none: 0
	data := make([]byte, n)
	_, err = io.ReadFull(c.in, data)
	_, status, _ = strings.Cut(line, " ")
	return status, string(data), err
}

// control finds where the description of a stream says that its images are.
var control = regexp.MustCompile(`(?s)m=video.*?a=control:(\S+)`)

// setUp sets a session up for images over the connection. It returns false where the server refuses.
func (c *rtspClient) setUp() bool {
	_, description, err := c.ask("DESCRIBE", c.url, "Accept: application/sdp\r\n")
	found := control.FindStringSubmatch(description)
	if err != nil || found == nil {
		return false
	}
	at := found[1]
	if !strings.Contains(at, "://") {
		at = c.url + "/" + at
	}
	status, _, err := c.ask("SETUP", at, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
	return err == nil && strings.HasPrefix(status, "200")
}

// rtspNonsense keeps connections open that never get as far as images.
func rtspNonsense(a *attacker) error {
	noise := make([]byte, 1<<16)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	kinds := []func(c *rtspClient){
		func(c *rtspClient) { // It stalls.
			if _, err := fmt.Fprintf(c, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: applica", c.url); err == nil {
				a.count("halves")
				a.ended(c)
			}
		},
		func(c *rtspClient) { // Packets as if it published, with noise in them.
			for channel := byte(0); a.ctx.Err() == nil; channel++ {
				n, err := c.Write(append([]byte{'$', channel, 0xff, 0xff}, noise...))
				a.add("interleaved bytes", n)
				if err != nil {
					a.count("connections ended by the server")
					return
				}
			}
		},
		func(c *rtspClient) {
			if c.setUp() {
				a.count("sessions")
				a.ended(c)
			}
		},
	}
	a.each(a.n(120), 0, func(i int) {
		a.again(100*time.Millisecond, func() {
			c, closed, err := a.rtsp(false)
			if err != nil {
				return
			}
			defer closed()
			kinds[i%len(kinds)](c)
		})
	})
	return nil
}

// rtspUnread plays on connections that nobody reads. One that the server has ended is followed by another.
func rtspUnread(a *attacker) error {
	a.each(a.n(200), 5*time.Millisecond, func(int) {
		a.again(100*time.Millisecond, func() {
			c, closed, err := a.rtsp(true)
			if err != nil {
				return
			}
			defer closed()
			if !c.setUp() {
				return
			}
			if _, err := fmt.Fprintf(c, "PLAY %s RTSP/1.0\r\nCSeq: 9\r\nSession: %s\r\n\r\n", c.url, c.session); err == nil {
				a.count("sessions that play")
				a.pause(longerThanSend)
			}
		})
	})
	return nil
}
