package stream

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Elsewhere are the streams that are not in the Hub and may come into it, as those of other servers. Its methods are called from any
// goroutine.
type Elsewhere interface {
	// Bring makes somebody the publisher of the stream of that name, as a PublisherOptions.Guest, and reports whether there is such a
	// stream elsewhere. It is called for viewers of a stream that the Hub does not have, or that has no publisher. It must not wait. The
	// error is of Publish: there is one, and no room for it here.
	Bring(name string) (bool, error)
	// Settle waits until it is known what a stream has that is brought here, images and sound, or ctx ends.
	Settle(ctx context.Context, name string)
	// Infos appends what is known of the streams elsewhere to dst, sorted by name.
	Infos(dst []Info) []Info
	// Names returns their names, sorted, as they were recently; they are read-only.
	Names() []string
	// Changed is called when a stream here has begun or ended, or its state or format has changed, with locks held: it must neither
	// wait nor call the Hub.
	Changed()
}

// nowhere is the Elsewhere of a Hub that is alone.
type nowhere struct{}

func (nowhere) Bring(string) (bool, error)     { return false, nil }
func (nowhere) Settle(context.Context, string) {}
func (nowhere) Infos(dst []Info) []Info        { return dst }
func (nowhere) Names() []string                { return nil }
func (nowhere) Changed()                       {}

// Fed says by whom a stream is fed.
type Fed uint8

const (
	Unfed       Fed = iota // it has no publisher
	FedHere                // by a client, with images or sound
	FedByGuest             // by a PublisherOptions.Guest: it is elsewhere
	FedBySource            // by a PublisherOptions.Fixed
)

// Route says how the images of a Guest come here.
type Route struct {
	Node  string // where the publisher is
	Via   string // whom they come from: Node at the first hop
	Hops  int    // how many times they were sent from one server to the next
	Epoch int64  // as PublisherOptions.Epoch
}

// fed returns by whom the stream is fed. s.mu is held.
func (s *stream) fed() Fed {
	switch {
	case s.publisher == nil && s.sound == nil:
		return Unfed
	case s.publisher == nil:
		return FedHere
	case s.publisher.guest:
		return FedByGuest
	case s.publisher.fixed:
		return FedBySource
	}
	return FedHere
}

// orphaned reports whether the stream has viewers and no publisher.
func (s *stream) orphaned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publisher == nil && len(s.viewers) > 0 && !s.ended
}

// adopt brings publishers to the streams that have viewers and none.
func (h *Hub) adopt(streams []*stream) {
	if h.alone() {
		return
	}
	for _, s := range streams {
		if s.orphaned() {
			_, _ = h.o.Elsewhere.Bring(s.name) // It is tried again soon.
		}
	}
}

// alone reports whether there is nothing elsewhere.
func (h *Hub) alone() bool { return h.o.Elsewhere == Elsewhere(nowhere{}) }

// Route says how the images of a Guest come here, from now on.
func (p *Publisher) Route(r Route) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.err == nil {
		p.s.route = r
	}
}

// Came says how old the newest image of a Guest was when it came.
func (p *Publisher) Came(age time.Duration) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.err == nil {
		p.s.age = age
	}
}

// Wants reports whether the stream has viewers or listeners.
func (p *Publisher) Wants() bool {
	p.s.mu.Lock()
	viewers, sound := len(p.s.viewers), p.s.sound
	p.s.mu.Unlock()
	return viewers > 0 || sound != nil && sound.count() > 0
}

// Leave ends the Publisher of a stream that nobody watches, and removes the stream, unless it is one of Add or has sound of its own. It
// returns false, and does nothing, where the stream has viewers.
func (p *Publisher) Leave() bool {
	s, h := p.s, p.s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	ended, watched, sound := p.err != nil, len(s.viewers) > 0, s.sound != nil
	switch {
	case ended:
		s.mu.Unlock()
		return true
	case watched:
		s.mu.Unlock()
		return false
	case s.kept || sound:
		p.finish(ErrClosed)
		s.publisher = nil
		s.route, s.age, s.state, s.format, s.source = Route{}, 0, Waiting, "", ""
		s.recount()
		s.rest()
		s.replace(Image{}) // It unlocks.
		return true
	}
	s.mu.Unlock()
	s.end()
	if i, ok := h.search(s.name); ok && h.streams[i] == s {
		h.streams = slices.Delete(h.streams, i, i+1)
	}
	return true
}

// TakenOver ends the publisher of a stream, a client's, that began before an epoch, since another has the stream elsewhere: its calls
// return ErrReplaced. It reports whether there was one.
func (h *Hub) TakenOver(name string, epoch int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, ok := h.search(name)
	if !ok {
		return false
	}
	s := h.streams[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.publisher
	if p == nil || p.guest || p.fixed || s.route.Epoch > epoch {
		return false
	}
	p.finish(ErrReplaced)
	s.publisher = nil
	s.recount()
	s.rest()
	h.o.Elsewhere.Changed()
	return true
}

// Settle waits until a stream that is elsewhere is here with what it has, images and sound, if ctx does not end before. It does not wait
// for one that is here, or nowhere.
func (h *Hub) Settle(ctx context.Context, name string) {
	if i, ok := h.Info(name); !ok || i.Fed == Unfed || i.Fed == FedByGuest {
		h.o.Elsewhere.Settle(ctx, name)
	}
}

// Everywhere is Infos with the streams elsewhere. Of one that is here too, and has no publisher, it is the Info there, with the viewers
// here.
func (h *Hub) Everywhere(dst []Info) []Info {
	from := len(dst)
	dst = h.Infos(dst)
	if h.alone() {
		return dst
	}
	here := len(dst)
	for _, other := range h.o.Elsewhere.Infos(nil) {
		i, ok := slices.BinarySearchFunc(dst[from:here], other.Name, func(i Info, name string) int { return strings.Compare(i.Name, name) })
		switch i += from; {
		case !ok:
			dst = append(dst, other)
		case dst[i].Fed == Unfed:
			other.Viewers, other.PinnedBytes = dst[i].Viewers, dst[i].PinnedBytes
			dst[i] = other
		}
	}
	slices.SortFunc(dst[from:], func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return dst
}
