package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// BenchmarkTransport measures what it takes to carry frames of W1 to a server in a process of its own and their images
// back, beside encoding them. server-us, client-us and encode-us are processor time, in user space and in the kernel,
// for each frame; encode-us is that of the library alone, measured in between; beyond-us is server-us without it, and
// ends-us client-us and beyond-us together. The APIs:
//
//   - grpc: one EncodeStream of package client, with two batches on their way;
//   - http: a POST with Content-Length for each batch, on one connection;
//   - chunked: one POST without end, in chunks of 32 KiB as common clients send them, with two batches on their way.
//
// What speaks HTTP here writes a batch with one system call and does little else: client-us are then the kernel's.
func BenchmarkTransport(b *testing.B) {
	for _, batch := range []int{1, 25} {
		for _, api := range []string{"grpc", "http", "chunked"} {
			for _, network := range []string{"tcp", "unix"} {
				b.Run(fmt.Sprintf("api=%s/net=%s/batch=%d", api, network, batch), func(b *testing.B) {
					benchmarkTransport(b, api, network, batch)
				})
			}
		}
	}
}

// carrier carries batches to a server. Responses come in order.
type carrier interface {
	send() error
	receive() error
	ahead() int // batches that may be sent before a response is received
}

func benchmarkTransport(b *testing.B, api, network string, batch int) {
	b.Setenv(childCollects, "yes")
	set := "{}"
	if network == "unix" {
		dir := b.TempDir()
		set = fmt.Sprintf(`{"http.listen": "unix:%s", "grpc.listen": "unix:%s"}`, filepath.Join(dir, "http"), filepath.Join(dir, "grpc"))
	}
	s := startChild(b, set)
	e := newEncoding(b, batch)
	var c carrier
	if api == "grpc" {
		c = newGRPCCarrier(b, s.GRPC, e.frames)
	} else {
		c = newHTTPCarrier(b, s.HTTP, api == "chunked", e)
	}
	inFlight := 0
	carry := func() {
		for ; inFlight < c.ahead(); inFlight++ {
			if err := c.send(); err != nil {
				b.Fatal(err)
			}
		}
		if err := c.receive(); err != nil {
			b.Fatal(err)
		}
		inFlight--
	}
	for range 100/batch + 4 {
		carry()
	}
	const stretch = 200 // frames between two measurements
	var server, client, encode time.Duration
	frames := 0
	for b.Loop() {
		atServer, atClient := s.counters(b).CPU, cpuTime()
		for range stretch / batch {
			carry()
		}
		client += cpuTime() - atClient
		server += s.counters(b).CPU - atServer
		frames += stretch
		b.StopTimer()
		before := cpuTime()
		for range stretch / batch {
			e.run(b)
		}
		encode += cpuTime() - before
		b.StartTimer()
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(frames) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "fps")
	b.ReportMetric(each(b.Elapsed()), "wall-us")
	b.ReportMetric(each(server), "server-us")
	b.ReportMetric(each(client), "client-us")
	b.ReportMetric(each(encode), "encode-us")
	b.ReportMetric(each(server-encode), "beyond-us")
	b.ReportMetric(each(server-encode+client), "ends-us")
}

// encoding encodes a batch of W1 with the library alone.
type encoding struct {
	frames   [][]byte
	images   []byte // one after the other
	pipeline *pipeline.Pipeline
	batch    pipeline.Batch
}

func newEncoding(b *testing.B, n int) *encoding {
	b.Helper()
	p, err := pipeline.Compile(w1, &pipeline.Options{Pool: pool.New(nil)})
	if err != nil {
		b.Fatal(err)
	}
	e := &encoding{pipeline: p}
	scene := synth.New(w1.Input.Width, w1.Input.Height, 1)
	size, err := w1.Input.Size()
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		data := make([]byte, size)
		f, err := frame.WrapBytes(w1.Input, data)
		if err != nil {
			b.Fatal(err)
		}
		scene.Render(&f, i)
		e.frames, e.batch.In = append(e.frames, data), append(e.batch.In, f)
	}
	e.run(b)
	for i := range e.batch.Out {
		e.images = append(e.images, e.batch.Out[i].Bytes()...)
	}
	b.Cleanup(e.batch.Release)
	return e
}

