package live

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// Publisher feeds a stream. It is for one goroutine, except Done, Err, Counts and Failed. Its encoder worker encodes the
// newest frame on another.
type Publisher struct {
	live      *Live
	name      string
	out       *stream.Publisher
	lent      bool // out is not the Publisher's to close
	encoder   *encoder
	next      int           // of a scene: the index of a frame that comes without
	reading   admission     // for a JPEG that is larger than those before
	growth    engine.Stream // by which that was admitted
	unwatched bool          // frames are encoded also when nobody watches
	wake      chan struct{} // of capacity 1: something changed
	came      chan struct{} // of capacity 1: receives when a first viewer comes; nil: nobody asks
	closed    chan struct{} // closed by Close: no frame will come
	over      chan struct{} // closed when no image will be made any more

	mu      sync.Mutex
	newest  item // the slot: the newest frame, until its turn
	pace    pace
	closing bool // no frame will come
	ended   bool // no image will be made

	arrived, published, dropped atomic.Uint64
	broken                      atomic.Uint64 // of the dropped ones: those that could not be decoded or encoded
	complained                  bool          // of the encoder worker, as is what follows
	changed                     time.Time     // when a change of format was logged last
}

// item is what came in: a frame or a JPEG, which it owns. The zero item is empty.
type item struct {
	frame    frame.Frame
	jpeg     pool.Buf
	alpha    int                // bytes of a JPEG of alpha behind it in the buffer
	image    *ingest.SceneImage // of a scene
	index    int                // of a scene: which background
	back     func()             // called when it is released, for a frame that was lent; else nil
	captured time.Time
	came     time.Time // zero in an empty item alone
}

func (it *item) empty() bool { return it.came.IsZero() }

func (it *item) release() {
	it.frame.Release()
	it.jpeg.Release()
	if it.image != nil {
		it.image.Release()
	}
	back := it.back
	*it = item{}
	if back != nil {
		back()
	}
}

// start starts the encoder worker for out, which ends with the Publisher unless it is lent. It returns stream.ErrClosed
// when the server stops.
func (p *Publisher) start(out *stream.Publisher) error {
	p.out = out
	return p.live.feed(p.run)
}

// Frame takes f, captured at that time. In a stream of a scene it is the region of an image, whose background is the one after
// that of the frame before. It never waits. The error, a *fault.Error, is final: another publisher took the
// stream over (Conflict), or the server stops (Draining). A frame that is not as the Spec says is counted as failed.
func (p *Publisher) Frame(f frame.Frame, captured time.Time) error {
	return p.put(item{frame: f, captured: captured, came: time.Now()})
}

// Lend is Frame for a frame that borrows its memory: back is called, once, when the Publisher does not use it any more, from any
// goroutine, also before Lend returns. back must not wait.
func (p *Publisher) Lend(f frame.Frame, captured time.Time, back func()) error {
	return p.put(item{frame: f, back: back, captured: captured, came: time.Now()})
}

// JPEG is Frame for a Publisher of JPEGs. It takes b, a whole JPEG.
func (p *Publisher) JPEG(b pool.Buf, captured time.Time) error {
	return p.put(item{jpeg: b, captured: captured, came: time.Now()})
}

// layers is JPEG for a JPEG and, behind it in b, one of its alpha of so many bytes; 0: none.
func (p *Publisher) layers(b pool.Buf, alpha int, captured time.Time) error {
	return p.put(item{jpeg: b, alpha: alpha, captured: captured, came: time.Now()})
}

// NextIndex as the index of an image is the one after that of the image before.
const NextIndex = -1

// Image is Frame for a Publisher of a scene. It takes m, whose index may be NextIndex.
func (p *Publisher) Image(m *ingest.SceneImage, captured time.Time) error {
	return p.put(item{image: m, captured: captured, came: time.Now()})
}

// LendImage is Image for an image whose regions borrow their memory, with back as of Lend. It takes m itself.
func (p *Publisher) LendImage(m *ingest.SceneImage, captured time.Time, back func()) error {
	return p.put(item{image: m, back: back, captured: captured, came: time.Now()})
}

// Places returns how many regions an image of the Publisher's scene may have: there is memory for as many.
func (p *Publisher) Places() int { return p.encoder.plan.Places() }

