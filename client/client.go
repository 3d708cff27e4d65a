// Package client sends raw frames to a Steadyframe server and gets JPEGs back: those of its own frames (Client.Encode,
// Client.EncodeStream), or those of live streams, which Client.Publish feeds and Client.Watch shows. A pipeline.Spec says
// what the frames are and what to make of them, as for the library. Dial reaches a server over gRPC, DialRing one on the
// same machine through shared memory; the Client is the same.
//
//	c, err := client.Dial("127.0.0.1:50051", nil)
//	...
//	defer c.Close()
//	var response client.Response // keep it: its memory is used again
//	err = c.Encode(ctx, &client.Batch{Spec: spec, Frames: frames}, &response)
//	// response.Images[i].Data is the JPEG of frames[i], until the next call with this response
//
// Pixels are not copied on their way to the socket, and images are copied once, into memory of the Response, which is
// used again: a client in steady state allocates little whatever the size of its frames. Any stock gRPC client for
// api/steadyframe/v1 does the same work, with its own copies.
package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/apispec"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Options says how to reach a server. The zero value is right for one without a token, over plain TCP or a unix socket.
type Options struct {
	Token            string            // sent as Authorization: Bearer
	MaxResponseBytes int               // of one response; 0: 1 GiB
	TLS              *tls.Config       // nil: plain; the zero Config trusts the system's authorities, and takes the host of the target
	Dial             []grpc.DialOption // after the client's own, so that they win: other credentials, a dialer
}

// Client is a connection to a server, or one to each of several, made when it is first used, and again when it broke. Its
// methods may be called from any goroutine.
type Client struct {
	conn     *grpc.ClientConn
	token    string
	codec    codec
	spec     atomic.Pointer[specMessage] // of the last batch or stream that had one
	ring     *ringLink                   // nil: there is none
	balances bool                        // there may be several servers
}

const (
	defaultMaxResponse = 1 << 30
	streamWindow       = 4 << 20
	connWindow         = 16 << 20
	// writeBuffer gathers the 43 HTTP/2 frames of a frame of 640x360 into three system calls. A connection has it only
	// while it writes.
	writeBuffer = 256 << 10
)

// Dial returns a Client for the server at target, host:port or unix:/path, or for several: dns:///host:port has one at each
// address of that name, static:///host:port,host:port says them. Calls then go to servers that are up, and fewer to those
// that are busy; a stream stays where it was opened. Dial does not wait for a server. The caller closes the Client. nil is
// the zero Options.
func Dial(target string, options *Options) (*Client, error) {
	var o Options
	if options != nil {
		o = *options
	}
	most := o.MaxResponseBytes
	if most == 0 {
		most = defaultMaxResponse
	}
	if !strings.Contains(target, ":") || strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://") {
		return nil, fmt.Errorf("client: got target %q, want host:port, unix:/path, dns:///host:port or static:///host:port,host:port", target)
	}
	c := &Client{token: o.Token, codec: newCodec(), balances: balances(target)}
	var servers []grpc.DialOption
	if c.balances {
		var err error
		if servers, err = balancing(target); err != nil {
			return nil, err
		}
	}
	transport := insecure.NewCredentials()
	if o.TLS != nil {
		transport = credentials.NewTLS(o.TLS)
	}
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
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
	}, append(servers, o.Dial...)...)
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
func (c *Client) Close() error {
	if c.ring != nil {
		c.ring.close()
	}
	return c.conn.Close()
}

// Conn returns the connection, for other services of the same server: health, reflection.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

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

// specMessage is a Spec and the bytes of its message.
type specMessage struct {
	spec pipeline.Spec
	data []byte
}

// marshalSpec returns the bytes of the message that says spec: none for the zero Spec. It makes them once for all calls
// that have the same. The error is an *Error.
func (c *Client) marshalSpec(spec pipeline.Spec) ([]byte, error) {
	if spec == (pipeline.Spec{}) {
		return nil, nil
	}
	if m := c.spec.Load(); m != nil && m.spec == spec {
		return m.data, nil
	}
	data, err := apispec.Marshal(spec)
	if err != nil {
		return nil, specError(err)
	}
	c.spec.Store(&specMessage{spec, data})
	return data, nil
}
