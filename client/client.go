// Package client sends raw frames to a Steadyframe server over gRPC and gets pictures back: those of its own frames
// (Client.Encode, Client.Stream), or those of live streams, which Client.Publish feeds and Client.Watch shows.
//
//	c, err := client.Dial("127.0.0.1:50051", nil)
//	...
//	defer c.Close()
//	s, err := c.Stream(ctx)
//	...
//	var response client.Response
//	for frames := range batches {
//		if err := s.Send(&client.Batch{Spec: spec, Frames: frames}); err != nil { ... }
//		if err := s.Recv(&response); err != nil { ... }
//		// response.Pictures[i].Data is the JPEG of frames[i], until the next Recv into response
//	}
//
// Pixels are not copied on their way to the socket, and pictures are copied once, into memory of the Response, which is
// used again: a stream in steady state allocates little whatever the size of its frames. Any stock gRPC client for
// api/steadyframe/v1 does the same work, with its own copies.
package client

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
)

// Options says how to reach a server. The zero value is right for one without a token, over plain TCP or a unix socket.
type Options struct {
	Token            string            // sent as Authorization: Bearer
	MaxResponseBytes int               // of one response; 0: 1 GiB
	Dial             []grpc.DialOption // after the client's own, so that they win: credentials for TLS, a dialer
}

// Client is a connection to a server, made when it is first used, and again when it broke. Its methods may be called
// from any goroutine.
type Client struct {
	conn  *grpc.ClientConn
	token string
	codec codec
}

const (
	defaultMaxResponse = 1 << 30
	streamWindow       = 4 << 20
	connWindow         = 16 << 20
	// writeBuffer gathers the 43 HTTP/2 frames of a frame of 640x360 into three system calls. A connection has it only
	// while it writes.
	writeBuffer = 256 << 10
)

// Dial returns a Client for the server at target, host:port or unix:/path. It does not wait for the server. The caller
// closes the Client. nil is the zero Options.
func Dial(target string, options *Options) (*Client, error) {
	var o Options
	if options != nil {
		o = *options
	}
	most := o.MaxResponseBytes
	if most == 0 {
		most = defaultMaxResponse
	}
	if !strings.Contains(target, ":") {
		return nil, fmt.Errorf("client: got target %q, want host:port or unix:/path", target)
	}
	c := &Client{token: o.Token, codec: newCodec()}
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(c.codec),
			grpc.MaxCallRecvMsgSize(most),
			grpc.MaxCallSendMsgSize(math.MaxInt32),
		),
		// With windows of a fixed size the client does not measure the line for each response. Both or none: one alone
		// would leave the other at 64 KiB.
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithWriteBufferSize(writeBuffer),
		grpc.WithDisableRetry(), // A retry would hold on to frames after they are sent.
	}, o.Dial...)
	if strings.HasPrefix(target, unixScheme) {
		dial = slices.Insert(dial, 0, grpc.WithContextDialer(dialUnix))
	}
	conn, err := grpc.NewClient(target, dial...)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.conn = conn
	return c, nil
}

// Close ends the connection and all calls on it.
func (c *Client) Close() error { return c.conn.Close() }

// Conn returns the connection, for other services of the same server: health, reflection.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Encode sends one batch, which must have a Spec, and puts its pictures into a. It borrows the frames until it returns;
// after an error, until Close, since gRPC may still be sending them. The error is an *Error.
func (c *Client) Encode(ctx context.Context, b *Batch, a *Response) error {
	return toError(c.conn.Invoke(c.context(ctx), api.FrameService_Encode_FullMethodName, b, a))
}

// Stream opens a stream of batches, which lasts until its CloseSend and last Recv, an error, or the end of ctx. The
// error is an *Error.
func (c *Client) Stream(ctx context.Context) (*Stream, error) {
	s, err := c.open(ctx, api.FrameService_EncodeStream_FullMethodName)
	if err != nil {
		return nil, err
	}
	return &Stream{stream: s}, nil
}

// open opens a call of a method with messages in both directions. The error is an *Error.
func (c *Client) open(ctx context.Context, method string) (grpc.ClientStream, error) {
	desc := &grpc.StreamDesc{StreamName: path.Base(method), ClientStreams: true, ServerStreams: true}
	s, err := c.conn.NewStream(c.context(ctx), desc, method)
	return s, toError(err)
}

// context returns ctx with the token, if there is one.
func (c *Client) context(ctx context.Context) context.Context {
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
}

// Stream is a stream of batches and their responses, in the same order. One goroutine may Send while another Recvs.
type Stream struct{ stream grpc.ClientStream }

// Send sends a batch. The first must have a Spec; it holds until another batch has one. It waits while the server takes
// no more. It retains the frames until their response is there, or, after an error, until the Client's Close; the Batch
// itself it borrows. io.EOF means that the stream has ended: Recv says why. Any other error is an *Error.
func (s *Stream) Send(b *Batch) error { return toError(s.stream.SendMsg(b)) }

// Recv waits for the next response and puts it into a. It returns io.EOF after the last response, when CloseSend was
// called; any other error is an *Error.
func (s *Stream) Recv(a *Response) error { return toError(s.stream.RecvMsg(a)) }

// CloseSend says that no further batch comes. The responses to those sent still do.
func (s *Stream) CloseSend() error { return toError(s.stream.CloseSend()) }
