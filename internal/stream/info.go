package stream

import (
	"sync/atomic"
	"time"
)

// State says whether frames of a stream come in.
type State uint8

const (
	Waiting   State = iota // no frame has come yet
	Online                 // frames come in
	Offline                // none has come for a while
	numStates = iota
)

// String returns the state as it is spelled in lists.
func (s State) String() string { return [numStates]string{"waiting", "online", "offline"}[s] }

// Info describes a stream.
type Info struct {
	Name           string
	Source, Format string    // of its publisher, or of its last one
	Lost           string    // why the source is lost; empty while it is not, or tells nothing
	RetryAt        time.Time // when a lost source is tried again
	State          State
	Since          time.Time              // of the state
	Width, Height  int                    // of the source's last image; 0 before the first
	FPSIn, FPSOut  float64                // frames and different images, over about the last two seconds; 0 when it is not online
	Arrived        uint64                 // frames
	Published      uint64                 // images that differed from the one before
	Same           uint64                 // images that did not
	Dropped        [numDropReasons]uint64 // frames without an image, by DropReason
	ImageBytes     int                    // of the newest image; 0 when there is none
	PinnedBytes    int64                  // of memory, of older images that viewers still hold
	Sound          SoundFormat            // zero: there is none
	Listeners      int                    // of the sound
	Fed            Fed                    // by whom
	Node           string                 // where its publisher is; empty: here
	Via            string                 // of a stream of another node that is shown here: the node that it comes from
	Hops           int                    // how many times its images are sent from one server to the next; 0: it is here, or not shown here
	Age            time.Duration          // of the newest image of another node when it came here; 0: there is none
	Epoch          int64                  // of its publisher
	Viewers        []ViewerInfo           // in the order in which they came
}

// ViewerInfo describes a viewer.
type ViewerInfo struct {
	ID              uint64 // unique in the Hub
	Transport, Peer string
	Since           time.Time
	FPS             float64       // delivered, over about the last two seconds
	Delivered       uint64        // images, repeats too
	Dropped         uint64        // images that it never got, except those that its MaxFPS skipped
	Lag             time.Duration // from capture to delivery, of the last delivered image that was neither a repeat nor Offline
	Bytes           uint64        // delivered
}

// Infos appends the Info of all streams to dst, sorted by name.
func (h *Hub) Infos(dst []Info) []Info {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, s := range h.streams {
		dst = append(dst, s.info())
	}
	return dst
}

// Info returns the Info of one stream, and whether it exists.
func (h *Hub) Info(name string) (Info, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	i, ok := h.search(name)
	if !ok {
		return Info{}, false
	}
	return h.streams[i].info(), true
}

func (s *stream) info() Info {
	now := s.hub.now()
	s.mu.Lock()
	i := Info{
		Name: s.name, Source: s.source, Format: s.format,
		State: s.state, Since: s.hub.epoch.Add(s.since),
		Width: s.width, Height: s.height,
		Arrived: s.counts.arrived, Published: s.counts.published, Same: s.counts.same, Dropped: s.counts.dropped,
		ImageBytes: s.newest.Buf.Len(), PinnedBytes: s.pins.bytes,
	}
	i.Fed, i.Epoch = s.fed(), s.route.Epoch
	if i.Fed == FedByGuest {
		i.Node, i.Via, i.Hops, i.Age = s.route.Node, s.route.Via, s.route.Hops, s.age
	}
	if s.why != "" {
		i.Lost, i.RetryAt = s.why, s.hub.epoch.Add(s.again)
	}
	if s.state == Online {
		i.FPSIn, i.FPSOut = s.arrivals.rate(now), s.departures.rate(now)
	}
	viewers, settled, sound := s.viewers, s.settled(), s.sound
	s.mu.Unlock()
	if sound != nil {
		i.Sound, i.Listeners = sound.format, sound.count()
	}
	i.Viewers = make([]ViewerInfo, len(viewers))
	for n, v := range viewers {
		i.Viewers[n] = v.info(now, settled)
	}
	return i
}

func (v *Viewer) info(now time.Duration, settled uint64) ViewerInfo {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.countsAt(settled)
	return ViewerInfo{
		ID: v.id, Transport: v.transport.name, Peer: v.peer, Since: v.s.hub.epoch.Add(v.since),
		FPS: v.rate.rate(now), Delivered: c.delivered, Dropped: c.dropped, Lag: v.lag, Bytes: c.bytes,
	}
}

// Totals are for metrics.
type Totals struct {
	Streams    int
	Waiting    int               // of the streams
	Online     int               // of the streams; the others are Offline
	Sound      int               // streams that have sound
	Listeners  int               // of all of them
	Transports []TransportTotals // sorted by name
}

// TransportTotals count all viewers of one transport. Delivered, Dropped and Bytes are as in ViewerInfo; like Evicted, they
// include viewers that have left, and only grow.
type TransportTotals struct {
	Transport                 string
	Viewers                   int
	Delivered, Dropped, Bytes uint64
	Evicted                   uint64 // viewers
}

// A transport has the counts of all viewers of one kind. Hub.mu guards it.
type transport struct {
	name    string
	viewers int
	left    viewerCounts  // of those that have left
	evicted atomic.Uint64 // viewers
}

// Totals returns the totals of all streams.
func (h *Hub) Totals() Totals {
	h.mu.RLock()
	defer h.mu.RUnlock()
	sums := make(map[*transport]*viewerCounts, len(h.transports))
	for _, t := range h.transports {
		sum := t.left
		sums[t] = &sum
	}
	totals := Totals{Streams: len(h.streams), Listeners: h.listeners, Transports: make([]TransportTotals, len(h.transports))}
	for _, s := range h.streams {
		s.mu.Lock()
		viewers, settled := s.viewers, s.settled()
		if s.sound != nil {
			totals.Sound++
		}
		switch s.state {
		case Waiting:
			totals.Waiting++
		case Online:
			totals.Online++
		}
		s.mu.Unlock()
		for _, v := range viewers {
			v.mu.Lock()
			sums[v.transport].add(v.countsAt(settled))
			v.mu.Unlock()
		}
	}
	for i, t := range h.transports {
		sum := sums[t]
		totals.Transports[i] = TransportTotals{
			Transport: t.name, Viewers: t.viewers, Delivered: sum.delivered, Dropped: sum.dropped, Bytes: sum.bytes,
			Evicted: t.evicted.Load(),
		}
	}
	return totals
}
