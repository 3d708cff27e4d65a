package server_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/pipeline"
)

// inFrames returns messages with gRPC's framing.
func inFrames(t testing.TB, messages ...proto.Message) (out []byte) {
	t.Helper()
	for _, m := range messages {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(binary.BigEndian.AppendUint32(append(out, 0), uint32(len(data))), data...)
	}
	return out
}

// TestUnreadResponsesUnderBudget: callers that send little, are owed large responses, and read nothing cost the process
// no more than the budget, lose their connections, and do not keep others from being served. 4 KB make 8 MB here: 24
// times that is 3 times the budget.
func TestUnreadResponsesUnderBudget(t *testing.T) {
	const budget, floor, callers = 64 << 20, 16 << 20, 24
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 64, Height: 64}, Resize: pipeline.Resize{Width: 1414, Height: 1414},
		Output: pipeline.Output{Format: pipeline.RawRGBA}}
	request := &api.EncodeRequest{Spec: specMessage(t, spec), Frames: [][]byte{make([]byte, 64*64)}}
	for _, method := range []string{"Encode", "EncodeStream"} {
		t.Run(method, func(t *testing.T) {
			t.Setenv(childCollects, "yes")
			t.Setenv("GOMEMLIMIT", fmt.Sprint(budget+budget/8+32<<20))
			server := startChild(t, `{"limits.memory_budget": "64MiB", "limits.memory_floor": "16MiB", "timeouts.send": "1s", "timeouts.queue": "10s", "limits.max_message_bytes": "16MiB"}`)
			good, err := client.Dial(server.GRPC, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = good.Close() }()
			steady, err := good.EncodeStream(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			batch := &client.Batch{Spec: w1, Frames: makeFrames(t, w1.Input, 2)}
			encodeOnStream(t, steady, batch, 50)
			before := server.collected(t)

			messages := inFrames(t, request)
			if method == "EncodeStream" {
				messages = inFrames(t, request, request)
			}
			begin := time.Now()
			conns := make([]net.Conn, callers)
			for i := range conns {
				conns[i] = beginCall(t, server.GRPC, method, messages)
				defer func() { _ = conns[i].Close() }()
			}
			var peak int64
			var waits []time.Duration
			for c := server.counters(t); c.Stats.OpenRequests > 1 || time.Since(begin) < time.Second; c = server.counters(t) {
				start := time.Now()
				encodeOnStream(t, steady, batch, 1)
				waits = append(waits, time.Since(start))
				peak = max(peak, c.RSS)
				if time.Since(begin) > 3*time.Minute {
					t.Fatalf("got %d requests open after 3 minutes, want the unread ones ended", c.Stats.OpenRequests)
				}
			}
			eventually(t, "all memory is given back", func() bool {
				st := server.counters(t).Stats
				return st.Pool.InUse == 0 && st.Pool.Admitted == 0
			})
			slices.Sort(waits)
			t.Logf("%d calls ended after %v; memory from %d MB to %d MB, budget %d MB; %d batches of another meanwhile, the slowest after %v",
				callers, time.Since(begin).Round(time.Millisecond), before.RSS>>20, peak>>20, budget>>20, len(waits), waits[len(waits)-1])
			if most := before.RSS + budget + 32<<20; peak > most {
				t.Errorf("got %d bytes resident, want at most %d: what it was, the budget and 32 MiB", peak, most)
			}
			if method == "Encode" {
				return // The other waits for the rest.
			}
			// By itself: what is idle is freed after some seconds, but for the pool's floor.
			within(t, 3*time.Minute, "memory is what it was, the floor and 16 MiB", func() bool {
				return server.counters(t).RSS < before.RSS+floor+16<<20
			})
			t.Logf("memory is back to %d MB after %v", server.counters(t).RSS>>20, time.Since(begin).Round(time.Millisecond))
		})
	}
}

// TestUnreadWatchUnderBudget: viewers that read nothing of large JPEGs cost no more than the budget, and are
// disconnected after live.stall.
func TestUnreadWatchUnderBudget(t *testing.T) {
	const budget, viewers = 64 << 20, 40
	t.Setenv(childCollects, "yes")
	t.Setenv("GOMEMLIMIT", fmt.Sprint(budget+budget/8+32<<20))
	server := startChild(t, `{"limits.memory_budget": "64MiB", "limits.memory_floor": "16MiB", "live.stall": "1s", "limits.max_message_bytes": "16MiB"}`)
	c, err := client.Dial(server.GRPC, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p, err := c.Publish(timeout(t), "cam1", pipeline.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jpegs := [2][]byte{largeJPEG(t, 0, 4<<20), largeJPEG(t, 1, 4<<20)}
	send := func(n int) {
		if err := p.Send(jpegs[n%2]); err != nil {
			t.Fatal(err)
		}
	}
	send(0)
	before := server.collected(t)
	request := inFrames(t, &api.WatchRequest{Stream: "cam1"})
	begin := time.Now()
	var peak int64
	for n := 0; n < viewers || server.counters(t).Stats.Pool.InUse > 16<<20; n++ {
		if n < viewers {
			conn := beginCall(t, server.GRPC, "Watch", request)
			defer func() { _ = conn.Close() }()
		}
		send(n)
		peak = max(peak, server.counters(t).RSS)
		if time.Since(begin) > 3*time.Minute {
			t.Fatalf("got %d bytes leased after 3 minutes, want the viewers ended", server.counters(t).Stats.Pool.InUse)
		}
	}
	t.Logf("%d viewers ended after %v; memory from %d MB to %d MB, budget %d MB", viewers, time.Since(begin).Round(time.Millisecond), before.RSS>>20, peak>>20, budget>>20)
	if most := before.RSS + budget + 32<<20; peak > most {
		t.Errorf("got %d bytes resident, want at most %d: what it was, the budget and 32 MiB", peak, most)
	}
}

// TestUnreadListsAreHeld: responses of ListStreams that nobody reads are in the budget, and their connection is closed after
// timeouts.send.
func TestUnreadListsAreHeld(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Timeout.Send = server.Duration(2 * time.Second) })
	c := s.dial(t)
	const streams, calls = 30, 40 // of about 4 KB each: more than the 64 KiB that are sent without being read
	for i := range streams {
		publish(t, c, fmt.Sprintf("stream-with-a-long-name-to-make-the-list-longer-%d", i), pipeline.Spec{})
	}
	list, err := c.ListStreams(timeout(t))
	if err != nil || len(list) != streams {
		t.Fatalf("got %d streams, %v, want %d", len(list), err, streams)
	}
	eventually(t, "the response that was read is no longer held", func() bool { return s.Unsent() == 0 })
	conn := flood(t, s.Addrs().GRPC, "/steadyframe.v1.FrameService/ListStreams", calls, inFrames(t, &api.ListStreamsRequest{}), 100)
	defer func() { _ = conn.Close() }()
	eventually(t, "unread responses are held", func() bool { return s.Unsent() > 0 })
	eventually(t, "they are given up, with their connection", func() bool { return s.Unsent() == 0 })
}

// largeJPEG returns a JPEG of about so many bytes.
func largeJPEG(t testing.TB, n, size int) []byte {
	t.Helper()
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.Gray8, Width: 640, Height: 360}}
	f := makeFrames(t, spec.Input, n+1)[n]
	data := slices.Clone(encodeDirectly(t, spec, [][]byte{f})[0])
	comment := append([]byte{0xff, 0xfe, 0xff, 0xff}, strings.Repeat("x", 65533)...)
	out := slices.Clone(data[:2])
	for len(out) < size {
		out = append(out, comment...)
	}
	return append(out, data[2:]...)
}
