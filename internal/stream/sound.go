package stream

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/steadyframe/steadyframe/pool"
)

// ErrNoSound is Hub.Listen's for a stream without sound.
var ErrNoSound = errors.New("stream: the stream has no sound")

// SoundFormat describes 16-bit little-endian samples, those of all channels for one moment after the other.
type SoundFormat struct {
	Rate     int // moments a second, 8000 to 48000
	Channels int // 1 or 2
}

// Check returns what is wrong with f.
func (f SoundFormat) Check() error {
	if f.Rate < 8000 || f.Rate > 48000 {
		return fmt.Errorf("stream: rate of sound: got %d, want 8000..48000", f.Rate)
	}
	if f.Channels < 1 || f.Channels > 2 {
		return fmt.Errorf("stream: channels of sound: got %d, want 1 or 2", f.Channels)
	}
	return nil
}

// momentBytes returns the bytes of a sample of each channel.
func (f SoundFormat) momentBytes() int { return 2 * f.Channels }

// bytes returns the bytes of so much time.
func (f SoundFormat) bytes(d time.Duration) int { return int(f.moments(d)) * f.momentBytes() }

// moments returns how many moments so much time has.
func (f SoundFormat) moments(d time.Duration) int64 {
	return int64(d) * int64(f.Rate) / int64(time.Second)
}

// duration returns how long n moments last.
func (f SoundFormat) duration(n int64) time.Duration {
	seconds, rest := n/int64(f.Rate), n%int64(f.Rate)
	return time.Duration(seconds)*time.Second + time.Duration(rest)*time.Second/time.Duration(f.Rate)
}

// keptSound is how much of its sound a stream keeps for listeners that are behind.
const keptSound = 2 * time.Second

// SoundBytes returns how much memory PublishSound takes for sound of a format.
func SoundBytes(f SoundFormat) int { return f.bytes(keptSound) }

// SoundPublisher feeds the sound of a stream. Its methods may be called from any goroutine; sound is best published from one.
//
// The stream keeps the last two seconds, each sample with a time, of the same clock as Image.Captured.
type SoundPublisher struct {
	s      *stream
	format SoundFormat
	done   chan struct{}

	mu        sync.Mutex
	err       error    // why it ended
	ring      pool.Buf // moment n is at n modulo its length
	size      int64    // of the ring, in moments
	begin     int64    // the first moment that the ring has
	end       int64    // the moment that comes next
	clock     soundClock
	marks     []mark // where times go on other than by the rate; the first is at begin or before it
	listeners []*Listener
}

// mark is the time of a moment.
type mark struct {
	moment int64
	at     time.Time
}

// maxMarks bounds how many marks two seconds may have: one for each piece of 10 ms.
const maxMarks = 200

// PublishSound makes the caller the publisher of a stream's sound, until SoundPublisher.Close: one of sound, and not of images,
// which another may be. A stream that does not exist is created; a current publisher of sound is replaced, and its listeners end.
// It takes ring, of SoundBytes(f), also on an error: f's own, a *NameError, a *LimitError or ErrClosed.
func (h *Hub) PublishSound(name string, f SoundFormat, ring pool.Buf) (*SoundPublisher, error) {
	return h.PublishSoundAs("", name, f, ring)
}

// PublishSoundAs is PublishSound for an owner, as PublisherOptions.Owner is.
func (h *Hub) PublishSoundAs(owner, name string, f SoundFormat, ring pool.Buf) (*SoundPublisher, error) {
	p := &SoundPublisher{format: f, ring: ring, done: make(chan struct{}), size: int64(ring.Len() / max(f.momentBytes(), 1)), marks: make([]mark, 0, maxMarks)}
	if err := f.Check(); err != nil {
		ring.Release()
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admitPublisher(owner, name); err != nil {
		ring.Release()
		return nil, err
	}
	s, err := h.findOrMake(name)
	if err != nil {
		ring.Release()
		return nil, err
	}
	p.s, s.owner = s, owner
	s.mu.Lock()
	old := s.sound
	s.sound = p
	s.mu.Unlock()
	h.o.Elsewhere.Changed()
	if old != nil {
		old.finish(ErrReplaced)
	}
	return p, nil
}

// NeverPauses says that the source captures without a pause: each sample is for a sample after the one before, however late it
// comes. What comes late was held up.
func (p *SoundPublisher) NeverPauses() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.neverPauses = true
}