// Admit makes sure that n bytes are admitted for a JPEG that is being read, beside those that were admitted for JPEGs as
// large as those before. It waits a moment for them. The error is pool.ErrBudget.
func (p *Publisher) Admit(n int) error {
	if int64(n) <= p.encoder.covered.Load() {
		p.reading.release()
		return nil
	}
	// A buffer that grows is two for a moment, of which the older is smaller.
	return p.reading.resize(2*int64(pool.ClassSize(min(n, pool.MaxSize))), func(n int64) (grant, error) {
		return p.live.jpegs.admit(p.live.engine, n, &p.growth)
	})
}

// put takes it into the slot, and drops what was there.
func (p *Publisher) put(it item) error {
	if p.encoder.scene() {
		it.index = p.next
		if it.image != nil && it.image.Index != NextIndex {
			it.index = it.image.Index
		}
		p.next = it.index + 1
		if p.next < 0 { // after the last one that there is
			p.next = it.index
		}
	}
	if err := p.Err(); err != nil {
		it.release()
		return err
	}
	p.arrived.Add(1)
	p.out.Arrived()
	watched := p.watched()

	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		p.discard(it, stream.Unseen)
		return p.Err()
	}
	old := p.newest
	reason := p.reason(&old, watched, it.came)
	p.newest = it
	p.mu.Unlock()

	p.discard(old, reason)
	if watched {
		signal(p.wake)
	} else {
		p.out.Skip()
	}
	return nil
}

// reason returns why old has no image when a newer frame replaces it. p.mu is held.
func (p *Publisher) reason(old *item, watched bool, now time.Time) stream.DropReason {
	switch {
	case !watched:
		return stream.Unseen
	case p.pace.wait(old.came, now) > 0:
		return stream.Capped
	}
	return stream.Newer
}

// Lost counts a frame that came in and cannot be used: it was broken (stream.Failed), or there was no memory for it
// (stream.NoMemory). The error is Frame's.
func (p *Publisher) Lost(reason stream.DropReason) error {
	p.arrived.Add(1)
	p.out.Arrived()
	p.drop(reason)
	return p.Err()
}

// unseen counts a frame that was not drawn, since nobody watches, and drops the older one in the slot. The error is
// Frame's.
func (p *Publisher) unseen() error {
	p.mu.Lock()
	old := p.newest
	p.newest = item{}
	p.mu.Unlock()
	p.discard(old, stream.Unseen)
	p.out.Skip()
	return p.Lost(stream.Unseen)
}

// unchanged says that the source is alive and its image is still the last one. The error is Frame's.
func (p *Publisher) unchanged() error {
	p.out.Alive()
	return p.Err()
}

// Watched reports whether the stream has viewers.
func (p *Publisher) Watched() bool { return p.out.Watched() }

// discard releases an item, which may be empty, that was in the slot and got no image.
func (p *Publisher) discard(it item, reason stream.DropReason) {
	if !it.empty() {
		it.release()
		p.drop(reason)
	}
}

// drop counts a frame without an image.
func (p *Publisher) drop(reason stream.DropReason) {
	p.out.Dropped(reason)
	p.dropped.Add(1)
	if reason == stream.Failed {
		p.broken.Add(1)
	}
	p.live.engine.Metrics.StreamFrameDropped(reason)
}

// Done is closed when the Publisher should end; Err says why.
func (p *Publisher) Done() <-chan struct{} { return p.out.Done() }

// Err returns why the Publisher should end, as a *fault.Error, or nil.
func (p *Publisher) Err() error {
	if err := p.out.Err(); err != nil {
		return fault.From(err)
	}
	return nil
}

// Counts returns how many frames came in, became images, and were dropped. After Close the first is the sum of the
// others.
func (p *Publisher) Counts() (arrived, published, dropped uint64) {
	return p.arrived.Load(), p.published.Load(), p.dropped.Load()
}

// Failed returns how many of the dropped frames could not be decoded or encoded.
func (p *Publisher) Failed() uint64 { return p.broken.Load() }

// Close encodes the frame in the slot if somebody watches, ends the Publisher and releases its memory. A second Close
// does nothing.
func (p *Publisher) Close() {
	p.mu.Lock()
	again := p.closing
	p.closing = true
	p.mu.Unlock()
	if again {
		return
	}
	close(p.closed)
	signal(p.wake)
	<-p.over
	if !p.lent {
		p.out.Close()
	}
	p.reading.release()
	p.encoder.close()
}

