package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// refusing is an echo that counts what it is asked, and refuses all of it with an error, if there is one.
type refusing struct {
	echo
	err   error
	asked atomic.Int32
}

func (r *refusing) Encode(ctx context.Context, m *api.EncodeRequest) (*api.EncodeResponse, error) {
	r.asked.Add(1)
	if r.err != nil {
		return nil, r.err
	}
	return r.echo.Encode(ctx, m)
}

// full is the error of a server without room.
func full(t *testing.T) error {
	t.Helper()
	st, err := status.New(codes.ResourceExhausted, "the queue is full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

// serveOn serves s on a free port until t ends, and returns its address.
func serveOn(t *testing.T, s api.FrameServiceServer) string {
	t.Helper()
	address, _ := serveWithHealth(t, s)
	return address
}

// serveWithHealth is serveOn for a test of the server's health.
func serveWithHealth(t *testing.T, s api.FrameServiceServer, more ...grpc.ServerOption) (string, *health.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(append(more, grpc.MaxRecvMsgSize(1<<30))...)
	api.RegisterFrameServiceServer(g, s)
	h := health.NewServer()
	h.SetServingStatus(api.FrameService_ServiceDesc.ServiceName, healthgrpc.HealthCheckResponse_SERVING)
	healthgrpc.RegisterHealthServer(g, h)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // It may not have begun.
			t.Error(err)
		}
	})
	return l.Addr().String(), h
}

// nobody returns an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func dialTarget(t *testing.T, target string) *Client {
	t.Helper()
	c, err := Dial(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var anySpec = pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 16, Height: 16}}

// TestBatchesGoToAnotherServer: a batch that a server is too busy for, or that stops or is gone, goes to another, and the
// caller may change its frames afterwards (which the race detector sees).
func TestBatchesGoToAnotherServer(t *testing.T) {
	good, busy, stopping := &refusing{}, &refusing{err: full(t)}, &refusing{err: status.Error(codes.Unavailable, "the server is stopping")}
	c := dialTarget(t, fmt.Sprintf("static:///%s,%s,%s,%s", serveOn(t, good), serveOn(t, busy), nobody(t), serveOn(t, stopping)))
	frames := [][]byte{make([]byte, 300_000), make([]byte, 100)}
	var r Response
	const batches = 40
	ready := func() bool { return busy.asked.Load() > 0 && stopping.asked.Load() > 0 }
	sent := int32(0)
	for ; sent < batches || !ready(); sent++ {
		for _, f := range frames {
			f[len(f)-1]++
		}
		if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: frames}, &r); err != nil {
			t.Fatalf("batch %d: %v", sent, err)
		}
		for i, f := range frames {
			if !bytes.Equal(r.Images[i].Data, f) {
				t.Fatalf("batch %d: got other bytes of frame %d", sent, i)
			}
		}
	}
	if got := good.asked.Load(); got != sent {
		t.Errorf("got %d batches at the server that takes them, want %d", got, sent)
	}
}

// TestFirstBatchWaitsForAnotherServer: a batch that the first server with a connection cannot take goes to one whose connection is not
// made yet. Where that one does not respond, the error is that of the first.
func TestFirstBatchWaitsForAnotherServer(t *testing.T) {
	for name, refusal := range map[string]error{"full": full(t), "stopping": status.Error(codes.Unavailable, "the server is stopping")} {
		for _, serves := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/serves=%v", name, serves), func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0") // The kernel accepts connections, and nobody responds.
				if err != nil {
					t.Fatal(err)
				}
				first, other := &refusing{err: refusal}, &refusing{}
				c := dialTarget(t, fmt.Sprintf("static:///%s,%s", serveOn(t, first), l.Addr()))
				got := make(chan error, 1)
				go func() {
					got <- c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, new(Response))
				}()
				select {
				case err := <-got:
					t.Errorf("got %v after %d tries, and the other server may still respond", err, first.asked.Load())
					got <- err
				case <-time.After(100 * time.Millisecond):
				}
				if serves {
					g := grpc.NewServer()
					api.RegisterFrameServiceServer(g, other)
					served := make(chan error, 1)
					go func() { served <- g.Serve(l) }()
					defer func() { g.Stop(); <-served }()
				} else if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				err = <-got
				if serves && (err != nil || other.asked.Load() != 1) {
					t.Errorf("got %v, and %d batches at the other server, want one", err, other.asked.Load())
				}
				if want := status.Code(refusal); !serves && (status.Code(err) != want || !strings.Contains(err.Error(), status.Convert(refusal).Message())) {
					t.Errorf("got %v, want the refusal of the first", err)
				}
			})
		}
	}
}

