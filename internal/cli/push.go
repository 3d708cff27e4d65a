package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/steadyframe/steadyframe/frame"
)

// Push is one run from an input to a live stream of a server.
type Push struct {
	Source  *PushSource
	Targets []*PushTarget // the stream on each server that may have it: the first that can be reached gets it, the next when that is lost
	Token   string        // what the servers want, if anything
	Query   url.Values    // what to make of the frames, as POST /v1/streams says
	FPS     float64       // frames are read at this pace; 0: at the Source's own

	Progress func(PushProgress) // called some times a second; may be nil
	Notice   func(text string)  // told of connections lost and made again; may be nil
	Taken    func(watch string) // called once, when a server takes frames, with where to see them, from another goroutine; may be nil

	send func(*http.Request) (*http.Response, error) // for tests; nil: over the network
}

// Limits of the time between two attempts to reach the server. A server that was started again is found within the
// longer one.
const (
	firstDelay = 250 * time.Millisecond
	lastDelay  = 2500 * time.Millisecond
)

// steadyTime is how long a connection must have held for the next one not to be delayed as if it had not.
const steadyTime = 2 * time.Second

// takenTime is how long after a first frame the server is thought to take what it is sent: it refuses sooner.
const takenTime = 500 * time.Millisecond

// partingTime is how long the server may take to respond after the user ended the run.
const partingTime = time.Second

// lastTime is how long the last frame of a live input waits for a server that was lost. Later it would show what is long over.
const lastTime = 10 * time.Second

// pushRun is a Push that runs.
type pushRun struct {
	*Push
	frames    chan pushFrame // from the reader to the connection: the newest; closed at the end of the input
	servers   *pushServers
	inputErr  error // why the input ended, nil at its end; to be read when frames is closed
	interrupt <-chan struct{}
	meter     *pushMeter
	lost      time.Time                 // when the last connection ended, while there is none
	sound     *pushSound                // nil without
	unsent    pushFrame                 // what it did not take whole
	over      atomic.Pointer[time.Time] // when the input ended; nil: it goes on
	hasUnsent bool
	taken     *time.Timer // calls Taken; nil until a frame was sent
}

// Run pushes until the input ends, ctx ends, or the server refuses the stream for good. The PushSummary is about what was
// sent up to then. The error is for the user as it is. A reader that waits for its input when Run returns is left behind
// until the caller closes the Source.
func (p *Push) Run(ctx context.Context) (PushSummary, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	r := &pushRun{Push: p, frames: make(chan pushFrame, 1), servers: newPushServers(p.Targets), interrupt: ctx.Done(), meter: newPushMeter(p.Progress)}
	if c := p.Source.camera; c != nil {
		c.notice = p.Notice
	}
	done := make(chan struct{})
	p.Source.ended = done
	p.Source.reading.Go(func() {
		defer close(done)
		r.readAll(reading)
	})
	if v := p.Source.video; v != nil && v.sound != nil && p.FPS == 0 && r.fps() > 0 {
		r.sound = newPushSound(r, v.sound)
		p.Source.reading.Go(func() { r.sound.send(reading) })
	}
	err := r.connectAll(ctx)
	if r.hasUnsent {
		r.unsent.release()
		r.meter.dropped.Add(1)
	}
	stop()
	released := make(chan struct{})
	p.Source.reading.Go(func() { // also when the reader is left behind
		defer close(released)
		<-done
		for f := range r.frames {
			f.release()
		}
	})
	select {
	case <-released:
	case <-time.After(readerGrace):
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r.close(err), err
}

// close returns the figures of a run that ended with err. Taken is called now if the run was too short for it.
func (r *pushRun) close(err error) PushSummary {
	var refused *PushRefusedError
	if r.taken != nil && r.taken.Stop() && !errors.As(err, &refused) {
		r.takes()
	}
	return r.meter.close()
}

// readAll reads the input, at its pace, until it or ctx ends. It closes r.frames.
func (r *pushRun) readAll(ctx context.Context) {
	defer func() {
		now := time.Now()
		r.over.Store(&now)
		close(r.frames)
	}()
	pace := newPacer(r.fps())
	var last time.Duration // time stamp of the last frame
	stamped := false       // whether it had one
	for ctx.Err() == nil {
		f, err := r.Source.next()
		if err != nil {
			if err != io.EOF {
				r.inputErr = inputError(err)
			}
			return
		}
		step := time.Duration(0)
		now, ok := r.Source.pts()
		if r.FPS == 0 && ok && stamped {
			step = now - last
		}
		last, stamped = now, ok
		if !pace.waitStep(step, ctx.Done()) || !r.hand(ctx, f, pace) {
			f.release()
			return
		}
		if r.sound != nil && ok {
			r.sound.follow(pace.due.Add(-now))
		}
	}
}

// hand hands f to the connection. A frame of a live input replaces one that waits for its turn; one of an input that is
// read at a pace waits itself, and its successors come later by as much. It returns false, and leaves f to the caller,
// when ctx ends.
func (r *pushRun) hand(ctx context.Context, f pushFrame, pace *pacer) bool {
	for {
		if ctx.Err() != nil {
			return false // Nobody takes it any more.
		}
		select {
		case r.frames <- f:
			return true
		default:
		}
		if pace.interval > 0 {
			select {
			case r.frames <- f:
				pace.restart()
				return true
			case <-ctx.Done():
				return false
			}
		}
		select {
		case old := <-r.frames:
			old.release()
			r.meter.dropped.Add(1)
		case <-ctx.Done():
			return false
		default: // It was taken this moment.
		}
	}
}

// connectAll keeps a connection until there are no more frames, and returns why there are none, nil for the end of the
// input.
func (r *pushRun) connectAll(ctx context.Context) error {
	delay := firstDelay
	for {
		first, ok := r.first(ctx)
		switch {
		case ok:
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			return r.inputErr
		}
		start, before := time.Now(), r.meter.sample()
		end, err := r.connect(ctx, first)
		var refused *PushRefusedError
		if errors.As(err, &refused) && time.Since(start) < steadyTime {
			r.meter.back(before) // The connection held what the server did not take.
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused):
			if err := r.servers.refuse(refused); err != nil {
				return err
			}
			r.notice("%s: trying %s", refused, r.servers.place.Load())
			continue
		case end == inputEnded && err == nil:
			return r.inputErr
		case end == inputEnded:
			return err
		case end == formatChanged && err == nil:
			continue // with a request that says what the frames are now
		}
		if time.Since(start) >= steadyTime {
			delay = firstDelay
			r.servers.steady()
		}
		from := r.servers.place.Load().PushTarget
		another := r.servers.next()
		r.noticeLost(from, err, another)
		if another {
			continue
		}
		if over := r.over.Load(); over != nil && r.fps() == 0 && time.Since(*over) >= lastTime {
			return errors.Join(r.inputErr, fmt.Errorf("the input has ended, and its last frame did not get to %s (%s)", from, from.reachError(err)))
		}
		select {
		case <-time.After(jitter(delay)):
		case <-ctx.Done():
			return ctx.Err()
		}
		delay = min(2*delay, lastDelay)
	}
}