// run is the encoder worker. It ends with the Publisher or its stream.
func (p *Publisher) run() {
	defer p.end()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if p.encoder.decodes() {
		go p.endDecoding(ctx, cancel)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for p.out.Err() == nil {
		it, wait, last := p.take()
		if !it.empty() {
			p.image(ctx, it)
			continue
		}
		if last {
			return
		}
		timer.Reset(wait)
		select {
		case <-p.wake:
		case <-p.out.Wanted():
			signal(p.came)
		case <-timer.C:
		case <-p.out.Done():
		}
	}
}

// lastDecoding is how long the last JPEG of a publisher that has ended may still be decoded.
const lastDecoding = time.Second

// endDecoding calls cancel when nobody needs what is being decoded: the stream was taken over, the server stops, or the
// publisher has ended and its last JPEG takes too long. It returns when ctx ends.
func (p *Publisher) endDecoding(ctx context.Context, cancel func()) {
	defer cancel()
	select {
	case <-ctx.Done():
		return
	case <-p.out.Done():
		return
	case <-p.closed:
	}
	timer := time.NewTimer(lastDecoding)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-p.out.Done():
	case <-timer.C:
	}
}

// idle is how long run waits when nothing is due: something else will wake it.
const idle = time.Hour

// take empties the slot if its frame is due. Else it returns how long to wait, and whether this was the last.
func (p *Publisher) take() (it item, wait time.Duration, last bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest.empty() || !p.watched() || p.stale(now) {
		return item{}, idle, p.closing
	}
	if wait := p.pace.wait(p.newest.came, now); wait > 0 && !p.closing {
		return item{}, wait, false
	}
	p.pace.took(now)
	it, p.newest = p.newest, item{}
	return it, 0, false
}

// watched reports whether frames become images: for viewers, or in any case.
func (p *Publisher) watched() bool { return p.unwatched || p.out.Watched() }

// stale reports whether the frame in the slot is from before the source was lost: it was kept for a viewer, and must
// not be shown to one that comes now. p.mu is held.
func (p *Publisher) stale(now time.Time) bool {
	if now.Sub(p.newest.came) < time.Duration(p.live.engine.Config.Live.OfflineAfter) {
		return false
	}
	info, ok := p.live.Hub.Info(p.name)
	return ok && info.State != stream.Online
}

// end drops the frame in the slot, and every later one.
func (p *Publisher) end() {
	p.mu.Lock()
	p.ended = true
	left := p.newest
	p.newest = item{}
	p.mu.Unlock()
	p.discard(left, stream.Unseen)
	close(p.over)
}

// image takes it, encodes it, and publishes the image.
func (p *Publisher) image(ctx context.Context, it item) {
	pic, err := p.make(ctx, &it)
	it.release()
	switch {
	case err != nil && ctx.Err() != nil: // given up
		p.drop(stream.Unseen)
		return
	case err != nil:
		p.failed(err)
		return
	}
	p.published.Add(1)
	p.live.engine.Metrics.StreamFrameOK()
	_ = p.out.Publish(pic) // The one error is that p has ended, which run sees.
}

// make returns the image of it. A panic of a stage is an error.
func (p *Publisher) make(ctx context.Context, it *item) (pic stream.Image, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	format, kind := p.encoder.input, p.encoder.kind
	pic, err = p.encoder.image(ctx, it)
	if p.encoder.input != format {
		p.out.Describe(p.encoder.format())
	}
	if k := p.encoder.kind; k != kind && kind != (jpegKind{}) {
		p.logChange(k)
	}
	pic.Captured = it.captured
	return pic, err
}

// logChange logs that the kind of JPEGs changed, rate-limited: it may change with every frame.
func (p *Publisher) logChange(k jpegKind) {
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(p.changed) >= changeLogInterval {
		level, p.changed = slog.LevelInfo, now
	}
	p.live.log.Log(context.Background(), level, "stream changed format", "stream", p.name, "format", p.encoder.format(),
		"components", k.components, "subsampling", k.subsampling)
}

// failed counts a frame without an image, and logs the first one.
func (p *Publisher) failed(err error) {
	reason := stream.Failed
	if errors.Is(err, pool.ErrBudget) || fault.From(err).Kind == fault.Busy {
		reason = stream.NoMemory
	}
	p.drop(reason)
	if p.complained {
		return
	}
	p.complained = true
	var panicked *panicError
	if errors.As(err, &panicked) {
		p.live.log.Error("panic while encoding a frame", "stream", p.name, "err", err, "stack", string(panicked.stack))
		return
	}
	p.live.log.Warn("skipping a frame; further ones are only counted", "stream", p.name, "err", err)
}

// signal leaves a token in c, whose capacity is 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