// Ahead returns how long the caller should wait before it publishes more: sound may be for half a second from now, and no
// later. A file is published at its own pace that way.
func (p *SoundPublisher) Ahead() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock.ahead(time.Now()) - maxAhead
}

// Publish adds whole moments to the sound, which it borrows, and wakes the listeners. captured is when the first of them was, by
// the clock of Image.Captured. Where it is zero, that is a sample after the one before; at first, and after a pause, it is now.
// Publish returns ErrReplaced or ErrClosed when p has ended. It allocates nothing.
func (p *SoundPublisher) Publish(pcm []byte, captured time.Time) error {
	moment := p.format.momentBytes()
	pcm = pcm[:len(pcm)/moment*moment]
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return p.err
	}
	for len(pcm) > 0 {
		n := min(len(pcm), int(p.size/4)*moment)
		p.add(pcm[:n], int64(n/moment), captured)
		pcm = pcm[n:]
		if !captured.IsZero() {
			captured = captured.Add(p.format.duration(int64(n / moment)))
		}
	}
	listeners := p.listeners
	p.mu.Unlock()
	for _, l := range listeners {
		signal(l.wake)
	}
	return nil
}

// add adds n moments, at most as many as the ring has.
func (p *SoundPublisher) add(pcm []byte, n int64, captured time.Time) {
	at, news := p.clock.next(n, p.format, captured, time.Now())
	if news {
		if len(p.marks) == maxMarks {
			p.forget(p.marks[1].moment)
		}
		p.marks = append(p.marks, mark{p.end, at})
	}
	ring := p.ring.Bytes()[:int(p.size)*p.format.momentBytes()]
	for start := int(p.end%p.size) * p.format.momentBytes(); len(pcm) > 0; start = 0 {
		pcm = pcm[copy(ring[start:], pcm):]
	}
	p.end += n
	p.forget(p.end - p.size)
}

// forget drops what comes before a moment.
func (p *SoundPublisher) forget(moment int64) {
	if moment <= p.begin {
		return
	}
	p.begin = moment
	keep := 0
	for keep+1 < len(p.marks) && p.marks[keep+1].moment <= moment {
		keep++
	}
	p.marks = slices.Delete(p.marks, 0, keep)
}

// count returns how many listeners there are.
func (p *SoundPublisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.listeners)
}

// Format returns the format.
func (p *SoundPublisher) Format() SoundFormat { return p.format }

// Done returns a channel that is closed when p has ended: by Close, replaced, or with the stream.
func (p *SoundPublisher) Done() <-chan struct{} { return p.done }

// Err returns why p has ended, ErrReplaced or ErrClosed, and nil as long as it has not.
func (p *SoundPublisher) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Close ends the sound, and its listeners. A second Close does nothing.
func (p *SoundPublisher) Close() {
	p.s.mu.Lock()
	if p.s.sound == p {
		p.s.sound = nil
		p.s.rest()
		p.s.hub.o.Elsewhere.Changed()
	}
	p.s.mu.Unlock()
	p.finish(ErrClosed)
}

// finish ends p with err, unless it has ended.
func (p *SoundPublisher) finish(err error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return
	}
	p.err = err
	p.ring.Release()
	listeners := p.listeners
	p.mu.Unlock()
	close(p.done)
	for _, l := range listeners {
		signal(l.wake)
	}
}

const (
	// maxAhead is how far from now sound may be.
	maxAhead = 500 * time.Millisecond
	// maxLate is how late sound may come before it is taken to go on after a pause: from then on its times are those of its coming.
	// Of a source that never pauses, and says no times, samples are missing where all of it is that late.
	maxLate = 200 * time.Millisecond
	// driftEvery is how often the clock of the source is compared with ours, by the piece that came soonest in that time.
	driftEvery = 2 * time.Second
	// minDrift is the difference that is corrected, and maxStep by how much at once: 0.1 % of the time.
	minDrift = 5 * time.Millisecond
	maxStep  = 2 * time.Millisecond
	// gap is how far the time that a piece says may be from a sample after the one before, and be taken for the source's
	// inaccuracy; more is a gap in its sound. minGap is what is corrected of the mean of it.
	gap    = 15 * time.Millisecond
	minGap = time.Millisecond
	// maxJump is how far from now a gap may lead, and maxBehind how long before it comes the first sample may be captured: beyond
	// it the source's clock is not ours.
	maxJump   = 4 * maxAhead
	maxBehind = time.Second
)

