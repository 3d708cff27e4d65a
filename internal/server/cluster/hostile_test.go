package cluster_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// heardOnly is a directory that is told messages by the test, and what it says itself.
type heardOnly struct {
	*cluster.Directory
	asked []string // subjects
}

// Run is never called: these tests speak to the directory themselves.
func (h *heardOnly) Publish(subject string, _ []byte) error {
	h.asked = append(h.asked, subject)
	return nil
}

func newHeardOnly(t testing.TB) *heardOnly {
	t.Helper()
	h := &heardOnly{}
	c := config.Default()
	c.Cluster.Name = "test"
	d, err := cluster.New(c, cluster.Node{Name: "self", Address: "self:1"}, cluster.Options{Transport: publisher{Publisher: h}})
	if err != nil {
		t.Fatal(err)
	}
	h.Directory = d
	return h
}

// publisher is a transport that only sends.
type publisher struct {
	Publisher interface {
		Publish(subject string, data []byte) error
	}
	cluster.Transport
}

func (p publisher) Publish(subject string, data []byte) error {
	return p.Publisher.Publish(subject, data)
}

// hear tells it a message of a node.
func (h *heardOnly) hear(subject, message string) {
	cluster.Hear(h.Directory, subject, []byte(message))
}

// where returns the node that has a stream.
func (h *heardOnly) where(name string) string {
	s, _ := h.Find(name)
	return s.Node
}

const (
	aliveOfB  = `{"instance":7,"revision":0,"alive":{"address":"b:50051","started_ms":1000}}`
	changeOfB = `{"instance":7,"revision":1,"change":{"set":[{"name":"cars","epoch":5,"online":true}]}}`
)