func (e *encoding) run(b *testing.B) {
	e.batch.Release()
	if err := e.pipeline.Run(context.Background(), &e.batch); err != nil {
		b.Fatal(err)
	}
}

// grpcCarrier is a stream of package client.
type grpcCarrier struct {
	stream   *client.EncodeStream
	batch    client.Batch
	response client.Response
}

func newGRPCCarrier(b *testing.B, target string, frames [][]byte) *grpcCarrier {
	b.Helper()
	c, err := dialClient(target, client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	s, err := c.EncodeStream(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return &grpcCarrier{stream: s, batch: client.Batch{Spec: w1, Frames: frames}}
}

func (c *grpcCarrier) ahead() int { return 2 }

func (c *grpcCarrier) send() error {
	return c.stream.Send(&c.batch)
}

func (c *grpcCarrier) receive() error {
	if err := c.stream.Recv(&c.response); err != nil {
		return err
	}
	for _, p := range c.response.Images {
		if p.Err != nil {
			return p.Err
		}
	}
	return nil
}

// httpCarrier is a connection.
type httpCarrier struct {
	conn     net.Conn
	in       *bufio.Reader
	head     []byte   // of a request
	frames   [][]byte // of a batch
	want     []byte   // images of a batch
	got      []byte
	chunked  bool
	response io.Reader // of the endless request, once there is one
	chunks   chan net.Buffers
}

func newHTTPCarrier(b *testing.B, address string, chunked bool, e *encoding) *httpCarrier {
	b.Helper()
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		b.Fatal(err)
	}
	c := &httpCarrier{conn: conn, in: bufio.NewReader(conn), frames: e.frames, want: e.images, got: make([]byte, len(e.images)), chunked: chunked}
	size := 0
	for _, f := range e.frames {
		size += len(f)
	}
	post := fmt.Sprintf("POST /v1/encode?%s HTTP/1.1\r\nHost: localhost\r\n", query(b, w1))
	c.head = fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n", post, size)
	b.Cleanup(func() { _ = conn.Close() })
	if !chunked {
		return c
	}
	c.chunks = make(chan net.Buffers, 2)
	if _, err := io.WriteString(conn, post+"Accept: video/x-motion-jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	b.Cleanup(func() { _ = conn.Close(); close(c.chunks); <-done })
	go func() {
		defer close(done)
		for chunk := range c.chunks {
			if _, err := chunk.WriteTo(c.conn); err != nil {
				return // The read fails then, too.
			}
		}
	}()
	return c
}

func (c *httpCarrier) ahead() int {
	if c.chunked {
		return 2
	}
	return 1
}

func (c *httpCarrier) send() error {
	if c.chunked {
		var message net.Buffers
		for _, f := range c.frames {
			for part := range slices.Chunk(f, 32<<10) {
				message = append(message, fmt.Appendf(nil, "%x\r\n", len(part)), part, []byte("\r\n"))
			}
		}
		c.chunks <- message
		return nil
	}
	message := append(net.Buffers{c.head}, c.frames...)
	_, err := message.WriteTo(c.conn)
	return err
}

func (c *httpCarrier) receive() error {
	if c.response == nil || !c.chunked {
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("got status %s", resp.Status)
		}
		c.response = resp.Body
	}
	if !c.chunked && len(c.frames) > 1 { // multipart
		_, err := io.Copy(io.Discard, c.response)
		return err
	}
	if _, err := io.ReadFull(c.response, c.got); err != nil {
		return err
	}
	if !bytes.Equal(c.got, c.want) {
		return fmt.Errorf("got %d bytes that are not the library's images", len(c.got))
	}
	return nil
}
