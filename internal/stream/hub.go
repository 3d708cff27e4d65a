// Package stream is the live side of Steadyframe: a [Hub] holds streams by name, each of which has one newest image
// that all of its viewers share.
//
// Each image is encoded once. A [Publisher] passes its JPEG in a buffer of package pool, and all viewers share those bytes.
// There is no queue: when a [Viewer] is ready for another image, it gets the newest one and skips those in between. So a
// slow viewer gets fewer images, never older ones, and costs the others nothing. It holds one image at most; the memory
// of old images that viewers hold is limited, see [PinnedLimits]. Neither Publish nor Next allocates.
//
// Some things depend on time. An unchanged image is sent again about once a second, so that a viewer can tell a still image
// from a dead connection. When the source of a stream is lost, its viewers stay and get an image that says so. A stream
// without publisher and viewers expires. [Hub.Run] is the goroutine that does this.
//
// Doc comments use the words of package frame for ownership: takes, borrows, retains. All times come from package time, so
// that testing/synctest works.
package stream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/internal/lookout"
	"github.com/steadyframe/steadyframe/pool"
)

// Options configures a Hub. The zero value works.
type Options struct {
	MaxStreams int // streams at the same time; 0: 64
	MaxViewers int // viewers of all streams together, at most MostViewers; 0: 1024
	// Of how many streams one Owner may be the publisher at the same time, and how many viewers it may be; 0: as many as there may be.
	MaxStreamsPerOwner, MaxViewersPerOwner int
	// OfflineAfter is how long a stream stays online without a frame; 0: 1.5 s. While it has a publisher, this is at least
	// three of the stream's own frame intervals.
	OfflineAfter time.Duration
	Keep         time.Duration // a stream without publisher and viewers expires after this; 0: 1 min

	// Offline makes the JPEG that viewers see when the source is lost, in a buffer that the Hub takes. Width and height
	// are those of the last image, 0 when there was none. After an error the last image stays, and Offline is called again
	// a second later. It is called from Run's goroutine, which holds no locks. nil: the last image stays.
	Offline func(name string, width, height int) (pool.Buf, error)

	// Elsewhere are streams that may come into the Hub; nil: there are none.
	Elsewhere Elsewhere

	// Pinned bounds the memory of images that are not the newest any more, and that viewers still hold. The two latest of
	// each stream with a publisher do not count: the publisher must have reserved the memory for them.
	Pinned PinnedLimits

	// Lag is called with the lag, as in ViewerInfo, of each delivered image that is neither a repeat nor Offline, from any
	// goroutine. It must not block or call the Hub. nil: no call.
	Lag func(time.Duration)
}

// MostViewers is the largest Options.MaxViewers: as many as can hold one image at the same time, twice, since a pool.Buf
// has at most 65,533 holders.
const MostViewers = 30_000

// A Hub holds live streams by name. Its methods may be called from any goroutine.
//
// Lock order: Hub.mu (the list of streams and viewers), Viewer.mu (the images of one viewer), stream.mu (a stream's
// newest image). Publishing and viewing take only the latter two, briefly; streams share no lock.
type Hub struct {
	o     Options
	epoch time.Time // all times inside are durations since then

	mu         sync.RWMutex
	closed     bool
	streams    []*stream    // by name
	transports []*transport // by name
	viewers    int
	listeners  int
	watchers   map[watcher]int  // of owners that have some
	lastID     uint64           // of a viewer
	some       *lookout.Lookout // woken when there is a stream

	pinned   atomic.Int64 // bytes of the images that viewers hold and that are not the newest
	counted  atomic.Int64 // of them, those that count for Options.Pinned
	reserved atomic.Int64 // for which Pinned.Reserve returned true last
	ready    atomic.Int64 // Pinned.Ready while there are viewers, else 0
	relief   sync.Mutex   // held to reserve or evict; before all others
}