// TestHostile: what is wrong is refused as a whole, counted, and changes nothing.
func TestHostile(t *testing.T) {
	long := strings.Repeat("x", 65)
	for name, message := range map[string]string{
		"no-json":         "alive",
		"nothing":         "",
		"another-type":    `{"instance":"7"}`,
		"negative":        `{"instance":-1}`,
		"too-long":        `{"instance":8,"alive":{"address":"c:1","version":"` + strings.Repeat("x", cluster.MostMessage) + `"}}`,
		"no-address":      `{"instance":8,"alive":{}}`,
		"no-port":         `{"instance":8,"alive":{"address":"c"}}`,
		"address-spaces":  `{"instance":8,"alive":{"address":"c d:1"}}`,
		"url":             `{"instance":8,"alive":{"address":"http://c:1"}}`,
		"counts":          `{"instance":8,"alive":{"address":"c:1","viewers":-1}}`,
		"wait":            `{"instance":8,"alive":{"address":"c:1","queue_wait_us":9223372036854775807}}`,
		"parts":           `{"instance":8,"alive":{"address":"c:1"},"list":{"part":2,"parts":2}}`,
		"no-parts":        `{"instance":8,"alive":{"address":"c:1"},"list":{}}`,
		"stream-name":     `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"../etc"}]}}`,
		"stream-long":     `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"` + long + `"}]}}`,
		"stream-gone":     `{"instance":8,"alive":{"address":"c:1"},"change":{"gone":["a b"]}}`,
		"epoch":           `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"a","epoch":-1}]}}`,
		"epoch-of-no-end": `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"a","epoch":9223372036854775807}]}}`,
		"fps":             `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"a","fps":1e300}]}}`,
		"fps-below":       `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"a","fps":-1}]}}`,
		"one-of-many":     `{"instance":8,"alive":{"address":"c:1"},"change":{"set":[{"name":"good"},{"name":""}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeardOnly(t)
			h.hear("steadyframe.test.node.b", aliveOfB)
			h.hear("steadyframe.test.node.b", changeOfB)
			h.hear("steadyframe.test.node.c", message)
			expect(t, "refused", h.State().Refused, 1)
			expect(t, "nodes", names(h.Nodes()), []string{"b", "self"})
			expect(t, "others", h.where("cars"), "b")
		})
	}
	for _, subject := range []string{
		"steadyframe.other.node.c", "steadyframe.test.node.", "steadyframe.test.node.c.d", "steadyframe.test.node.C", "steadyframe.test.node." + long, "steadyframe.test.node.c,,d",
		"steadyframe.test.list.b.c", "steadyframe.test.what.c", "steadyframe.test.node", "", "steadyframe.test.list.self.",
	} {
		h := newHeardOnly(t)
		h.hear(subject, `{"instance":8,"alive":{"address":"c:1"}}`)
		if h.State().Refused != 1 || len(h.Nodes()) != 1 {
			t.Errorf("subject %q: got %d refused, nodes %v, want it refused", subject, h.State().Refused, names(h.Nodes()))
		}
	}
}

// TestOutOfOrder: changes count in their order alone. After a gap the node is asked, once in half a second, and its list counts.
func TestOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeardOnly(t)
		const b = "steadyframe.test.node.b"
		h.hear(b, changeOfB) // before it said where it is
		expect(t, "nodes", names(h.Nodes()), []string{"self"})
		h.hear(b, aliveOfB)
		h.hear(b, changeOfB)
		h.hear(b, changeOfB) // again
		expect(t, "asked", h.asked, nil)
		h.hear(b, `{"instance":7,"revision":3,"change":{"gone":["cars"]}}`) // 2 is missing
		expect(t, "after a gap", h.where("cars"), "b")
		expect(t, "asked", h.asked, []string{"steadyframe.test.ask.b.self"})
		h.hear(b, `{"instance":7,"revision":4,"change":{"gone":["cars"]}}`)
		expect(t, "asked at once", len(h.asked), 1)
		pass(time.Second)
		h.hear(b, `{"instance":7,"revision":4,"alive":{"address":"b:50051","started_ms":1000}}`)
		expect(t, "asked again", len(h.asked), 2)

		const list = "steadyframe.test.list.self.b"
		h.hear(list, `{"instance":7,"revision":4,"list":{"part":1,"parts":2,"set":[{"name":"trams"}]}}`) // without its first part
		h.hear(list, `{"instance":7,"revision":4,"list":{"part":0,"parts":2,"set":[{"name":"buses"}]}}`)
		expect(t, "half a list", h.where("buses"), "")
		h.hear(list, `{"instance":7,"revision":4,"list":{"part":1,"parts":2,"set":[{"name":"trams"}]}}`)
		expect(t, "a list", []string{h.where("cars"), h.where("buses"), h.where("trams")}, []string{"", "b", "b"})
		h.hear(list, `{"instance":7,"revision":2,"list":{"part":0,"parts":1}}`) // an older one
		expect(t, "an older list", h.where("buses"), "b")

		h.hear(b, `{"instance":6,"revision":0,"alive":{"address":"old:1","started_ms":999}}`) // an earlier process
		h.hear(b, `{"instance":6,"revision":0,"leaving":true}`)
		expect(t, "an earlier process", h.where("buses"), "b")
		h.hear(b, `{"instance":8,"revision":0,"alive":{"address":"new:1","started_ms":2000}}`)
		expect(t, "a later process", h.where("buses"), "")
		n, _ := h.Node("b")
		expect(t, "its address", n.Address, "new:1")
		h.hear(b, `{"instance":8,"revision":0,"leaving":true}`)
		expect(t, "left", names(h.Nodes()), []string{"self"})
	})
}

// TestBounds: there are so many nodes and streams, and no more, whoever says so.
func TestBounds(t *testing.T) {
	h := newHeardOnly(t)
	for i := range cluster.MostNodes + 10 {
		h.hear(fmt.Sprintf("steadyframe.test.node.n%d", i), aliveOfB)
	}
	expect(t, "nodes", len(h.Nodes()), cluster.MostNodes+1)
	expect(t, "refused", h.State().Refused, 10)

	h = newHeardOnly(t)
	h.hear("steadyframe.test.node.b", aliveOfB)
	revision := 0
	for revision*500 < cluster.MostOfNode+1000 {
		var set []string
		for i := range 500 {
			set = append(set, fmt.Sprintf(`{"name":"s%d"}`, revision*500+i))
		}
		revision++
		h.hear("steadyframe.test.node.b", fmt.Sprintf(`{"instance":7,"revision":%d,"change":{"set":[%s]}}`, revision, strings.Join(set, ",")))
	}
	expect(t, "streams", len(h.Streams()), cluster.MostOfNode)
	expect(t, "refused", h.State().Refused, 1000)
	h.hear("steadyframe.test.node.b", `{"instance":7,"leaving":true}`)
	expect(t, "streams after it left", len(h.Streams()), 0)
}

// TestTwins: two nodes of one name are told so.
func TestTwins(t *testing.T) {
	h := newHeardOnly(t)
	h.hear("steadyframe.test.node.self", aliveOfB)
	if s := h.State(); !strings.Contains(s.Reason, "has the name of this one") {
		t.Errorf("got %+v, want it to say that another node has its name", s)
	}
	expect(t, "nodes", names(h.Nodes()), []string{"self"})
}

// FuzzHear: whatever a node says, it speaks for itself alone, what it says is within bounds, and nothing panics.
func FuzzHear(f *testing.F) {
	for _, seed := range []string{aliveOfB, changeOfB, `{"instance":7,"revision":4,"list":{"part":0,"parts":2,"set":[{"name":"buses","format":"\u001b[1m"}]}}`, `{"instance":7,"leaving":true}`, `{"greeting":true,"alive":{"address":"[::1]:2"}}`, `[]`, `null`} {
		f.Add("steadyframe.test.node.x", seed)
		f.Add("steadyframe.test.list.self.x", seed)
	}
	f.Add("steadyframe.test.ask.self.x", "")
	f.Add("steadyframe.test.node.self", aliveOfB)
	f.Fuzz(func(t *testing.T, subject, data string) {
		if strings.HasSuffix(subject, ".b") {
			t.Skip() // It may say what it likes of itself.
		}
		h := newHeardOnly(t)
		h.hear("steadyframe.test.node.b", aliveOfB)
		h.hear("steadyframe.test.node.b", changeOfB)
		h.hear("steadyframe.test.node.x", aliveOfB)
		before, _ := h.Node("b")
		h.hear(subject, data)
		h.hear(subject, data)
		if after, _ := h.Node("b"); !reflect.DeepEqual(after, before) {
			t.Fatalf("%q %q: got %+v of another node, want %+v", subject, data, after, before)
		}
		for _, n := range h.Nodes() {
			if config.CheckNodeName(n.Name) != nil || config.CheckAddress(n.Address) != nil || len(n.Version) > 64 {
				t.Fatalf("%q %q: got the node %+v", subject, data, n)
			}
		}
		for _, s := range h.Streams() {
			if stream.CheckName(s.Name) != nil || len(s.Format) > 64 || strings.ContainsFunc(s.Format, func(r rune) bool { return r < ' ' || r > '~' }) || s.Epoch < 0 || !(s.FPS >= 0) {
				t.Fatalf("%q %q: got the stream %+v", subject, data, s)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Fatal(err)
			}
		}
		if s, ok := h.Find("cars"); !ok || s.Node == "b" && s.Epoch != 5 {
			t.Fatalf("%q %q: got %+v, %v of a stream of another node", subject, data, s, ok)
		}
		if slices.ContainsFunc(h.asked, func(s string) bool {
			return !strings.HasPrefix(s, "steadyframe.test.") || strings.ContainsAny(s, "*> ")
		}) {
			t.Fatalf("%q %q: got it to speak on %q", subject, data, h.asked)
		}
	})
}
