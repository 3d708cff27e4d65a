package soak

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Methods that are called.
const (
	methodReflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	methodHealth     = "/grpc.health.v1.Health/Watch"
	methodStream     = "/steadyframe.v1.FrameService/EncodeStream"
	methodEncode     = "/steadyframe.v1.FrameService/Encode"
	methodWatch      = "/steadyframe.v1.FrameService/Watch"
)

// grpcAttacks are those over gRPC.
var grpcAttacks = []attack{
	{
		name: "unread-streams", about: "60 calls of EncodeStream send frames of 4 KB that make 52 MB each, and read nothing",
		needs: map[string]int{"calls": 6}, do: func(a *attacker) error { return unreadCalls(a, methodStream, a.n(60)) },
	},
	{
		name: "unread-calls", about: "40 calls of Encode, the same",
		needs: map[string]int{"calls": 4}, do: func(a *attacker) error { return unreadCalls(a, methodEncode, a.n(40)) },
	},
	{
		name: "unread-watch", about: "150 calls of Watch read nothing of a stream of JPEGs of 20 MB",
		needs: map[string]int{"calls": 15, "JPEGs published": 1}, do: unreadWatch,
	},
	{
		name: "unread-reflection", about: "250 calls of reflection on 8 connections send 484 KB each in DATA frames of 1.1 KB, and read nothing",
		needs: map[string]int{"calls": 25}, do: unreadReflection,
	},
	{
		name: "idle-calls", about: "900 calls of reflection, Watch of health, and EncodeStream, that send nothing or no more",
		needs: map[string]int{"calls": 90}, do: idleCalls,
	},
}

// wideOutput makes 52 MB of a frame of 4 KB.
func wideOutput() pipeline.Spec {
	return pipeline.Spec{
		Input:  frame.Desc{Format: frame.Gray8, Width: 64, Height: 64},
		Resize: pipeline.Resize{Width: 3600, Height: 3600},
		Output: pipeline.Output{Format: pipeline.RawRGBA},
	}
}

// inFrames returns messages as gRPC frames them.
func inFrames(messages ...proto.Message) (out []byte, err error) {
	for _, m := range messages {
		data, err := proto.Marshal(m)
		if err != nil {
			return nil, err
		}
		out = append(binary.BigEndian.AppendUint32(append(out, 0), uint32(len(data))), data...)
	}
	return out, nil
}

// longerThanSend is above timeouts.send: by then a connection that reads nothing has been ended.
const longerThanSend = 12 * time.Second

// unreadCalls keeps n calls open that read nothing: half of them by HTTP/2's flow control, half of them by TCP's.
func unreadCalls(a *attacker, method string, n int) error {
	spec, err := apispec.ToProto(wideOutput())
	if err != nil {
		return err
	}
	request := &api.EncodeRequest{Spec: spec, Frames: [][]byte{make([]byte, 64*64)}}
	messages := []proto.Message{request}
	if method == methodStream {
		messages = append(messages, request, request)
	}
	data, err := inFrames(messages...)
	if err != nil {
		return err
	}
	a.each(n, 0, func(i int) { a.unread(i%2 == 0, method, data) })
	return nil
}

// unread makes one call after the other, until the attack ends. A call lasts until the server ends it.
func (a *attacker) unread(deaf bool, method string, data []byte) {
	a.again(50*time.Millisecond, func() {
		c, err := a.dialH2(deaf)
		if err != nil {
			return
		}
		defer c.close()
		call, err := c.call(method, data, len(data))
		if err != nil {
			return
		}
		a.count("calls")
		if deaf {
			a.pause(longerThanSend)
			return
		}
		select {
		case <-call.ended:
			a.count("calls ended by the server")
		case <-a.ctx.Done():
		}
	})
}

