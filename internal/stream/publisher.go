package stream

import (
	"bytes"
	"fmt"
	"time"
)

// PublisherOptions describe a publisher.
type PublisherOptions struct {
	Source string    // for display: "http 127.0.0.1:41234", "file.mp4", "testsrc"
	Format string    // the input, for display: "yuv420p 768x432"; Describe may set it later
	Owner  string    // whose place it takes, for Options.MaxStreamsPerOwner; may be empty
	Fixed  bool      // no other publisher may replace it
	Guest  bool      // the stream is elsewhere: it replaces no publisher of another kind, and any other replaces it
	Epoch  int64     // for Info, and for TakenOver: of the publishers of one stream on all servers, the one with the greatest has it
	Began  time.Time // when its request began: of two publishers the later one has the stream; zero: now
}

// A Publisher feeds a stream. Its methods may be called from any goroutine; images are best published from one, in order.
type Publisher struct {
	s      *stream
	fixed  bool
	guest  bool
	began  time.Time
	wanted chan struct{}
	done   chan struct{}

	err     error // why it ended; stream.mu guards it and what follows
	arrives bool  // it calls Arrived
}

// DropReason is why an arrived frame has no image.
type DropReason uint8

const (
	Newer          DropReason = iota // a newer frame came before its turn
	Capped                           // above the stream's fps cap
	Unseen                           // nobody watches
	NoMemory                         // the budget has no room for it
	Failed                           // it could not be encoded
	numDropReasons = iota
)

// String returns the reason as it is spelled in lists and metrics.
func (r DropReason) String() string {
	return [numDropReasons]string{"newer", "capped", "unseen", "no_memory", "failed"}[r]
}

// Describe sets the Format. The source is not lost any more.
func (p *Publisher) Describe(format string) { p.describe(format, "", 0) }

// Lost says why the source is lost, and when it is tried again. Until Describe is called the Format says so too.
func (p *Publisher) Lost(why string, again time.Duration) {
	p.describe(fmt.Sprintf("lost: %s; again in %v", why, again), why, p.s.hub.now()+again)
}

func (p *Publisher) describe(format, lost string, retryAt time.Duration) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.err == nil {
		p.s.format, p.s.why, p.s.again = format, lost, retryAt
		p.s.hub.o.Elsewhere.Changed()
	}
}

// Arrived counts a frame that came in, with or without an image later: the stream is online. For a publisher that never
// calls it each image counts as a frame.
func (p *Publisher) Arrived() {
	p.alive(true)
}

// Alive says that the source is alive although no frame came: the stream stays online, or becomes it again. It is for
// sources that know that nothing has changed.
func (p *Publisher) Alive() { p.alive(false) }

func (p *Publisher) alive(arrived bool) {
	p.s.mu.Lock()
	var viewers []*Viewer
	if p.err == nil {
		p.arrives = true
		now := p.s.hub.now()
		if arrived {
			p.s.count(now)
		}
		if p.s.alive(now) {
			viewers = p.s.viewers
		}
	}
	p.s.mu.Unlock()
	wake(viewers)
}

// Interrupted says that the source has stopped: the stream goes offline OfflineAfter the last frame, however rare frames
// were.
func (p *Publisher) Interrupted() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.err == nil {
		p.s.arrivals = meter{}
	}
}

// Gone says that the source has been silent for as long as is borne: the stream is offline, and shows so at the Hub's next look.
func (p *Publisher) Gone() {
	s, now := p.s, p.s.hub.now()
	s.mu.Lock()
	if p.err == nil {
		s.arrivals = meter{}
		s.seen = min(s.seen, now-s.hub.o.OfflineAfter)
	}
	s.mu.Unlock()
	s.darken(now)
}

// count counts a frame. s.mu is held.
func (s *stream) count(now time.Duration) {
	s.counts.arrived++
	s.arrivals.add(now)
}

// Dropped counts an arrived frame that gets no image.
func (p *Publisher) Dropped(reason DropReason) {
	p.s.mu.Lock()
	p.s.counts.dropped[reason]++
	p.s.mu.Unlock()
}

// Publish makes pic the newest image of the stream and wakes the viewers. If its bytes equal the last image's, it is only
// counted, and the last image's Captured becomes pic's. Publish takes pic.Buf, also on an error: ErrReplaced,
// ErrClosed, or ErrEmpty for an image of no bytes. It allocates nothing.
func (p *Publisher) Publish(pic Image) error {
	s, jpeg := p.s, pic.Buf.Bytes()
	s.mu.Lock()
	now, err := s.hub.now(), p.err
	if err == nil && len(jpeg) == 0 {
		err = ErrEmpty
	}
	if err != nil {
		s.mu.Unlock()
		pic.Release()
		return err
	}
	if pic.Encoded.IsZero() {
		pic.Encoded = s.hub.epoch.Add(now)
	}
	if pic.Captured.IsZero() {
		pic.Captured = pic.Encoded
	}
	if !p.arrives {
		s.count(now)
	}
	news := s.alive(now)
	s.cadence.add(now)
	if !s.newest.Offline && bytes.Equal(s.newest.Buf.Bytes(), jpeg) {
		s.counts.same++
		s.newest.Captured = pic.Captured
		viewers := s.viewers
		s.mu.Unlock()
		pic.Release()
		if news {
			wake(viewers)
		}
		return nil
	}
	pic.Size, pic.Offline, pic.Repeat = len(jpeg), false, false
	s.counts.published++
	s.departures.add(now)
	s.width, s.height = pic.Width, pic.Height
	s.replace(pic)
	s.hub.relieve()
	return nil
}

// Skip says that a newer frame came and is not encoded, since nobody watches. It drops the last image, so that a new
// viewer does not get an old one as the newest.
func (p *Publisher) Skip() {
	p.s.mu.Lock()
	if p.err != nil || p.s.newest.Buf.IsZero() {
		p.s.mu.Unlock()
		return
	}
	p.s.replace(Image{})
}

// Watched reports whether the stream has viewers.
func (p *Publisher) Watched() bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return len(p.s.viewers) > 0
}

// Wanted returns a channel of capacity 1 that receives when a first viewer comes. It does not receive for viewers that
// came before the Publisher; Watched counts them.
func (p *Publisher) Wanted() <-chan struct{} { return p.wanted }

// Done returns a channel that is closed when the Publisher has ended: by Close, replaced, or with the Hub.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Err returns why the Publisher has ended, ErrReplaced or ErrClosed, and nil as long as it has not.
func (p *Publisher) Err() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.err
}

// Close ends the Publisher. The stream goes offline after OfflineAfter, unless another one comes. A second Close does
// nothing.
func (p *Publisher) Close() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.err != nil {
		return
	}
	p.finish(ErrClosed)
	p.s.publisher = nil
	p.s.recount()
	p.s.rest()
	p.s.hub.o.Elsewhere.Changed()
}

// finish ends p with err. stream.mu is held.
func (p *Publisher) finish(err error) {
	p.err = err
	close(p.done)
}
