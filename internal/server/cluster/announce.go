package cluster

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// ownStreams are the streams of this node as others know them. The goroutine of announce alone writes it, with Directory.mu held
// where others read.
type ownStreams struct {
	instance  uint64
	revision  uint64
	announced map[string]streamMessage // by name
	lost      map[string]int64         // epochs of those that other nodes have with a higher one
	counted   time.Time                // when rates and viewers were announced last
}

// recount is how often rates and numbers of viewers are announced that have changed.
const recount = 5 * time.Second

// announce says that this node lives, and what streams it has, until ctx ends.
func (d *Directory) announce(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	d.refresh()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.refresh()
			d.sayAlive(false)
			d.expire()
			d.settle()
		case <-d.changed:
			d.refresh()
			d.settle()
			_ = pause.For(ctx, breath)
		}
	}
}

// sayAlive says to all how this node is. Others respond to a greeting with what they have.
func (d *Directory) sayAlive(greeting bool) {
	alive := d.alive()
	d.mu.RLock()
	revision := d.own.revision
	d.mu.RUnlock()
	d.say(d.subjects.all(), &message{Instance: d.own.instance, Revision: revision, Greeting: greeting, Alive: alive})
}

// alive returns how this node is.
func (d *Directory) alive() *aliveMessage {
	n := d.describe()
	return &aliveMessage{
		Address: n.Address, Version: n.Version, Started: n.Started.UnixMilli(), Viewers: max(n.Viewers, 0), Pulls: max(n.Pulls, 0), Streams: n.Streams,
		QueueWait: max(n.QueueWait, 0).Microseconds(), Draining: n.Draining,
	}
}

// leave says that this node is none any more.
func (d *Directory) leave() {
	d.say(d.subjects.all(), &message{Instance: d.own.instance, Revision: d.own.revision, Leaving: true})
}

// say sends a message.
func (d *Directory) say(subject string, m *message) {
	if d.transport == nil {
		return
	}
	data := m.encode()
	if err := d.transport.Publish(subject, data); err != nil {
		return // It is known: lost was called, or will be.
	}
	d.mu.Lock()
	d.state.Sent.Messages++
	d.state.Sent.Bytes += int64(len(data))
	d.mu.Unlock()
}

// local returns the streams of this node, as they are announced.
func (d *Directory) local() map[string]streamMessage {
	if d.o.Local == nil {
		return nil
	}
	streams := d.o.Local()
	now := make(map[string]streamMessage, len(streams))
	for _, s := range streams {
		if stream.CheckName(s.Name) != nil || len(now) >= mostOfNode {
			continue
		}
		fps := math.Round(s.FPS*10) / 10
		if !(fps >= 0 && fps <= math.MaxInt32) {
			fps = 0
		}
		now[s.Name] = streamMessage{Name: s.Name, Epoch: min(max(s.Epoch, 0), mostEpoch), Format: text(s.Format), FPS: fps, Viewers: max(s.Viewers, 0), Online: s.Online, Sound: s.Sound, Fixed: s.Fixed}
	}
	return now
}

// refresh announces how the streams of this node differ from what was announced. Rates and numbers of viewers alone are no reason
// to, for some time.
func (d *Directory) refresh() {
	now := d.local()
	counts := time.Since(d.own.counted) >= recount
	var set []streamMessage
	var gone []string
	for name, s := range now {
		was, has := d.own.announced[name]
		still := s
		still.FPS, still.Viewers = was.FPS, was.Viewers
		if !has || still != was || counts && s != was {
			set = append(set, s)
		} else {
			now[name] = was // Others have that.
		}
	}
	for name := range d.own.announced {
		if _, has := now[name]; !has {
			gone = append(gone, name)
		}
	}
	if counts {
		d.own.counted = time.Now()
	}
	if len(set) == 0 && len(gone) == 0 {
		return
	}
	slices.SortFunc(set, func(a, b streamMessage) int { return strings.Compare(a.Name, b.Name) })
	changes := changesOf(set, gone)
	d.mu.Lock()
	d.own.announced = now
	first := d.own.revision
	d.own.revision += uint64(len(changes))
	d.mu.Unlock()
	for i, c := range changes {
		d.say(d.subjects.all(), &message{Instance: d.own.instance, Revision: first + uint64(i) + 1, Change: c})
	}
}

// changesOf divides changes over messages.
func changesOf(set []streamMessage, gone []string) (changes []*changeMessage) {
	c, bytes := &changeMessage{}, 0
	full := func(more int) {
		if bytes += more; bytes > fullMessage {
			changes = append(changes, c)
			c, bytes = &changeMessage{}, more
		}
	}
	for _, name := range gone {
		full(len(name) + 3)
		c.Gone = append(c.Gone, name)
	}
	for _, s := range set {
		full(s.bytes())
		c.Set = append(c.Set, s)
	}
	return append(changes, c)
}

// respond sends all streams of this node to another one, and how it is.
func (d *Directory) respond(to string) {
	alive := d.alive()
	d.mu.RLock()
	revision, set := d.own.revision, make([]streamMessage, 0, len(d.own.announced))
	for _, s := range d.own.announced {
		set = append(set, s)
	}
	d.mu.RUnlock()
	changes := changesOf(set, nil)
	for i, c := range changes {
		d.say(d.subjects.list(to), &message{Instance: d.own.instance, Revision: revision, Alive: alive, List: &listMessage{Part: i, Parts: len(changes), Set: c.Set}})
		alive = nil
	}
}
