package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/clusterbus"
	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// testNode is a node whose streams the test changes.
type testNode struct {
	*cluster.Directory
	line    *clusterbus.Line
	carrier cluster.Transport // nil: that of the settings
	stop    func()            // politely

	mu      sync.Mutex
	streams map[string]cluster.Stream
	counts  cluster.Counts
	taken   []cluster.Stream
	moved   []string
}

// newNode starts a node on the bus.
func newNode(t *testing.T, bus *clusterbus.Bus, name string) *testNode {
	t.Helper()
	n := &testNode{line: bus.Line(), streams: map[string]cluster.Stream{}}
	n.start(t, name, n.line)
	return n
}

func (n *testNode) start(t *testing.T, name string, carrier cluster.Transport) {
	t.Helper()
	c := config.Default()
	c.Cluster.Name = "test.cluster"
	n.carrier = carrier
	n.run(t, c, cluster.Node{Name: name, Address: name + ":50051", Version: "v1"}, nil)
}

// run runs the node self.
func (n *testNode) run(t *testing.T, c config.Config, self cluster.Node, log *slog.Logger) {
	t.Helper()
	d, err := cluster.New(c, self, cluster.Options{
		Log:       log,
		Transport: n.carrier,
		Local: func() (list []cluster.Stream) {
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, s := range n.streams {
				list = append(list, s)
			}
			return list
		},
		Counts: func() cluster.Counts {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.counts
		},
		Taken: func(by cluster.Stream) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.taken = append(n.taken, by)
		},
		Moved: func(name string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.moved = append(n.moved, name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Directory = d
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	n.stop = func() { cancel(); <-ended }
	t.Cleanup(n.stop)
}

// publish gives the node a stream.
func (n *testNode) publish(name string, epoch int64) {
	n.mu.Lock()
	n.streams[name] = cluster.Stream{Name: name, Epoch: epoch, Format: "yuv420p 640x360", FPS: 25, Online: true}
	n.mu.Unlock()
	n.Changed()
}

// end takes a stream from it.
func (n *testNode) end(name string) {
	n.mu.Lock()
	delete(n.streams, name)
	n.mu.Unlock()
	n.Changed()
}

// saw returns, and forgets, what the directory told the node.
func (n *testNode) saw() (taken []cluster.Stream, moved []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken, moved = n.taken, n.moved
	n.taken, n.moved = nil, nil
	slices.Sort(moved)
	return taken, slices.Compact(moved)
}

// where returns the node that has a stream, as n knows it, "" for none.
func (n *testNode) where(name string) string {
	s, _ := n.Find(name)
	return s.Node
}

// pass lets time pass, and waits until nothing moves.
func pass(long time.Duration) {
	<-time.After(long)
	synctest.Wait()
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// names returns those of nodes.
func names(nodes []cluster.Node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return list
}

// TestFind: a stream of one node is found on all others at once, with its address, and not any more when it has ended.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		a, b, c := newNode(t, &bus, "a"), newNode(t, &bus, "b.site"), newNode(t, &bus, "c")
		pass(time.Millisecond)
		expect(t, "nodes", names(c.Nodes()), []string{"a", "b.site", "c"})
		b.publish("cars", 7)
		pass(time.Millisecond)
		for _, n := range []*testNode{a, c} {
			s, ok := n.Find("cars")
			expect(t, "found", ok, true)
			expect(t, "stream", s, cluster.Stream{Name: "cars", Node: "b.site", Address: "b.site:50051", Epoch: 7, Format: "yuv420p 640x360", FPS: 25, Online: true})
			expect(t, "epoch", n.Epoch("cars"), 7)
			_, moved := n.saw()
			expect(t, "moved", moved, []string{"cars"})
		}
		expect(t, "its own", b.where("cars"), "")
		expect(t, "another", a.where("buses"), "")
		pass(breath)
		b.end("cars")
		pass(time.Millisecond)
		expect(t, "ended", a.where("cars"), "")
		_, moved := a.saw()
		expect(t, "moved", moved, []string{"cars"})
	})
}

const breath = 100 * time.Millisecond

// TestLate: a node that comes later knows the streams of all others at once, however many they are.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		nodes := make([]*testNode, 5)
		for i := range nodes {
			nodes[i] = newNode(t, &bus, fmt.Sprintf("n%d", i))
			for s := range 1000 {
				nodes[i].publish(fmt.Sprintf("stream-of-a-long-name.%d.%04d", i, s), int64(s))
			}
		}
		pass(2 * time.Second)
		before := bus.Sent()
		late := newNode(t, &bus, "late")
		pass(time.Millisecond)
		list := late.Streams()
		expect(t, "streams", len(list), 5000)
		expect(t, "sorted", slices.IsSortedFunc(list, func(a, b cluster.Stream) int { return cmpNames(a, b) }), true)
		after := bus.Sent()
		t.Logf("a node comes to 5 others with 1000 streams each: %d messages, %d bytes", after.Messages-before.Messages, after.Bytes-before.Bytes)
		pass(10 * time.Second)
		expect(t, "refused", late.State().Refused, 0)
	})
}

func cmpNames(a, b cluster.Stream) int {
	if a.Name < b.Name {
		return -1
	}
	return 1
}

// TestSilence: what a node said counts for 3 s after it fell silent, and nothing of one that left.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		a, b, c := newNode(t, &bus, "a"), newNode(t, &bus, "b"), newNode(t, &bus, "c")
		b.publish("cars", 1)
		c.publish("buses", 1)
		pass(10 * time.Second)
		b.line.Hang(true)
		pass(2900 * time.Millisecond)
		expect(t, "within 3 s", a.where("cars"), "b")
		pass(1200 * time.Millisecond)
		expect(t, "after", a.where("cars"), "")
		expect(t, "nodes", names(a.Nodes()), []string{"a", "c"})
		expect(t, "expired", a.State().Expired, 1)
		c.stop()
		synctest.Wait()
		expect(t, "left", a.where("buses"), "")
		expect(t, "nodes", names(a.Nodes()), []string{"a"})
		b.line.Hang(false)
		pass(2 * time.Second)
		expect(t, "healed", a.where("cars"), "b")
	})
}

