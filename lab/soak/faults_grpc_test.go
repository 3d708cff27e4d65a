package soak

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// grpcMisuses are ways to misuse Encode and EncodeStream, and the port that they are on.
var grpcMisuses = []misuse{
	{"grpc-noise", grpcNoise},
	{"grpc-wrong-message", grpcWrongMessage},
	{"grpc-wrong-spec", grpcWrongSpec},
	{"grpc-wrong-planes", grpcWrongPlanes},
	{"grpc-huge", grpcHuge},
	{"grpc-dies", grpcDies},
	{"grpc-stalls", grpcStalls},
	{"grpc-cancels", grpcCancels},
	{"grpc-reads-nothing", grpcReadsNothing},
	{"grpc-silent-flood", func(m *misuser) error {
		return silentFlood(m, m.s.GRPC, beginningOfCall(m.s, "EncodeStream", declare(64<<20)))
	}},
}

// dial returns a client, which the caller closes.
func (m *misuser) dial() (*client.Client, error) { return client.Dial(m.s.GRPC, nil) }

// wantCode returns an error unless err has one of the codes.
func wantCode(err error, want ...codes.Code) error {
	got := status.Code(err)
	for _, c := range want {
		if got == c {
			return nil
		}
	}
	if got == codes.ResourceExhausted {
		return errBusy
	}
	return fmt.Errorf("got %v, want code %v", err, want)
}

// grpcNoise: what is no HTTP/2 is hung up on.
func grpcNoise(m *misuser) error {
	_, err := m.exchange(m.s.GRPC, m.noise(m.between(1, 4000)), 1<<16)
	return err
}

// grpcWrongMessage: bytes that are no message, or a compressed one, are refused.
func grpcWrongMessage(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	data := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, m.noise(m.between(0, 3000))...) // no tag is that long
	err = c.Conn().Invoke(m.ctx, api.FrameService_Encode_FullMethodName, data, &data, grpc.ForceCodecV2(asIs{encoding.GetCodecV2("proto")}))
	return wantCode(err, codes.InvalidArgument)
}

// asIs is a codec of messages that are bytes already.
type asIs struct{ encoding.CodecV2 }

// Marshal is part of encoding.CodecV2.
func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

// Unmarshal is part of encoding.CodecV2.
func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// grpcWrongSpec: a Spec that makes no sense is refused.
func grpcWrongSpec(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	wrong := []func(*pipeline.Spec){
		func(s *pipeline.Spec) { s.Input = frame.Desc{} },
		func(s *pipeline.Spec) { s.Input.Format = 77 },
		func(s *pipeline.Spec) { s.Input.Width = 0 },
		func(s *pipeline.Spec) { s.Input.Width, s.Input.Height = 1<<31-1, 1<<31-1 },
		func(s *pipeline.Spec) { s.Resize.Width = 1 << 20 },
		func(s *pipeline.Spec) { s.Output.Quality = 101 },
		func(s *pipeline.Spec) { s.Output.Restart = -2 },
		func(s *pipeline.Spec) { s.Crop = pipeline.Rect{X: 600, Width: 100, Height: 1<<31 - 1} },
	}
	spec := m.rings.w1.spec
	wrong[m.random.IntN(len(wrong))](&spec)
	var response client.Response
	return wantCode(c.Encode(m.ctx, &client.Batch{Spec: spec, Frames: m.rings.w1.frames[:1]}, &response), codes.InvalidArgument)
}

// grpcWrongPlanes: a frame that lacks a plane, or has one too many, fails alone, and the others of its batch do not.
func grpcWrongPlanes(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.EncodeStream(m.ctx)
	if err != nil {
		return err
	}
	frame := m.rings.w1.frames[0]
	wrong := [][]byte{frame[:len(frame)/3], frame[:len(frame)/3*2], append(append([]byte{}, frame...), frame[:len(frame)/3]...), {}}
	var response client.Response
	for i, spec := range []pipeline.Spec{m.rings.w1.spec, {}} { // with the spec beside the frames, and without
		batch := client.Batch{Spec: spec, Frames: [][]byte{frame, wrong[m.random.IntN(len(wrong))], frame}}
		if err := s.Send(&batch); err != nil && err != io.EOF {
			return err
		}
		if err := s.Recv(&response); err != nil {
			return wantCode(err, codes.ResourceExhausted)
		}
		if len(response.Images) != 3 {
			return fmt.Errorf("batch %d: got %d images, want 3", i, len(response.Images))
		}
		if err := wantCode(response.Images[1].Err, codes.InvalidArgument); err != nil {
			return err
		}
		for _, k := range []int{0, 2} {
			if response.Images[k].Err != nil {
				return fmt.Errorf("a frame beside a wrong one: %w", response.Images[k].Err)
			}
			if err := m.rings.w1.check(response.Images[k].Data, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// declare is the head of a message of so many bytes, and of one frame that fills it.
func declare(bytes uint32) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, bytes), 3<<3|2, 0xf0, 0xff, 0xff, 0x1f, 0)
}

// grpcHuge: a message that is declared beyond limits.max_message_bytes is refused before it comes.
func grpcHuge(m *misuser) error {
	conn, closed, err := m.call("Encode", declare(uint32(m.between(300<<20, 1<<32-1))))
	if err != nil {
		return err
	}
	defer closed()
	code, err := statusOf(conn, responseTime)
	if err == nil && code != "3" && code != "8" {
		err = fmt.Errorf("got grpc-status %s, want 3", code)
	}
	return err
}

// grpcDies: a client that dies inside a frame.
func grpcDies(m *misuser) error {
	data := declare(17 << 20)
	conn, closed, err := m.call([]string{"Encode", "EncodeStream"}[m.random.IntN(2)], append(data, m.noise(m.between(0, 60000-len(data)))...))
	if err != nil {
		return err
	}
	defer closed()
	if m.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // with a reset
	}
	return nil
}

