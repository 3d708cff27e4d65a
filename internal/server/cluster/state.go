package cluster

import "time"

// lost says that the connection to NATS is gone, and nil that it is there again.
func (d *Directory) lost(err error) {
	if err != nil {
		d.freeze(err.Error())
		return
	}
	d.mu.RLock()
	first := len(d.table.peers) == 0 // Otherwise others say within a second what is new.
	d.mu.RUnlock()
	d.sayAlive(first) // When this node hears that, it hears others too.
}

// freeze keeps what is known of other nodes: their silence tells nothing.
func (d *Directory) freeze(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state.Frozen {
		d.state.Reason = reason
		return
	}
	d.state.Frozen, d.state.Since, d.state.Reason = true, time.Now(), reason
	d.o.Log.Warn("the directory of the cluster is frozen: streams of other nodes stay as they were", "reason", reason, "nodes", len(d.table.peers))
}

// thaw ends that: this node has heard itself. The others have some time to speak. d.mu is held.
func (d *Directory) thaw() {
	if !d.state.Frozen {
		return
	}
	now := time.Now()
	d.o.Log.Info("the directory of the cluster is connected", "after", now.Sub(d.state.Since).Round(time.Millisecond).String(), "nodes", len(d.table.peers))
	d.state.Frozen, d.state.Since, d.state.Reason = false, now, ""
	for _, p := range d.table.peers {
		p.silent = now.Add(expiry)
	}
}

// expire forgets nodes that are silent, unless it is this one that hears nothing.
func (d *Directory) expire() {
	now := time.Now()
	d.mu.RLock()
	frozen, hears := d.state.Frozen, d.transport == nil || now.Sub(d.heard) <= deaf
	d.mu.RUnlock()
	switch {
	case frozen:
		return
	case !hears:
		d.freeze("NATS does not answer")
		return
	}
	var moved []string
	d.mu.Lock()
	for name, p := range d.table.peers {
		if now.Before(p.silent) {
			continue
		}
		names := p.names()
		were := d.table.places(names)
		d.table.forget(p)
		d.state.Expired++
		moved = append(moved, d.table.moved(names, were)...)
		d.o.Log.Warn("a node of the cluster is silent", "node", name, "address", p.node.Address, "streams", len(names))
	}
	d.mu.Unlock()
	d.tell(moved)
}

// settle says which streams of this node are elsewhere with a higher epoch. It is for the goroutine of announce.
func (d *Directory) settle() {
	var taken []Stream
	d.mu.Lock()
	for name, own := range d.own.announced {
		by, ok := d.table.newest(name)
		if !ok || !newer(by, Stream{Epoch: own.Epoch, Node: d.self.Name}) {
			continue
		}
		taken = append(taken, by)
		if d.own.lost[name] != own.Epoch {
			d.state.Conflicts++
		}
	}
	d.own.lost = make(map[string]int64, len(taken))
	for _, by := range taken {
		d.own.lost[by.Name] = d.own.announced[by.Name].Epoch
	}
	d.mu.Unlock()
	if d.o.Taken == nil {
		return
	}
	for _, by := range taken {
		d.o.Taken(by)
	}
}