// unreadWatch watches a stream of large JPEGs and reads nothing.
func unreadWatch(a *attacker) error {
	request, err := inFrames(&api.WatchRequest{Stream: "big"})
	if err != nil {
		return err
	}
	var publisher sync.WaitGroup
	publisher.Go(func() { a.publishJPEGs("big", 20<<20, 250*time.Millisecond) })
	a.pause(500 * time.Millisecond)
	a.each(a.n(150), 50*time.Millisecond, func(i int) { a.unread(i%2 == 0, methodWatch, request) })
	publisher.Wait()
	return nil
}

// unreadReflection sends questions to reflection and takes no responses.
func unreadReflection(a *attacker) error {
	question, err := inFrames(&reflectiongrpc.ServerReflectionRequest{MessageRequest: &reflectiongrpc.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "steadyframe.v1.FrameService"}})
	if err != nil {
		return err
	}
	data := bytes.Repeat(question, 484_000/len(question))
	a.calls(8, a.n(250), methodReflection, data, 1100)
	return nil
}

// calls keeps n calls open over so many connections. Each sends data in DATA frames of so many bytes, as far as the server
// lets it; one that the server has ended is followed by another.
func (a *attacker) calls(connections, n int, method string, data []byte, frame int) {
	a.each(connections, 0, func(i int) {
		a.again(100*time.Millisecond, func() {
			c, err := a.dialH2(false)
			if err != nil {
				return
			}
			defer c.close()
			a.each((n+connections-1-i)/connections, 0, func(int) {
				for a.ctx.Err() == nil {
					call, err := c.call(method, data, frame)
					if err != nil {
						return
					}
					a.count("calls")
					select {
					case <-call.ended:
						a.count("calls ended by the server")
						a.pause(100 * time.Millisecond)
					case <-a.ctx.Done():
					}
				}
			})
		})
	})
}

// idleCalls keeps calls of three services open, in which nothing happens.
func idleCalls(a *attacker) error {
	check, err := inFrames(&healthgrpc.HealthCheckRequest{})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { a.calls(3, a.n(300), methodReflection, nil, 1) })
	all.Go(func() { a.calls(3, a.n(300), methodHealth, check, len(check)) })
	all.Go(func() { a.calls(3, a.n(300), methodStream, nil, 1) })
	all.Wait()
	return nil
}

// refusedCalls makes n calls of each kind that is refused.
func refusedCalls(a *attacker, n int) error {
	c, err := client.Dial(a.GRPC, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	wrong := wideOutput()
	wrong.Output.Quality = 777
	kinds := map[string]func(ctx context.Context) error{
		"refused: Encode with a wrong Spec": func(ctx context.Context) error {
			return c.Encode(ctx, &client.Batch{Spec: wrong, Frames: [][]byte{make([]byte, 64*64)}}, &client.Response{})
		},
		"refused: Watch of no stream": func(ctx context.Context) error {
			_, err := c.Watch(ctx, "nothing", nil)
			return err
		},
		"refused: no such method": func(ctx context.Context) error {
			return c.Conn().Invoke(ctx, "/steadyframe.v1.FrameService/Nothing", &api.EncodeRequest{}, &api.EncodeResponse{})
		},
	}
	var all sync.WaitGroup
	for kind, call := range kinds {
		next := make(chan struct{}, n)
		for range n {
			next <- struct{}{}
		}
		close(next)
		for range 8 {
			all.Go(func() {
				for range next {
					if a.ctx.Err() != nil {
						return
					}
					if code := status.Code(call(a.ctx)); code == codes.OK {
						a.count("not " + kind)
					} else {
						a.count(kind)
					}
				}
			})
		}
	}
	all.Wait()
	return nil
}

// h2 is a connection over which HTTP/2 is spoken by hand, that never grants the server a window beyond the one that every
// connection begins with.
type h2 struct {
	a     *attacker
	conn  net.Conn
	close func()
	ended chan struct{} // closed with the connection

	writing sync.Mutex // held for writes
	framer  *http2.Framer
	head    bytes.Buffer
	enc     *hpack.Encoder
	next    uint32

	mu      sync.Mutex
	granted *sync.Cond // when a window has grown, or something ended
	window  int64
	first   int64 // that of a new call
	calls   map[uint32]*h2call
	err     error
}

// h2call is one call.
type h2call struct {
	ended  chan struct{} // closed when the server has ended it
	over   bool
	window int64
}

// dialH2 opens a connection. A deaf one reads nothing at all, and grants the largest windows that there are.
func (a *attacker) dialH2(deaf bool) (*h2, error) {
	conn, closed, err := a.connect(a.GRPC, deaf)
	if err != nil {
		return nil, err
	}
	c := &h2{a: a, conn: conn, close: closed, ended: make(chan struct{}), framer: http2.NewFramer(conn, conn), next: 1, window: 65535, first: 65535, calls: map[uint32]*h2call{}}
	c.granted, c.enc = sync.NewCond(&c.mu), hpack.NewEncoder(&c.head)
	_, err = conn.Write([]byte(http2.ClientPreface))
	if deaf {
		const most = 1<<31 - 1
		err = errors.Join(err, c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: most}), c.framer.WriteWindowUpdate(0, most-65535))
	} else {
		err = errors.Join(err, c.framer.WriteSettings())
	}
	if err != nil {
		closed()
		return nil, err
	}
	if !deaf {
		go c.read()
	}
	return c, nil
}