// first returns the frame with which to begin a connection: of a live input the newest, of one that is read at a pace the
// one that the last connection did not take whole. It returns false when there are no more frames, or ctx has ended.
func (r *pushRun) first(ctx context.Context) (pushFrame, bool) {
	if !r.hasUnsent {
		select {
		case f, ok := <-r.frames:
			return f, ok
		case <-ctx.Done():
			return pushFrame{}, false
		}
	}
	r.hasUnsent = false
	if r.fps() == 0 {
		select {
		case f, ok := <-r.frames:
			if ok {
				r.unsent.release()
				r.meter.dropped.Add(1)
				return f, true
			}
		default:
		}
	}
	return r.unsent, true
}

// fps is the pace at which frames are read, 0 for those of a live input.
func (r *pushRun) fps() float64 {
	if r.Source.camera != nil {
		return 0 // The FPS of a Push are how often a snapshot is polled.
	}
	return cmp.Or(r.FPS, r.Source.FPS)
}

// jitter returns a time between three quarters of d and d, so that the clients of a server that was lost do not all come back at once.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/4) }

// bodyEnd is why there is no more of the body of a request.
type bodyEnd uint8

const (
	bodyCut       bodyEnd = iota // the connection has ended
	inputEnded                   // all frames of the input were sent
	formatChanged                // the next frame is of another geometry than the request says
)

// connect sends frames, first being the first, in one request. It returns why it sent no more, and what was wrong.
func (r *pushRun) connect(ctx context.Context, first pushFrame) (end bodyEnd, err error) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(partingTime, cancel) })()
	target := r.servers.place.Load()
	body := newPushBody(sending, r, first)
	request, err := http.NewRequestWithContext(body.ctx, http.MethodPost, target.publishURL(r.query(target, first)), body)
	if err != nil {
		r.unsent, r.hasUnsent = body.end()
		return inputEnded, err
	}
	request.Header.Set("Content-Type", r.Source.contentType())
	response, err := r.roundTrip(target, request)
	if err == nil {
		err = r.answered(response)
		response.Body.Close()
	} else if cause := context.Cause(body.ctx); cause != nil && body.ctx.Err() != nil {
		err = cause
	}
	r.unsent, r.hasUnsent = body.end()
	return body.reason, target.refusal(err)
}

// roundTrip sends a request with what all of them say.
func (r *pushRun) roundTrip(target *pushPlace, request *http.Request) (*http.Response, error) {
	request.Header.Set("Expect", "100-continue") // A server that refuses says so before there is a body that it would cut.
	request.Header.Set("User-Agent", "steadyframe")
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.send != nil {
		return r.send(request)
	}
	transport := target.transport()
	defer transport.CloseIdleConnections()
	return transport.RoundTrip(request)
}

// query returns what the request says of frames like f and what to make of them.
func (r *pushRun) query(target *pushPlace, f pushFrame) url.Values {
	q := url.Values{}
	for _, from := range []url.Values{target.query, f.query(), r.Query} {
		for name, values := range from {
			q[name] = values
		}
	}
	return q
}

// sent is called after each frame that was handed to the connection whole.
func (r *pushRun) sent() {
	r.meter.frames.Add(1)
	if r.taken == nil && r.Taken != nil {
		r.taken = time.AfterFunc(takenTime, r.takes)
	}
	if !r.lost.IsZero() {
		r.meter.reconnects.Add(1)
		r.noticeFound()
	}
}

// takes says that a server takes frames.
func (r *pushRun) takes() { r.Taken(r.servers.place.Load().WatchURL()) }

func (r *pushRun) notice(format string, args ...any) {
	if r.Notice != nil {
		r.Notice(fmt.Sprintf(format, args...))
	}
}

// rawQuery describes frames of geometry d.
func rawQuery(d frame.Desc) url.Values {
	q := url.Values{"format": {d.Format.String()}, "size": {fmt.Sprintf("%dx%d", d.Width, d.Height)}}
	if d.Range != frame.RangeDefault {
		q.Set("range", d.Range.String())
	}
	if d.Color != frame.BT601 {
		q.Set("color", d.Color.String())
	}
	return q
}
