package cluster

import (
	"errors"
	"time"
)

// parts are a list that comes in several messages.
type parts struct {
	revision uint64
	next, of int
	set      []streamMessage
}

const (
	// askAgain is the least time between two questions to one node.
	askAgain = 500 * time.Millisecond
)

// hear takes a message that came. It borrows data.
func (d *Directory) hear(subject string, data []byte) {
	k, from := d.subjects.parse(subject)
	d.mu.Lock()
	d.state.Received.Messages++
	d.state.Received.Bytes += int64(len(data))
	d.mu.Unlock()
	if k == unknown {
		d.refuse(subject, errors.New("the subject is none of a node"))
		return
	}
	if k == ask {
		if from != d.self.Name {
			d.respondTo(from)
		}
		return
	}
	m, err := parse(data)
	if err != nil {
		d.refuse(subject, err)
		return
	}
	if from == d.self.Name {
		d.hearSelf(m)
		return
	}
	d.take(k, from, &m)
}

// refuse counts a message that is wrong.
func (d *Directory) refuse(subject string, err error) {
	d.mu.Lock()
	d.state.Refused++
	d.mu.Unlock()
	d.o.Log.Debug("refusing a message of the cluster", "subject", subject, "err", err)
}

// hearSelf takes a message of this node, which shows that messages come, or of another one with its name.
func (d *Directory) hearSelf(m message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.Instance != d.own.instance {
		if d.twin.IsZero() || time.Since(d.twin) > expiry {
			d.o.Log.Error("another node has the name of this one: give each its own", "setting", "cluster.node", "node", d.self.Name)
		}
		d.twin = time.Now()
		return
	}
	d.heard = time.Now()
	d.thaw()
}

// take takes what another node said.
func (d *Directory) take(k kind, from string, m *message) {
	d.mu.Lock()
	names, were, question := d.apply(from, m)
	moved := d.table.moved(names, were)
	d.mu.Unlock()
	if m.Greeting && k == toAll {
		d.respondTo(from) // Then it knows this node, and may be asked.
	}
	if question {
		d.say(d.subjects.ask(from), &message{Instance: d.own.instance})
	}
	d.tell(moved)
}

// tell tells the node which streams are elsewhere now.
func (d *Directory) tell(moved []string) {
	if d.o.Moved != nil {
		for _, name := range moved {
			d.o.Moved(name)
		}
	}
	d.mu.RLock()
	here := false
	for _, name := range moved {
		_, has := d.own.announced[name]
		here = here || has
	}
	d.mu.RUnlock()
	if here {
		d.Changed() // Then settle looks.
	}
}

// apply changes the table as m says. It returns the names that it may have moved, with where they were, and whether the node must be
// asked for all its streams. d.mu is held.
func (d *Directory) apply(from string, m *message) (names []string, were []Stream, question bool) {
	t, now := &d.table, time.Now()
	p := t.peers[from]
	if m.Leaving {
		if p == nil || p.instance != m.Instance {
			return nil, nil, false
		}
		names = p.names()
		were = t.places(names)
		t.forget(p)
		return names, were, false
	}
	if p == nil || p.instance != m.Instance {
		if m.Alive == nil {
			return nil, nil, false // It says where it is within a second.
		}
		if p != nil {
			if started := time.UnixMilli(m.Alive.Started); started.Before(p.node.Started) {
				return nil, nil, false // What an earlier process said comes late, or two nodes have one name.
			}
			names = p.names()
			were = t.places(names)
			t.forget(p)
		}
		if p = t.meet(from); p == nil {
			d.state.Refused++
			return names, were, false
		}
		p.instance, p.known = m.Instance, m.Revision == 0 // Nobody has streams before the first change.
	}
	p.node.Seen, p.silent = now, now.Add(expiry)
	if a := m.Alive; a != nil {
		before := p.names()
		if p.node.Address != a.Address || p.node.Draining != a.Draining {
			names, were = append(names, before...), append(were, t.places(before)...)
		}
		p.node = Node{
			Name: from, Address: a.Address, Version: a.Version, Started: time.UnixMilli(a.Started), Streams: a.Streams, Viewers: a.Viewers, Pulls: a.Pulls,
			Draining: a.Draining, QueueWait: time.Duration(a.QueueWait) * time.Microsecond, Seen: now,
		}
		t.move(p)
	}
	n, w := d.applyStreams(p, m)
	names, were = append(names, n...), append(were, w...)
	if (!p.known || p.revision < m.Revision) && m.List == nil && now.Sub(p.asked) >= askAgain {
		p.asked, question = now, true
	}
	return names, were, question
}

// applyStreams changes the streams of p as m says.
func (d *Directory) applyStreams(p *peer, m *message) (names []string, were []Stream) {
	t := &d.table
	if c := m.Change; c != nil && p.known && m.Revision == p.revision+1 {
		names = append(names, c.Gone...)
		for _, s := range c.Set {
			names = append(names, s.Name)
		}
		were = t.places(names)
		for _, name := range c.Gone {
			t.drop(p, name)
		}
		p.revision = m.Revision
		d.setAll(p, c.Set)
		return names, were
	}
	l := m.List
	if l == nil || p.known && p.revision >= m.Revision {
		return nil, nil
	}
	if l.Part == 0 {
		p.parts = &parts{revision: m.Revision, of: l.Parts}
	}
	list := p.parts
	if list == nil || list.revision != m.Revision || list.of != l.Parts || list.next != l.Part || len(list.set)+len(l.Set) > mostOfNode {
		p.parts = nil // It is asked for again.
		return nil, nil
	}
	list.set = append(list.set, l.Set...)
	if list.next++; list.next < list.of {
		return nil, nil
	}
	p.parts = nil
	names = p.names()
	for _, s := range list.set {
		names = append(names, s.Name)
	}
	were = t.places(names)
	for _, name := range p.names() {
		t.drop(p, name)
	}
	p.known, p.revision = true, m.Revision
	d.setAll(p, list.set)
	return names, were
}

// setAll makes streams those of p. Those for which there is no room are left out.
func (d *Directory) setAll(p *peer, set []streamMessage) {
	for _, s := range set {
		if !d.table.set(p, s.stream()) {
			d.state.Refused++
		}
	}
}

// respondTo sends the streams of this node to another one, but not too often.
func (d *Directory) respondTo(to string) {
	d.mu.Lock()
	p := d.table.peers[to]
	ready := p != nil && time.Since(p.answered) >= askAgain/2 // Others have not said who they are.
	if ready {
		p.answered = time.Now()
	}
	d.mu.Unlock()
	if ready {
		d.respond(to)
	}
}