// read follows what the server grants and ends.
func (c *h2) read() {
	defer close(c.ended)
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.err = err
			for id := range c.calls {
				c.end(id)
			}
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if f.IsAck() {
				continue
			}
			if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
				c.mu.Lock()
				for _, call := range c.calls {
					call.window += int64(v) - c.first
				}
				c.first = int64(v)
				c.granted.Broadcast()
				c.mu.Unlock()
			}
			c.write(func() error { return c.framer.WriteSettingsAck() })
		case *http2.PingFrame:
			if !f.IsAck() {
				c.write(func() error { return c.framer.WritePing(true, f.Data) })
			}
		case *http2.WindowUpdateFrame:
			c.mu.Lock()
			if call := c.calls[f.StreamID]; call != nil {
				call.window += int64(f.Increment)
			} else if f.StreamID == 0 {
				c.window += int64(f.Increment)
			}
			c.granted.Broadcast()
			c.mu.Unlock()
		case *http2.RSTStreamFrame:
			c.finish(f.StreamID)
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				c.finish(f.StreamID)
			}
		}
	}
}

func (c *h2) write(f func() error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = f() // Reading says what is wrong.
}

func (c *h2) finish(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(id)
}

// end ends a call. c.mu is held.
func (c *h2) end(id uint32) {
	if call := c.calls[id]; call != nil {
		call.over = true
		close(call.ended)
		delete(c.calls, id)
	}
	c.granted.Broadcast()
}

// call begins a call of a method, and sends data in DATA frames of so many bytes as the server lets it.
func (c *h2) call(method string, data []byte, frame int) (*h2call, error) {
	call := &h2call{ended: make(chan struct{})}
	c.writing.Lock()
	c.head.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: method},
		{Name: ":authority", Value: c.a.GRPC}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		_ = c.enc.WriteField(f) // into memory
	}
	id := c.next
	c.next += 2
	c.mu.Lock()
	err := c.err
	call.window = c.first
	c.calls[id] = call
	c.mu.Unlock()
	if err == nil {
		err = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.head.Bytes(), EndHeaders: true})
	}
	c.writing.Unlock()
	if err != nil {
		return nil, err
	}
	for len(data) > 0 {
		n := int64(min(frame, len(data), 16<<10))
		c.mu.Lock()
		for !call.over && c.err == nil && min(c.window, call.window) < n {
			c.granted.Wait()
		}
		if call.over || c.err != nil {
			c.mu.Unlock()
			return call, nil
		}
		c.window -= n
		call.window -= n
		c.mu.Unlock()
		c.writing.Lock()
		err := c.framer.WriteData(id, false, data[:n])
		c.writing.Unlock()
		if err != nil {
			return nil, err
		}
		c.a.add("bytes sent", int(n))
		data = data[n:]
	}
	return call, nil
}
