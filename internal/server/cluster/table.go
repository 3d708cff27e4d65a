package cluster

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// mostNodes bounds the other nodes that are known. A table of as many, with mostStreams in all, takes about 50 MB.
	mostNodes = 4096
	// mostOfNode bounds the streams of one of them.
	mostOfNode = 20_000
	// mostStreams bounds the streams of all of them.
	mostStreams = 100_000
)

// table is what other nodes said of themselves. It is not safe for use by several goroutines.
type table struct {
	self    string
	peers   map[string]*peer
	holders map[string][]*peer // by name of stream: the nodes that have it
	streams int                // of all peers
}

// peer is another node.
type peer struct {
	node     Node
	instance uint64            // of its process
	revision uint64            // of its streams, as they are known here
	known    bool              // the streams are those of that revision
	streams  map[string]Stream // by name
	asked    time.Time         // when it was asked for all of them last
	answered time.Time         // when it was sent all streams of this node last
	parts    *parts            // of a list that has begun to come
	silent   time.Time         // it is left when nothing has come by then
	origin   bool              // it is one of cluster.origins, which knows nothing of this node's publishers
}

func newTable(self string) table {
	return table{self: self, peers: map[string]*peer{}, holders: map[string][]*peer{}}
}

// newer reports whether of two publishers of one name a is the one that counts.
func newer(a, b Stream) bool {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), strings.Compare(a.Node, b.Node)) > 0
}

// find is Directory.Find.
func (t *table) find(name string) (s Stream, ok bool) {
	for _, p := range t.holders[name] {
		if !p.node.Draining && (!ok || newer(p.streams[name], s)) {
			s, ok = p.streams[name], true
		}
	}
	return s, ok
}

// newest returns the stream of that name whose publisher counts, on whichever node of the cluster.
func (t *table) newest(name string) (s Stream, ok bool) {
	for _, p := range t.holders[name] {
		if !p.origin && (!ok || newer(p.streams[name], s)) {
			s, ok = p.streams[name], true
		}
	}
	return s, ok
}

// epoch is Directory.Epoch.
func (t *table) epoch(name string) int64 {
	s, _ := t.newest(name)
	return s.Epoch
}

// all is Directory.Streams.
func (t *table) all() []Stream {
	list := make([]Stream, 0, len(t.holders))
	for name := range t.holders {
		if s, ok := t.find(name); ok {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// nodes is Directory.Nodes. missing are servers that do not respond, known or not, by name.
func (t *table) nodes(self Node, missing map[string]Node) []Node {
	list := make([]Node, 0, len(t.peers)+1+len(missing))
	list = append(list, self)
	for name, p := range t.peers {
		if _, is := missing[name]; !is {
			list = append(list, p.node)
		}
	}
	list = slices.AppendSeq(list, maps.Values(missing))
	slices.SortFunc(list, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// meet returns the peer of that name, which it makes where there is none; nil where there are too many.
func (t *table) meet(name string) *peer {
	p := t.peers[name]
	if p == nil && len(t.peers) < mostNodes {
		p = &peer{node: Node{Name: name}, streams: map[string]Stream{}}
		t.peers[name] = p
	}
	return p
}

// set makes s a stream of p, and reports whether there was room for it.
func (t *table) set(p *peer, s Stream) bool {
	s.Node, s.Address = p.node.Name, p.node.Address
	if _, has := p.streams[s.Name]; !has {
		if len(p.streams) >= mostOfNode || t.streams >= mostStreams {
			return false
		}
		t.streams++
		t.holders[s.Name] = append(t.holders[s.Name], p)
	}
	p.streams[s.Name] = s
	return true
}

// drop takes a stream from p.
func (t *table) drop(p *peer, name string) {
	if _, has := p.streams[name]; !has {
		return
	}
	delete(p.streams, name)
	t.streams--
	if left := slices.DeleteFunc(t.holders[name], func(other *peer) bool { return other == p }); len(left) > 0 {
		t.holders[name] = left
	} else {
		delete(t.holders, name)
	}
}

// names returns the names of p's streams; of nil, none.
func (p *peer) names() []string {
	if p == nil {
		return nil
	}
	return slices.Collect(maps.Keys(p.streams))
}

// move gives the streams of p its present address.
func (t *table) move(p *peer) {
	for name, s := range p.streams {
		s.Address = p.node.Address
		p.streams[name] = s
	}
}

// forget takes p out, and returns the names of the streams that it had.
func (t *table) forget(p *peer) []string {
	names := p.names()
	for _, name := range names {
		t.drop(p, name)
	}
	delete(t.peers, p.node.Name)
	return names
}

// places returns where the streams of those names are now.
func (t *table) places(names []string) []Stream {
	found := make([]Stream, len(names))
	for i, name := range names {
		found[i], _ = t.find(name)
	}
	return found
}

// moved returns those names whose stream is not where it was any more, or has another epoch or address.
func (t *table) moved(names []string, were []Stream) (moved []string) {
	for i, name := range names {
		if s, _ := t.find(name); s.Node != were[i].Node || s.Epoch != were[i].Epoch || s.Address != were[i].Address {
			moved = append(moved, name)
		}
	}
	return moved
}