// New returns an empty Hub. It panics when o.MaxViewers is above MostViewers.
func New(o Options) *Hub {
	if o.MaxViewers > MostViewers {
		panic("stream: Options.MaxViewers is above MostViewers")
	}
	o.MaxStreams = cmp.Or(o.MaxStreams, 64)
	o.MaxViewers = cmp.Or(o.MaxViewers, 1024)
	o.OfflineAfter = cmp.Or(o.OfflineAfter, 1500*time.Millisecond)
	o.Keep = cmp.Or(o.Keep, time.Minute)
	o.Pinned = o.Pinned.withDefaults()
	if o.Elsewhere == nil {
		o.Elsewhere = nowhere{}
	}
	return &Hub{o: o, some: lookout.New(), epoch: time.Now().Add(-1)} // so that no time is 0, which stands for none
}

// now is the time since the Hub was made.
func (h *Hub) now() time.Duration { return time.Since(h.epoch) }

// Add makes a stream that never expires: a configured one. A stream of that name that exists already is kept from then on. It returns a *NameError, a *LimitError or ErrClosed.
func (h *Hub) Add(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, err := h.findOrMake(name)
	if err != nil {
		return err
	}
	s.kept = true
	return nil
}

// Publish makes the caller the publisher of a stream, until Publisher.Close. A stream that does not exist is created. The
// stream's current publisher, if any, is replaced: its calls return ErrReplaced. Publish returns ErrFixed when the current one
// is Fixed, ErrReplaced when it Began later, a *NameError, a *LimitError, or ErrClosed.
func (h *Hub) Publish(name string, o PublisherOptions) (*Publisher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admitPublisher(o.Owner, name); err != nil {
		return nil, err
	}
	s, err := h.findOrMake(name)
	if err != nil {
		return nil, err
	}
	if o.Began.IsZero() {
		o.Began = h.epoch.Add(h.now())
	}
	p := &Publisher{s: s, fixed: o.Fixed, guest: o.Guest, began: o.Began, wanted: make(chan struct{}, 1), done: make(chan struct{})}
	if err := s.lead(p, o); err != nil {
		return nil, err
	}
	s.owner = o.Owner
	if !o.Guest {
		h.o.Elsewhere.Changed()
	}
	return p, nil
}

// View adds a viewer to a stream; it ends with Viewer.Close. If the stream has an image, the viewer is given it at once.
// A stream that is elsewhere is brought here. View returns a *NotFoundError, a *LimitError or ErrClosed.
func (h *Hub) View(name string, o ViewerOptions) (*Viewer, error) {
	v, err := h.view(name, o)
	if h.alone() {
		return v, err
	}
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		if err := h.bring(missing); err != nil {
			return nil, err
		}
		return h.view(name, o)
	}
	if err == nil && v.s.orphaned() {
		_, _ = h.o.Elsewhere.Bring(name) // Run tries it again.
	}
	return v, err
}

// bring brings a stream here that the Hub does not have, or returns an error: missing, where it is nowhere.
func (h *Hub) bring(missing *NotFoundError) error {
	ok, err := h.o.Elsewhere.Bring(missing.Name)
	if ok || err != nil {
		return err
	}
	missing.Names = h.everyName()
	return missing
}

