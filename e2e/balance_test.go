package e2e

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/pipeline"
)

// byServer counts calls by the address of the server that served them.
type byServer struct {
	mu sync.Mutex
	n  map[string]int
}

func (b *byServer) intercept(ctx context.Context, method string, request, response any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
	var p peer.Peer
	err := invoke(ctx, method, request, response, cc, append(o, grpc.Peer(&p))...)
	if err == nil {
		b.mu.Lock()
		b.n[p.Addr.String()]++
		b.mu.Unlock()
	}
	return err
}

// restart returns the counts and begins anew.
func (b *byServer) restart() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := maps.Clone(b.n)
	clear(b.n)
	return n
}

// TestClientBalances: of four servers one is killed and one has work of others to do. No batch fails, and the busy server
// gets fewer than any other that is left.
func TestClientBalances(t *testing.T) {
	t.Parallel()
	var servers []*daemon.Server
	var addresses []string
	for range 4 {
		s := daemon.Serve(t, program, nil, "--set", "workers=1")
		servers, addresses = append(servers, s), append(addresses, s.GRPC)
	}
	dead, slow, others := servers[0], servers[1].GRPC, addresses[2:]
	counts := &byServer{n: map[string]int{}}
	c, err := client.Dial("static:///"+strings.Join(addresses, ","), &client.Options{Dial: []grpc.DialOption{grpc.WithUnaryInterceptor(counts.intercept)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	for range 6 {
		working.Go(func() { keepBusy(ctx, t, slow) })
	}
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 320, Height: 180}}
	for range 3 {
		working.Go(func() {
			pixels := make([]byte, 320*180*3)
			var r client.Response
			for ctx.Err() == nil {
				if err := c.Encode(ctx, &client.Batch{Spec: spec, Frames: [][]byte{pixels}}, &r); err != nil && ctx.Err() == nil {
					t.Errorf("a batch failed: %v", err)
					return
				}
			}
		})
	}
	daemon.WaitFor(t, "batches at all servers", func() bool {
		counts.mu.Lock()
		defer counts.mu.Unlock()
		return t.Failed() || len(counts.n) == 4
	})
	dead.Kill()
	counts.restart()
	daemon.WaitFor(t, "200 batches of which the busy server got less than half of what each other got", func() bool {
		counts.mu.Lock()
		defer counts.mu.Unlock()
		got := counts.n
		if got[slow]+got[others[0]]+got[others[1]] < 200 || t.Failed() {
			return t.Failed()
		}
		less := 2*got[slow] < min(got[others[0]], got[others[1]])
		if !less {
			clear(got) // It is not known yet how busy they are.
		}
		return less
	})
}

// keepBusy gives a server large batches until ctx ends.
func keepBusy(ctx context.Context, t *testing.T, address string) {
	c, err := client.Dial(address, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	s, err := c.EncodeStream(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	b := client.Batch{Spec: pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}}}
	for range 8 {
		b.Frames = append(b.Frames, make([]byte, 640*360*3))
	}
	var r client.Response
	for err == nil {
		if err = s.Send(&b); err == nil {
			err = s.Recv(&r)
		}
	}
	if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the other work failed: %v", err)
	}
}