// soundClock gives moments their times. Each has the time that its source says, or is a sample after the one before; a first one
// has the time of its coming. A source whose clock runs otherwise than ours is followed slowly.
type soundClock struct {
	neverPauses bool

	running bool
	due     time.Time     // of the next moment: when it would come, if it came as the first one did
	offset  time.Duration // from due to when it was captured
	behind  time.Duration // how long before it came the first one was captured, by our clock

	window time.Time     // when it began
	heard  int64         // moments since
	least  time.Duration // of now - due, in the window
	usual  time.Duration // what that was in the first window
	known  bool          // usual is

	told int64         // pieces in the window that said their times
	away time.Duration // the sum of how far these were from a sample after the one before
}

// begin starts the clock: the next moment comes now, and was captured then.
func (c *soundClock) begin(captured, now time.Time) {
	*c = soundClock{neverPauses: c.neverPauses, running: true, due: now, offset: captured.Sub(now), window: now, least: 1 << 62}
	if behind := now.Sub(captured); behind > 0 && behind <= maxBehind {
		c.behind = behind
	}
}

// ahead returns how far from now the next moment is.
func (c *soundClock) ahead(now time.Time) time.Duration {
	if !c.running {
		return 0
	}
	return c.due.Add(-c.behind).Sub(now)
}

// next returns the time of the first of n moments that come now, and whether that is other than a sample after the one before.
// captured is what the source says it is; zero: nothing.
func (c *soundClock) next(n int64, f SoundFormat, captured, now time.Time) (at time.Time, news bool) {
	switch said := !captured.IsZero(); {
	case !c.running && said:
		c.begin(captured, now)
		news = true
	case !c.running:
		c.begin(now, now)
		news = true
	case said:
		news = c.follow(captured, now)
	case !c.neverPauses && now.Sub(c.due) > maxLate:
		c.begin(now.Add(c.offset), now)
		news = true
	}
	c.heard += n
	c.least = min(c.least, now.Sub(c.due))
	if now.Sub(c.window) >= driftEvery && f.duration(c.heard) >= driftEvery {
		if step := c.step(); step != 0 {
			c.due = c.due.Add(step)
			news = true
		}
		c.window, c.least, c.heard, c.told, c.away = now, 1<<62, 0, 0, 0
	}
	at = c.due.Add(c.offset)
	c.due = c.due.Add(f.duration(n))
	return at, news
}

// follow takes the time that the source says of the next moment. It reports whether there is a gap before it.
func (c *soundClock) follow(captured, now time.Time) (news bool) {
	away := captured.Sub(c.due.Add(c.offset))
	if away.Abs() <= gap {
		c.told++
		c.away += away
		return false
	}
	c.due = c.due.Add(away)
	c.told, c.away = 1, 0
	if c.ahead(now) > maxJump { // Its clock was set.
		c.begin(captured, now)
	}
	return true
}

// step returns by how much the times that follow are to be moved, as the window says that ends now.
func (c *soundClock) step() time.Duration {
	if c.told > 0 {
		if mean := c.away / time.Duration(c.told); mean.Abs() >= minGap {
			return mean
		}
		return 0
	}
	if !c.known {
		c.known, c.usual = true, c.least
		return 0
	}
	switch drift := c.least - c.usual; {
	case drift.Abs() <= minDrift:
		return 0
	case c.neverPauses && drift.Abs() > maxLate:
		return drift
	default:
		return min(max(drift/4, -maxStep), maxStep)
	}
}

// Listener receives the sound of a stream. Read is for one goroutine at a time, the other methods for any.
type Listener struct {
	p     *SoundPublisher
	owner string
	wake  chan struct{}
	next  int64 // moment
}

// Listen adds a listener to the sound of a stream, from now on; it ends with Listener.Close. wake is as in ViewerOptions. Listen
// returns a *NotFoundError, ErrNoSound, a *LimitError or ErrClosed.
func (h *Hub) Listen(name string, wake chan struct{}) (*Listener, error) {
	return h.ListenAs("", name, wake)
}

// ListenAs is Listen for an owner, as ViewerOptions.Owner is.
func (h *Hub) ListenAs(owner, name string, wake chan struct{}) (*Listener, error) {
	l, err := h.listen(owner, name, wake)
	if h.alone() || err == nil {
		return l, err
	}
	missing := (*NotFoundError)(nil)
	switch {
	case errors.As(err, &missing):
		if err := h.bring(missing); err != nil {
			return nil, err
		}
		return h.listen(owner, name, wake)
	case err == ErrNoSound:
		if i, ok := h.Info(name); ok && i.Fed == Unfed {
			_, _ = h.o.Elsewhere.Bring(name) // The caller may try again.
		}
	}
	return nil, err
}

