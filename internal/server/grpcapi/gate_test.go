package grpcapi

import (
	"slices"
	"testing"

	"google.golang.org/grpc/mem"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// TestGateMakesRoom: a call too many takes the place of the one that has been silent for longest, of the same connection or
// address and kind; where all are busy, it is refused with the name of the limit.
func TestGateMakesRoom(t *testing.T) {
	c := config.Default()
	c.GRPC.MaxCallsPerConnection, c.GRPC.MaxCallsPerPeer, c.Limits.MaxRequests = 3, 5, 4
	g := newGate(c)
	one, two, three := alone(), alone(), alone()
	var evicted []string
	var tickets []*ticket
	enter := func(name string, c *connection, peer string, class class, silent bool, limit string) *ticket {
		t.Helper()
		tk, err := g.enter(c, peer, class, func() { evicted = append(evicted, name) })
		if f := fault.From(err); (f != nil) != (limit != "") || f != nil && (f.Kind != fault.Busy || f.Limit != limit) {
			t.Fatalf("%s: got %v, want limit %q", name, err, limit)
		}
		if err != nil {
			return nil
		}
		if !silent {
			tk.busy()
		}
		tickets = append(tickets, tk)
		return tk
	}
	want := func(names ...string) {
		t.Helper()
		if !slices.Equal(evicted, names) {
			t.Fatalf("got %q evicted, want %q", evicted, names)
		}
	}
	enter("a", one, "p", frameCalls, true, "")
	enter("b", one, "p", frameCalls, true, "")
	enter("c", one, "p", frameCalls, false, "")
	want()
	enter("d", one, "p", frameCalls, true, "") // The connection has three: the oldest silent one goes.
	want("a")
	tickets[0].leave()
	enter("e", two, "p", frameCalls, false, "")
	enter("f", two, "p", frameCalls, false, "")
	want("a")
	enter("g", two, "p", frameCalls, false, "") // The address has five.
	want("a", "b")
	tickets[1].leave()
	tickets[3].busy() // d speaks
	enter("h", three, "p", frameCalls, false, "grpc.max_calls_per_peer")
	enter("i", two, "q", frameCalls, false, "grpc.max_calls_per_connection")
	enter("j", three, "q", frameCalls, true, "") // another address
	for range c.Limits.MaxRequests - 1 {
		enter("k", alone(), "r", frameCalls, true, "")
	}
	want("a", "b")
	enter("l", alone(), "s", frameCalls, true, "")
	want("a", "b", "j") // the oldest of all silent ones
	for range helperLimits[reflectionCalls].perConnection {
		enter("r", one, "p", reflectionCalls, false, "")
	}
	enter("s", one, "p", reflectionCalls, false, "calls of reflection of a connection")
	enter("t", one, "p", healthCalls, true, "")
	for _, tk := range tickets {
		if tk != tickets[0] && tk != tickets[1] {
			tk.leave()
		}
	}
	for c := range classes {
		if g.open[c] != 0 || g.silent[c].n != 0 || g.silent[c].first != nil || g.silent[c].last != nil {
			t.Errorf("class %d: got %d calls, %d silent after all have left", c, g.open[c], g.silent[c].n)
		}
	}
	if len(g.peers) != 0 || one.calls != [classes]int{} {
		t.Errorf("got %v and %v counted after all have left", g.peers, one.calls)
	}
}

// TestGateWhileCallsEnd: calls of health that are being ended do not keep out a connection that has none.
func TestGateWhileCallsEnd(t *testing.T) {
	g := newGate(config.Default())
	enter := func(c *connection) (*ticket, error) { return g.enter(c, "p", healthCalls, func() {}) }
	var first *ticket
	for range g.watching / helperLimits[healthCalls].perConnection {
		c := alone()
		for range helperLimits[healthCalls].perConnection {
			ticket, err := enter(c)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = ticket
			} else {
				ticket.busy()
			}
		}
	}
	again := alone()
	busy := func(what string, c *connection) {
		t.Helper()
		ticket, err := enter(c)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		ticket.busy()
	}
	busy("in the place of the first, which is silent", again)
	busy("while the first ends, for a connection without calls", alone())
	if _, err := enter(again); fault.From(err) == nil {
		t.Error("while the first ends: a connection that has a call was let in")
	}
	first.leave()
	if _, err := enter(alone()); fault.From(err) == nil {
		t.Error("when the first has ended: got no error, want that there is no room")
	}
}

// TestGateSparesSingleCalls: connections with many silent calls, which make more without end, do not end the one of another
// connection, however long its message takes; whether those that are ended leave at once, late or never.
func TestGateSparesSingleCalls(t *testing.T) {
	for _, class := range []class{frameCalls, healthCalls, reflectionCalls} {
		for _, leaves := range []int{0, 1, 7} { // so many calls after it was ended
			g := newGate(config.Default())
			spared := true
			if _, err := g.enter(alone(), "p", class, func() { spared = false }); err != nil {
				t.Fatal(err)
			}
			flood := make([]*connection, 9)
			for i := range flood {
				flood[i] = alone()
			}
			var ended []*ticket
			entered, refused := 0, 0
			for i := range 20_000 {
				var ticket *ticket
				ticket, err := g.enter(flood[i%len(flood)], "p", class, func() { ended = append(ended, ticket) })
				if err != nil {
					refused++
				} else {
					entered++
				}
				for leaves > 0 && len(ended) >= leaves {
					ended[0].leave()
					ended = ended[1:]
				}
			}
			if !spared {
				t.Errorf("class %d, those that are ended leave after %d more: the single call was ended", class, leaves)
			}
			if leaves > 0 && entered < 10_000 || leaves == 0 && refused == 0 {
				t.Errorf("class %d, those that are ended leave after %d more: got %d calls in and %d refused", class, leaves, entered, refused)
			}
		}
	}
}

func TestClassOf(t *testing.T) {
	for method, want := range map[string]class{
		"/steadyframe.v1.FrameService/Encode": frameCalls, "/grpc.health.v1.Health/Check": healthCalls, "/grpc.health.v1.Health/Watch": healthCalls,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": reflectionCalls, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": reflectionCalls,
	} {
		if got := classOf(method); got != want {
			t.Errorf("%s: got class %d, want %d", method, got, want)
		}
	}
}

// TestFrameBuffers: a buffer has at most twice the memory that was asked for, and comes back.
func TestFrameBuffers(t *testing.T) {
	var f mem.BufferPool = newFrameBuffers()
	for _, n := range []int{0, 1, 1025, 2047, 2048, 2049, 9000, 16384, 16385, 60000, 128 << 10, 128<<10 + 1, 1 << 20} {
		p := f.Get(n)
		if len(*p) != n || cap(*p) > max(2*n, 2048) {
			t.Errorf("Get(%d): got %d bytes with room for %d, want at most twice as much", n, len(*p), cap(*p))
		}
		f.Put(p)
		*p = (*p)[:0]
	}
	odd := make([]byte, 3000)
	f.Put(&odd)
	if p := f.Get(3000); cap(*p) != 4096 {
		t.Errorf("got room for %d bytes, want a buffer of the pool's own", cap(*p))
	}
}