// TestFrozen: a node that lost NATS keeps what it knows, says so, and goes on when it is back.
func TestFrozen(t *testing.T) {
	for name, lose := range map[string]func(*testNode, bool){
		"cut":  func(n *testNode, lost bool) { n.line.Cut(map[bool]error{true: errors.New("connection refused")}[lost]) },
		"hung": func(n *testNode, lost bool) { n.line.Hang(lost) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bus clusterbus.Bus
				a, b, c := newNode(t, &bus, "a"), newNode(t, &bus, "b"), newNode(t, &bus, "c")
				b.publish("cars", 1)
				c.publish("buses", 1)
				pass(3 * time.Second)
				lost := time.Now()
				lose(a, true)
				pass(time.Hour)
				expect(t, "a stream", a.where("cars"), "b")
				s := a.State()
				if !s.Frozen || s.Since.Sub(lost) > 3*time.Second || s.Reason == "" {
					t.Errorf("got %+v, want frozen since %v", s, lost)
				}
				expect(t, "elsewhere", names(b.Nodes()), []string{"b", "c"})
				c.stop() // a does not hear that.
				b.publish("trams", 1)
				pass(time.Second)
				lose(a, false)
				pass(2 * time.Second)
				expect(t, "frozen", a.State().Frozen, false)
				expect(t, "news", a.where("trams"), "b")
				pass(3 * time.Second)
				expect(t, "what left", names(a.Nodes()), []string{"a", "b"})
			})
		})
	}
}

// TestTaken: of two publishers of one name the one with the higher epoch has the stream, and the node of the other is told, until it
// ends it. Partitions that heal are settled so too.
func TestTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		a, b, c := newNode(t, &bus, "a"), newNode(t, &bus, "b"), newNode(t, &bus, "c")
		a.publish("cars", 5)
		pass(time.Second)
		b.publish("cars", a.Epoch("cars")+b.Epoch("cars")+1) // 6
		pass(time.Second)
		expect(t, "the newer", c.where("cars"), "b")
		taken, _ := a.saw()
		if len(taken) == 0 || taken[0].Node != "b" || taken[0].Epoch != 6 {
			t.Errorf("got %v, want the one of b", taken)
		}
		taken, _ = b.saw()
		expect(t, "at the newer one", len(taken), 0)
		pass(3 * time.Second)
		if taken, _ = a.saw(); len(taken) < 2 {
			t.Errorf("got %v, want it said again", taken)
		}
		expect(t, "conflicts", a.State().Conflicts, 1)
		a.end("cars")
		pass(time.Second)
		a.saw()
		pass(3 * time.Second)
		taken, _ = a.saw()
		expect(t, "ended", len(taken), 0)
		b.end("cars")
		c.publish("trams", 9) // the same epoch twice: the greater name has it
		b.publish("trams", 9)
		pass(time.Second)
		expect(t, "of equals", a.where("trams"), "c")
		if taken, _ = b.saw(); len(taken) == 0 {
			t.Error("b has a stream of c, and was not told")
		}

		a.line.Move(1) // a partition: both sides go on
		pass(5 * time.Second)
		expect(t, "apart", a.where("trams"), "")
		a.publish("trams", 10)
		pass(5 * time.Second)
		expect(t, "here", c.where("trams"), "b")
		c.saw()
		a.line.Move(0)
		pass(2 * time.Second)
		expect(t, "healed", c.where("trams"), "a")
		if taken, _ = c.saw(); len(taken) == 0 || taken[0].Node != "a" {
			t.Errorf("got %v, want the one of a", taken)
		}
	})
}

// TestDraining: a node that is stopping is not asked for streams, and seen.
func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		a, b, c := newNode(t, &bus, "a"), newNode(t, &bus, "b"), newNode(t, &bus, "c")
		b.publish("cars", 5)
		c.publish("cars", 4)
		pass(time.Second)
		expect(t, "before", a.where("cars"), "b")
		a.saw()
		b.mu.Lock()
		b.counts = cluster.Counts{Draining: true, Viewers: 3, Pulls: 2, QueueWait: 5 * time.Millisecond}
		b.mu.Unlock()
		pass(time.Second)
		expect(t, "draining", a.where("cars"), "c")
		_, moved := a.saw()
		expect(t, "moved", moved, []string{"cars"})
		n, ok := a.Node("b")
		if !ok || !n.Draining || n.Viewers != 3 || n.Pulls != 2 || n.QueueWait != 5*time.Millisecond || n.Streams != 1 || n.Version != "v1" || n.Self {
			t.Errorf("got %+v", n)
		}
		c.end("cars")
		pass(time.Second)
		expect(t, "alone", a.where("cars"), "")
		expect(t, "its epoch", a.Epoch("cars"), 5)
	})
}

// TestRestart: a node that starts again has only the streams of its new process.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus clusterbus.Bus
		a, b := newNode(t, &bus, "a"), newNode(t, &bus, "b")
		b.publish("cars", 5)
		pass(time.Second)
		b.line.Hang(true) // killed: it does not say that it leaves
		again := newNode(t, &bus, "b")
		again.publish("buses", 6)
		pass(time.Second)
		expect(t, "of the first process", a.where("cars"), "")
		expect(t, "of the second", a.where("buses"), "b")
	})
}