// everyName returns the names of all streams, those elsewhere too, sorted.
func (h *Hub) everyName() []string {
	h.mu.RLock()
	names := h.names()
	h.mu.RUnlock()
	names = append(names, h.o.Elsewhere.Names()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// view is View of a stream that the Hub has.
func (h *Hub) view(name string, o ViewerOptions) (*Viewer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	i, ok := h.search(name)
	if !ok {
		return nil, &NotFoundError{Name: name, Names: h.names()}
	}
	if h.viewers >= h.o.MaxViewers {
		return nil, &LimitError{Limit: "viewers", Max: h.o.MaxViewers}
	}
	if err := h.admitWatcher(watcher{owner: o.Owner}); err != nil {
		return nil, err
	}
	h.viewers++
	h.ready.Store(h.o.Pinned.Ready)
	h.lastID++
	v := newViewer(h.lastID, h.streams[i], h.transport(o.Transport), o)
	v.transport.viewers++
	v.s.join(v)
	return v, nil
}

// leave is Viewer.Close for a viewer that was not closed yet.
func (h *Hub) leave(v *Viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, ok := v.end()
	if !ok {
		return
	}
	v.s.part(v)
	v.transport.left.add(left)
	v.transport.viewers--
	h.departed(watcher{owner: v.owner})
	if h.viewers--; h.viewers == 0 {
		h.ready.Store(0)
	}
}

// search returns where in h.streams the stream of that name is, or belongs.
func (h *Hub) search(name string) (int, bool) {
	return slices.BinarySearchFunc(h.streams, name, func(s *stream, name string) int { return strings.Compare(s.name, name) })
}

// findOrMake returns the stream of that name, and creates it if needed. When there are MaxStreams, the one that has been idle
// for longest is removed.
func (h *Hub) findOrMake(name string) (*stream, error) {
	if h.closed {
		return nil, ErrClosed
	}
	if err := CheckName(name); err != nil {
		return nil, err
	}
	i, ok := h.search(name)
	if ok {
		return h.streams[i], nil
	}
	if len(h.streams) >= h.o.MaxStreams {
		if !h.makeRoom() {
			return nil, &LimitError{Limit: "streams", Max: h.o.MaxStreams}
		}
		i, _ = h.search(name)
	}
	s := newStream(h, name)
	h.streams = slices.Insert(h.streams, i, s)
	h.some.Wake()
	return s, nil
}

// makeRoom removes the stream that has had neither publisher nor viewers for longest, and reports whether there was one.
func (h *Hub) makeRoom() bool {
	longest := -1
	var since time.Duration
	for i, s := range h.streams {
		if idle, ok := s.idleSince(); ok && !s.kept && (longest < 0 || idle < since) {
			longest, since = i, idle
		}
	}
	if longest < 0 {
		return false
	}
	h.streams[longest].end()
	h.streams = slices.Delete(h.streams, longest, longest+1)
	return true
}

// names returns the names of all streams, sorted.
func (h *Hub) names() []string {
	names := make([]string, len(h.streams))
	for i, s := range h.streams {
		names[i] = s.name
	}
	return names
}

// transport returns the counts of a kind of viewers.
func (h *Hub) transport(name string) *transport {
	i, ok := slices.BinarySearchFunc(h.transports, name, func(t *transport, name string) int { return strings.Compare(t.name, name) })
	if !ok {
		h.transports = slices.Insert(h.transports, i, &transport{name: name})
	}
	return h.transports[i]
}

// tick is how often Run looks at the streams. Its actions are at most this late, plus the time of one Options.Offline.
const tick = 100 * time.Millisecond

// Run takes silent streams offline and removes expired ones until ctx ends. Then it closes the Hub: calls of viewers and
// publishers return ErrClosed, and all images are released, except those that viewers hold. Then it returns.
func (h *Hub) Run(ctx context.Context) {
	defer h.close()
	var streams []*stream // used again from tick to tick
	h.some.Run(ctx.Done(), tick, func(time.Time) bool {
		h.mu.RLock()
		streams = append(streams[:0], h.streams...)
		h.mu.RUnlock()
		h.relieve()
		h.watch(streams)
		h.adopt(streams)
		clear(streams) // so that expired ones can be collected
		h.expire()
		return len(streams) > 0 || max(h.counted.Load(), h.ready.Load()) != h.reserved.Load()
	})
}

// expire removes the streams without publisher and viewers for Options.Keep.
func (h *Hub) expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.now() - h.o.Keep
	h.streams = slices.DeleteFunc(h.streams, func(s *stream) bool {
		since, idle := s.idleSince()
		if !idle || s.kept || since > before {
			return false
		}
		s.end()
		return true
	})
}

// close ends all streams. Viewers are still counted until they close.
func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.streams {
		s.end()
	}
}