// grpcStalls: a call that stops inside a frame is ended after timeouts.receive.
func grpcStalls(m *misuser) error {
	data := declare(17 << 20)
	begin := time.Now()
	conn, closed, err := m.call("EncodeStream", append(data, m.noise(m.between(0, 60000-len(data)))...))
	if err != nil {
		return err
	}
	defer closed()
	code, err := statusOf(conn, m.longest)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if m.longest >= stallLongest {
			return fmt.Errorf("no response after %v inside a frame, want status 4 after timeouts.receive: %w", time.Since(begin).Round(time.Millisecond), err)
		}
		return nil
	}
	if err == nil && code != "4" && code != "8" && code != "3" { // 3: it is known by then that the Spec is missing
		err = fmt.Errorf("got grpc-status %s, want 4", code)
	}
	return err
}

// grpcCancels: calls that are canceled at any time.
func grpcCancels(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for range 3 {
		ctx, cancel := context.WithTimeout(m.ctx, time.Duration(m.between(0, 40_000))*time.Microsecond)
		var response client.Response
		numbers := m.rings.w1.run(m.number, 25)
		err := c.Encode(ctx, &client.Batch{Spec: m.rings.w1.spec, Frames: m.rings.w1.batch(numbers)}, &response)
		cancel()
		if err == nil {
			err = checkResponse(m.rings.w1, &response, numbers)
		} else {
			err = wantCode(err, codes.Canceled, codes.DeadlineExceeded)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// grpcReadsNothing: a client that sends batches and takes no responses, which fit no window, until it dies.
func grpcReadsNothing(m *misuser) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(m.ctx, m.longest)
	defer cancel()
	s, err := c.EncodeStream(ctx)
	if err != nil {
		return err
	}
	batch := client.Batch{Frames: [][]byte{make([]byte, 256)}, Spec: pipeline.Spec{
		Input:  frame.Desc{Format: frame.Gray8, Width: 16, Height: 16},
		Resize: pipeline.Resize{Width: 1200, Height: 1200},
		Output: pipeline.Output{Format: pipeline.RawRGBA},
	}}
	for range 12 { // What has no room waits in the client.
		if err := s.Send(&batch); err != nil {
			break
		}
	}
	m.hold()
	return nil
}

// beginningOfCall is a connection's first bytes: a call of a method of FrameService, and data as the beginning of its
// messages, of 60 kB at most: an HTTP/2 window takes no more.
func beginningOfCall(s *served, method string, data []byte) []byte {
	var head, out bytes.Buffer
	enc := hpack.NewEncoder(&head)
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/steadyframe.v1.FrameService/" + method},
		{Name: ":authority", Value: s.GRPC}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		_ = enc.WriteField(f) // into memory
	}
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true})
	for ; len(data) > 0; data = data[min(len(data), 16<<10):] {
		_ = framer.WriteData(1, false, data[:min(len(data), 16<<10)])
	}
	return out.Bytes()
}

// call begins a call on a connection of its own.
func (m *misuser) call(method string, data []byte) (net.Conn, func(), error) {
	conn, closed, err := m.connect(m.s.GRPC)
	if err != nil {
		return nil, nil, err
	}
	_, _ = conn.Write(beginningOfCall(m.s, method, data)) // What is wrong, reading says.
	return conn, closed, nil
}

// statusOf reads a connection of call until the call ends, so long at most, and returns its grpc-status. A connection
// that is reset ends with 8.
func statusOf(conn net.Conn, within time.Duration) (code string, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := framer.ReadFrame()
		if hungUp(err) {
			return "8", nil
		}
		if err != nil {
			return "", err
		}
		h, ok := f.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, field := range h.Fields {
			if field.Name == "grpc-status" {
				code = field.Value
			}
		}
		if h.StreamEnded() {
			return code, nil
		}
	}
}
