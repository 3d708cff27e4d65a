package client

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"google.golang.org/grpc"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// MelSpec describes sound, and the features of it that are wanted (docs/mel.md).
type MelSpec struct {
	Preset   string // one of mel.Presets
	Format   string // s16le, u8, s24le, s32le, f32le or f64le
	Rate     int    // samples a second, 8000 to 48000
	Channels int    // which are averaged; 0: 1

	// Of Client.Mel alone:
	ByBands bool    // the shape (bands, frames), instead of (frames, bands)
	FPS     float64 // windows for a video of so many frames a second, of the shape (video frames, bands, window); 0: none
	Window  int     // frames of features of a window; 0 with FPS 0
}

// message returns the message that says s.
func (s *MelSpec) message() *api.MelSpec {
	count := func(n int) uint32 { return uint32(min(max(int64(n), 0), math.MaxUint32)) } // The server says what is wrong.
	return &api.MelSpec{
		Preset: s.Preset, Format: s.Format, Rate: count(s.Rate), Channels: count(s.Channels),
		ByBands: s.ByBands, Fps: s.FPS, Window: count(s.Window),
	}
}

// Features are what a server computed of sound. They are filled again and again, in the same memory.
type Features struct {
	Shape  []int     // two or three sizes; the last counts fastest
	Values []float32 // as many as the product of Shape
}

// set sets f to what m says.
func (f *Features) set(m *api.MelResponse) error {
	f.Shape, f.Values = f.Shape[:0], f.Values[:0]
	n := uint64(1)
	for _, size := range m.Shape {
		f.Shape = append(f.Shape, int(size))
		n = min(n, 1<<31) * uint64(size)
	}
	if uint64(len(m.Features)) != 4*n {
		return errResponse
	}
	f.Values = slices.Grow(f.Values, len(m.Features)/4)
	for p := m.Features; len(p) > 0; p = p[4:] {
		f.Values = append(f.Values, math.Float32frombits(binary.LittleEndian.Uint32(p)))
	}
	return nil
}

// Mel computes the features of a whole sound: pcm has samples of all channels, one moment after the other, and is borrowed
// until Mel returns. The call goes over gRPC also where the Client has a ring. The error is an *Error.
func (c *Client) Mel(ctx context.Context, spec MelSpec, pcm []byte, f *Features) error {
	var m api.MelResponse
	err := c.conn.Invoke(c.context(ctx), api.FrameService_Mel_FullMethodName, &api.MelRequest{Spec: spec.message(), Pcm: pcm}, &m)
	if err != nil {
		return toError(err)
	}
	return f.set(&m)
}

// MelStream computes the features of sound that comes in pieces, one hop of sound behind it. It lasts until its CloseSend and
// last Recv, an error, or the end of ctx. One goroutine may Send while another Recvs. The error is an *Error.
func (c *Client) MelStream(ctx context.Context, spec MelSpec) (*MelStream, error) {
	s, err := c.open(ctx, api.FrameService_MelStream_FullMethodName)
	if err != nil {
		return nil, err
	}
	return &MelStream{stream: s, spec: spec.message()}, nil
}

// MelStream is a stream of pieces of sound and their features.
type MelStream struct {
	stream grpc.ClientStream
	spec   *api.MelSpec // nil: it is sent
}

// Send sends a piece of sound, whole moments, which it borrows until it returns. Send waits while the server takes no more.
// io.EOF means that the stream has ended: Recv says why. Any other error is an *Error.
func (s *MelStream) Send(pcm []byte) error {
	err := s.stream.SendMsg(&api.MelRequest{Spec: s.spec, Pcm: pcm})
	s.spec = nil
	return toError(err)
}

// Recv waits for the features that the next piece completes, and puts them into f: none, of the shape (0, bands), for a
// piece that completes none. After CloseSend and the last piece those come that reach beyond the end of the sound, and then
// io.EOF. Any other error is an *Error.
func (s *MelStream) Recv(f *Features) error {
	var m api.MelResponse
	if err := s.stream.RecvMsg(&m); err != nil {
		if err == io.EOF {
			return err
		}
		return toError(err)
	}
	return f.set(&m)
}

// CloseSend says that no further piece comes.
func (s *MelStream) CloseSend() error { return toError(s.stream.CloseSend()) }
