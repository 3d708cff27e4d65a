package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// httpAttacks are those over HTTP, and of both.
var httpAttacks = []attack{
	{
		name: "unread-posts", about: "60 requests over HTTP send frames of 4 KB that make 52 MB each, and read nothing",
		needs: map[string]int{"requests": 6}, do: unreadPosts,
	},
	{
		name: "wide-specs", about: "192 Specs whose pipelines take megabytes each, four at a time",
		needs: map[string]int{"status 200": 19}, do: wideSpecs, most: 20 * time.Second,
	},
	{
		name: "one-byte", about: "64 of them whose body is one byte, again and again",
		needs: map[string]int{"status 400": 6, "status 200": 0}, do: oneByte,
	},
	{
		name: "foreign-posts", about: "a page of another origin posts to the stream that the good client publishes, and to all that costs",
		needs: map[string]int{"status 403": 50, "status 200": 0}, do: foreignPosts,
	},
	{
		name: "refusals", about: "20,000 requests of each of seven kinds that are refused, with names of 8,000 bytes",
		needs: map[string]int{
			"status 404": 150, "status 400": 150, "status 403": 150, "status 405": 150,
			"refused: Encode with a wrong Spec": 50, "refused: Watch of no stream": 50, "refused: no such method": 50,
		},
		do: refusals, most: 10 * time.Second,
	},
	{
		name: "idle-connections", about: "512 connections over HTTP and 512 over gRPC that are kept open without a request",
		needs: map[string]int{"connections": 100}, do: idleConnections,
	},
}

// unreadPosts keeps requests open whose responses nobody reads. One that the server has ended is followed by another.
func unreadPosts(a *attacker) error {
	const body = 3 * 64 * 64 // of three frames
	a.each(a.n(60), 0, func(int) {
		a.again(50*time.Millisecond, func() {
			conn, closed, err := a.connect(a.HTTP, true)
			if err != nil {
				return
			}
			defer closed()
			_, err = fmt.Fprintf(conn, "POST /v1/encode?format=gray&size=64x64&resize=3600x3600&output=rgba HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
				a.HTTP, body, make([]byte, body))
			if err == nil {
				a.count("requests")
				a.pause(longerThanSend)
			}
		})
	})
	return nil
}

// wideQuery is the i-th of many Specs of frames of 65535x32 pixels.
func wideQuery(i int) string {
	return fmt.Sprintf("format=gray&size=65535x32&resize=65534x%d&filter=area&quality=%d&subsampling=444&restart=row", i%24+8, i/24%16+85)
}

// post makes a request with that client and counts its status.
func (a *attacker) post(c *http.Client, query string, body []byte) {
	request, err := http.NewRequestWithContext(a.ctx, http.MethodPost, "http://"+a.HTTP+"/v1/encode?"+query, bytes.NewReader(body))
	if err == nil {
		var response *http.Response
		if response, err = c.Do(request); err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			a.count(fmt.Sprintf("status %d", response.StatusCode))
		}
	}
	if err != nil && a.ctx.Err() == nil {
		a.count("requests that failed")
	}
}

func wideSpecs(a *attacker) error {
	noise := make([]byte, 65535*32)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var next atomic.Int64
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	a.each(4, 0, func(int) {
		for i := int(next.Add(1)) - 1; i < a.n(192) && a.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
			a.post(c, wideQuery(i), noise)
		}
	})
	return nil
}

func oneByte(a *attacker) error {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	a.each(a.n(64), 0, func(i int) {
		a.again(250*time.Millisecond, func() { a.post(c, wideQuery(i), []byte{0}) })
	})
	return nil
}

// foreignPosts is what a page can make a browser do without asking the server first: simple requests, which carry Origin or
// Sec-Fetch-Site.
func foreignPosts(a *attacker) error {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	paths := []string{
		"/v1/streams/" + goodStream + "?format=gray&size=16x16", "/v1/streams/" + goodStream, "/v1/encode?format=gray&size=16x16",
		"/stream/" + goodStream + ".mjpg", "/snapshot/" + goodStream + ".jpg", "/v1/stats",
	}
	headers := [][2]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}}
	a.each(8, 0, func(i int) {
		a.again(5*time.Millisecond, func() {
			i++
			path, header, method := paths[i%len(paths)], headers[i/len(paths)%len(headers)], http.MethodPost
			if !strings.HasPrefix(path, "/v1/streams/") && !strings.HasPrefix(path, "/v1/encode") {
				method = http.MethodGet
			}
			request, err := http.NewRequestWithContext(a.ctx, method, "http://"+a.HTTP+path, bytes.NewReader(make([]byte, 256)))
			if err != nil {
				return
			}
			request.Header.Set(header[0], header[1])
			request.Header.Set("Content-Type", "text/plain")
			response, err := c.Do(request)
			if err != nil {
				if a.ctx.Err() == nil {
					a.count("requests that failed")
				}
				return
			}
			response.Body.Close()
			a.count(fmt.Sprintf("status %d", response.StatusCode))
		})
	})
	return nil
}

// refusals makes requests that are refused, one after the other without waiting for the responses.
func refusals(a *attacker) error {
	long := strings.Repeat("n", 8000)
	kinds := []string{
		"GET /stream/" + long + ".mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST /v1/encode?" + long + "=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
		"GET /v1/streams HTTP/1.1\r\nHost: localhost\r\nOrigin: https://" + long + ".example\r\n\r\n",
		"DELETE /v1/streams/" + long + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	}
	var all sync.WaitGroup
	for _, request := range kinds {
		all.Go(func() { a.pipeline([]byte(request), a.n(20_000)) })
	}
	err := refusedCalls(a, a.n(20_000))
	all.Wait()
	return err
}

// pipeline makes n requests over one connection after the other: a server may end any after a refusal.
func (a *attacker) pipeline(request []byte, n int) {
	for n > 0 && a.ctx.Err() == nil {
		conn, closed, err := a.connect(a.HTTP, false)
		if err != nil {
			a.pause(10 * time.Millisecond)
			continue
		}
		go func() {
			for range n {
				if _, err := conn.Write(request); err != nil {
					return
				}
			}
		}()
		in := bufio.NewReader(conn)
		for n > 0 {
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				break
			}
			_, err = io.Copy(io.Discard, response.Body)
			a.count(fmt.Sprintf("status %d", response.StatusCode))
			n--
			if err != nil || response.Close {
				break
			}
		}
		closed()
	}
}

// idleConnections keeps connections open: those over HTTP after one request, those over gRPC after none.
func idleConnections(a *attacker) error {
	keep := func(address string, begin func(net.Conn) error) {
		a.each(a.n(512), time.Millisecond, func(int) {
			a.again(time.Second, func() {
				conn, closed, err := a.connect(address, false)
				if err != nil {
					return
				}
				defer closed()
				if begin(conn) == nil {
					a.ended(conn)
				}
			})
		})
	}
	var all sync.WaitGroup
	all.Go(func() {
		keep(a.HTTP, func(conn net.Conn) error {
			_, err := fmt.Fprintf(conn, "GET /v1/streams HTTP/1.1\r\nHost: %s\r\n\r\n", a.HTTP)
			return err
		})
	})
	all.Go(func() {
		keep(a.GRPC, func(conn net.Conn) error {
			_, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")) // and empty SETTINGS
			return err
		})
	})
	all.Wait()
	return nil
}