// listen is ListenAs for a stream that the Hub has.
func (h *Hub) listen(owner, name string, wake chan struct{}) (*Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	i, ok := h.search(name)
	if !ok {
		return nil, &NotFoundError{Name: name, Names: h.names()}
	}
	s := h.streams[i]
	s.mu.Lock()
	p := s.sound
	s.mu.Unlock()
	if p == nil {
		return nil, ErrNoSound
	}
	if h.listeners >= h.o.MaxViewers {
		return nil, &LimitError{Limit: "viewers", Max: h.o.MaxViewers}
	}
	if wake == nil {
		wake = make(chan struct{}, 1)
	}
	l := &Listener{p: p, owner: owner, wake: wake}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, ErrNoSound
	}
	if err := h.admitWatcher(watcher{owner, true}); err != nil {
		return nil, err
	}
	h.listeners++
	l.next = p.end
	p.listeners = append(slices.Clip(p.listeners), l) // clipped, so that it is a new slice
	return l, nil
}

// Listeners returns how many listeners there are, of all streams.
func (h *Hub) Listeners() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.listeners
}

// Close ends the listener. A second Close does nothing.
func (l *Listener) Close() {
	h := l.p.s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if i := slices.Index(l.p.listeners, l); i >= 0 {
		l.p.listeners = slices.Delete(slices.Clone(l.p.listeners), i, i+1)
		h.listeners--
		h.departed(watcher{l.owner, true})
	}
}

// Format returns the format of the sound.
func (l *Listener) Format() SoundFormat { return l.p.format }

// Wake returns a channel of capacity 1 that receives when there is more sound, or its end.
func (l *Listener) Wake() <-chan struct{} { return l.wake }

// Read fills dst with the next moments, as many as there are and follow each other in time, and returns how many bytes these
// are, 0 for none now, and the time of the first. A listener that is more than half a second behind gets no silence until it is
// a quarter behind; one that is more than two seconds behind goes on with what the stream still has. Read returns ErrReplaced or
// ErrClosed at the end of the sound. It allocates nothing.
func (l *Listener) Read(dst []byte) (n int, at time.Time, err error) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, time.Time{}, p.err
	}
	l.next = max(l.next, p.begin)
	if p.end-l.next > p.format.moments(behind) {
		p.skipSilence(l)
	}
	if l.next == p.end {
		return 0, time.Time{}, nil
	}
	m := 0
	for m+1 < len(p.marks) && p.marks[m+1].moment <= l.next {
		m++
	}
	last := p.end
	if m+1 < len(p.marks) {
		last = p.marks[m+1].moment
	}
	moment := p.format.momentBytes()
	moments := min(last-l.next, int64(len(dst)/moment))
	at = p.marks[m].at.Add(p.format.duration(l.next - p.marks[m].moment))
	for n < int(moments)*moment {
		n += copy(dst[n:int(moments)*moment], p.from(l.next+int64(n/moment)))
	}
	l.next += moments
	return n, at, nil
}

// from returns the ring from a moment on, up to its end.
func (p *SoundPublisher) from(moment int64) []byte {
	return p.ring.Bytes()[int(moment%p.size)*p.format.momentBytes() : int(p.size)*p.format.momentBytes()]
}

const (
	// behind is how far a listener may be behind before silence is dropped, and caughtUp how far it is when that ends.
	behind   = 500 * time.Millisecond
	caughtUp = 250 * time.Millisecond
	// silent is the largest sample of silence: 60 dB below full scale.
	silent = 32
	// silenceStep is what is dropped at a time.
	silenceStep = 10 * time.Millisecond
)

// skipSilence moves a listener that is behind over silence that comes next.
func (p *SoundPublisher) skipSilence(l *Listener) {
	step := p.format.moments(silenceStep)
	for p.end-l.next > p.format.moments(caughtUp) {
		for n := range step {
			b := p.from(l.next + n)
			for c := range p.format.Channels {
				if v := int16(uint16(b[2*c]) | uint16(b[2*c+1])<<8); v > silent || v < -silent {
					return
				}
			}
		}
		l.next += step
	}
}
