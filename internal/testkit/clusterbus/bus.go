// Package clusterbus carries messages between nodes of one process, for tests and simulations: what NATS does, with lines that
// can be cut.
package clusterbus

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/steadyframe/steadyframe/internal/server/cluster"
)

// Bus carries messages between its lines. The zero value works.
type Bus struct {
	mu    sync.Mutex
	lines []*Line
	count cluster.Traffic
}

// Line returns a line of another node, which is in the part 0 of the network.
func (b *Bus) Line() *Line {
	l := &Line{bus: b, queue: make(chan delivery, 4096), state: make(chan error, 16)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, l)
	return l
}

// Sent returns the messages that were published.
func (b *Bus) Sent() cluster.Traffic {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// Line is a cluster.Transport of one node.
type Line struct {
	bus   *Bus
	queue chan delivery
	state chan error // what Run tells

	subjects []string // while Run runs; bus.mu guards what follows
	part     int
	cut      error // not nil: there is no connection
	hung     bool  // there is one, and nothing goes through
}

type delivery struct {
	subject string
	data    []byte
}

// Move puts the node into a part of the network: it hears, and is heard by, the others of that part.
func (l *Line) Move(part int) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	l.part = part
}

// Cut takes the connection away, with an error, or gives it back, with nil.
func (l *Line) Cut(err error) {
	l.bus.mu.Lock()
	l.cut = err
	l.bus.mu.Unlock()
	l.state <- err
}

// Hang makes the connection one that nothing comes through, though it is there.
func (l *Line) Hang(hung bool) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	l.hung = hung
}

// Run is that of cluster.Transport.
func (l *Line) Run(ctx context.Context, subjects []string, hear func(string, []byte), lost func(error)) error {
	l.bus.mu.Lock()
	l.subjects = subjects
	cut := l.cut
	l.bus.mu.Unlock()
	defer func() {
		l.bus.mu.Lock()
		defer l.bus.mu.Unlock()
		l.bus.lines = slices.DeleteFunc(l.bus.lines, func(o *Line) bool { return o == l })
	}()
	lost(cut)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.state:
			lost(err)
		case d := <-l.queue:
			hear(d.subject, d.data)
		}
	}
}

// errDown is Publish's for a line that is cut.
var errDown = errors.New("there is no connection")

// Publish is that of cluster.Transport. A node that does not read loses messages, as in NATS.
func (l *Line) Publish(subject string, data []byte) error {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.cut != nil {
		return errDown
	}
	if l.hung {
		return nil
	}
	b.count.Messages++
	b.count.Bytes += int64(len(data))
	data = slices.Clone(data)
	for _, o := range b.lines {
		if o.part != l.part || o.cut != nil || o.hung || !slices.ContainsFunc(o.subjects, func(s string) bool { return matches(s, subject) }) {
			continue
		}
		select {
		case o.queue <- delivery{subject, data}:
		default:
		}
	}
	return nil
}

// matches reports whether a subject is of a subscription, which may end in ".*".
func matches(subscription, subject string) bool {
	prefix, open := strings.CutSuffix(subscription, "*")
	rest, ok := strings.CutPrefix(subject, prefix)
	return subscription == subject || open && ok && rest != "" && !strings.Contains(rest, ".")
}