// TestAllServersRefuse: an error is that of the server, and clients do not go round for room.
func TestAllServersRefuse(t *testing.T) {
	servers := make([]*refusing, 3)
	target := staticScheme + "///"
	for i := range servers {
		servers[i] = &refusing{err: full(t)}
		target += serveOn(t, servers[i]) + ","
	}
	c := dialTarget(t, target[:len(target)-1])
	var e *Error
	var r Response
	const batches = 10
	for range batches {
		if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, &r); !errors.As(err, &e) || e.Code != codes.ResourceExhausted || e.RetryAfter != time.Second {
			t.Fatalf("got %v, want ResourceExhausted, and to come again after 1s", err)
		}
	}
	asked := int32(0)
	for _, s := range servers {
		asked += s.asked.Load()
	}
	// A batch that came before a second connection was there had no other server.
	if asked < batches || asked > 2*batches {
		t.Errorf("got %d tries of %d batches, want two of each at most", asked, batches)
	}

	c = dialTarget(t, "static:///"+nobody(t)+","+nobody(t))
	if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, &r); !errors.As(err, &e) || e.Code != codes.Unavailable {
		t.Errorf("got %v where nobody listens, want Unavailable", err)
	}
	wrong := &refusing{err: status.Error(codes.InvalidArgument, "wrong")}
	c = dialTarget(t, "static:///"+serveOn(t, wrong)+","+serveOn(t, wrong))
	if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, &r); !errors.As(err, &e) || e.Code != codes.InvalidArgument || wrong.asked.Load() != 1 {
		t.Errorf("got %v after %d tries, want InvalidArgument after one", err, wrong.asked.Load())
	}
}

// TestSickServersAreLeftOut: a server that says that it is stopping gets no further batch.
func TestSickServersAreLeftOut(t *testing.T) {
	well, sick := &refusing{}, &refusing{}
	address, h := serveWithHealth(t, sick)
	c := dialTarget(t, "static:///"+serveOn(t, well)+","+address)
	var r Response
	encode := func() {
		t.Helper()
		if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, &r); err != nil {
			t.Fatal(err)
		}
	}
	for sick.asked.Load() == 0 {
		encode()
	}
	h.Shutdown()
	for deadline, without := time.Now().Add(time.Minute), 0; without < 20; {
		before := sick.asked.Load()
		if encode(); sick.asked.Load() == before {
			without++
		} else if without = 0; time.Now().After(deadline) {
			t.Fatal("a server that is stopping is still asked after a minute")
		}
	}
}

// TestNamesOfSeveralServers: localhost may have an address more than the one where a server is.
func TestNamesOfSeveralServers(t *testing.T) {
	s := &refusing{}
	_, port, err := net.SplitHostPort(serveOn(t, s))
	if err != nil {
		t.Fatal(err)
	}
	c := dialTarget(t, "dns:///localhost:"+port)
	var r Response
	for range 3 {
		if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{7}}}, &r); err != nil || r.Images[0].Data[0] != 7 {
			t.Fatalf("got %v, %v", r.Images, err)
		}
	}
}

// certificate returns a certificate for that name or address, signed by itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	data, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{data}, PrivateKey: key, Leaf: leaf}
}

// TestServersHaveNamesOfTheirOwn: the certificate of each of several servers is for its own name, and that of another is none.
func TestServersHaveNamesOfTheirOwn(t *testing.T) {
	roots := x509.NewCertPool()
	target := staticScheme + "///"
	var servers [3]refusing
	for i, name := range []string{"127.0.0.1", "localhost", "other.example"} {
		own := certificate(t, name)
		roots.AddCert(own.Leaf)
		address, _ := serveWithHealth(t, &servers[i], grpc.Creds(credentials.NewServerTLSFromCert(&own)))
		if _, port, err := net.SplitHostPort(address); err != nil {
			t.Fatal(err)
		} else if name == "localhost" {
			address = "localhost:" + port
		}
		target += address + ","
	}
	c, err := Dial(target[:len(target)-1], &Options{TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var r Response
	for servers[0].asked.Load() == 0 || servers[1].asked.Load() == 0 {
		if err := c.Encode(t.Context(), &Batch{Spec: anySpec, Frames: [][]byte{{1}}}, &r); err != nil {
			t.Fatal(err)
		}
	}
	if n := servers[2].asked.Load(); n != 0 {
		t.Errorf("a server with the certificate of another name got %d batches", n)
	}
}

func TestStaticTargets(t *testing.T) {
	for _, target := range []string{"static:///a:1", "static:///a:1,b:2,[::1]:3", "static:a:1,b:2"} {
		if c, err := Dial(target, nil); err != nil {
			t.Errorf("%s: got %v", target, err)
		} else {
			c.Close()
		}
	}
	for _, target := range []string{"static:", "static:///", "static:///a", "static:///a:1,", "static:///a:1,b", "static:///a:1,a:1", "static://x/a:1", "static:///a:1, b:2", "static:///:1"} {
		if c, err := Dial(target, nil); err == nil {
			t.Errorf("%s: got no error", target)
			c.Close()
		}
	}
}
