package rtsp

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"

	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
)

const (
	// unsentBytes bounds what the kernel queues of a viewer's images beyond what is in flight, as of MJPEG.
	unsentBytes = 16 << 10
	// reportEvery is how often a sender report says which time stamp stands for which time (RFC 3550, 6.2).
	reportEvery = 5 * time.Second
	// burst is how many packets of an image are sent over UDP at a time, and burstEvery how often: large images at once are more
	// than the sockets of receivers and the buffers of switches hold.
	burst      = 24
	burstEvery = time.Millisecond
	// soundAgain is how often a session looks for sound that has ended.
	soundAgain = time.Second
	// soundPackets is how many packets of sound are read at a time.
	soundPackets = 8
	// unwatched is the rate in images a second of a client that set up the sound alone.
	unwatched = 0.001
)

// play sends the images and the sound of a stream to a session, on a goroutine of its own.
type play struct {
	*session
	g      *guarded // which asked for it
	viewer *stream.Viewer
	sound  *stream.Listener // nil: there is none now
	wake   chan struct{}    // of images and sound
	since  time.Time
	looked time.Time // for sound

	jpeg    rtp.JPEG
	packets rtp.Packets
	samples []byte // that were read
	out     []byte // packets that are being written
	heard   uint32 // the time stamp after the last sample; good while hears
	hears   bool

	before <-chan struct{} // closed when the play before has ended; nil: there was none
	stops  chan struct{}   // closed by end
	ended  chan struct{}   // closed when nothing is sent any more

	mu    sync.Mutex
	state playState
}

type playState int

const (
	prepared playState = iota
	running
	over
)

// newPlay makes the client of x a viewer. The error is a *fault.Error.
func newPlay(x *session, g *guarded) (*play, error) {
	p := &play{session: x, g: g, wake: make(chan struct{}, 1), since: time.Now(), before: x.last, stops: make(chan struct{}), ended: make(chan struct{})}
	o := stream.ViewerOptions{Transport: "rtsp", Peer: x.peer, MaxFPS: x.fps, Wake: p.wake}
	if p.overUDP() {
		o.Transport = "rtsp-udp"
	}
	if !x.video.set {
		o.MaxFPS = unwatched
	}
	var err error
	if p.viewer, err = x.id.View(x.server.live.Hub, x.name, o); err != nil {
		return nil, refusal(err)
	}
	return p, nil
}

func (p *play) overUDP() bool { return p.protocol == gortsplib.ProtocolUDP }

// begin starts the goroutine, unless end was called.
func (p *play) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != prepared {
		return
	}
	p.state = running
	p.g.playing.Store(true)
	p.g.base.Begin()
	if !p.overUDP() {
		p.server.connections.Add(p.g.Hijacked)
	}
	if !p.server.start(p.serve) {
		p.finish()
	}
}

// end makes the goroutine end after what it is writing. A second call does nothing.
func (p *play) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case prepared:
		p.viewer.Close()
		close(p.ended)
	case running:
		close(p.stops)
	}
	p.state = over
}

// stopping reports whether end was called.
func (p *play) stopping() bool {
	select {
	case <-p.stops:
		return true
	default:
		return false
	}
}

// serve sends until it is time to end. Unless the client asked for that, its session ends too.
func (p *play) serve() {
	if p.before != nil {
		<-p.before
	}
	if !p.overUDP() {
		p.viewer.OnEvict(func() { _ = p.g.Abort() }) // A write in progress ends.
	}
	err := p.server.protect(p.run)
	asked := p.stopping()
	if !asked {
		p.goodbye()
	}
	p.finish()
	p.log(err)
	if !asked {
		p.gortsplib.Close()
	}
}

// finish gives back what a running play has.
func (p *play) finish() {
	p.viewer.Close()
	if p.sound != nil {
		p.sound.Close()
	}
	p.g.playing.Store(false)
	p.g.base.End()
	if !p.overUDP() {
		p.server.connections.Remove(p.g.Hijacked)
	}
	close(p.ended)
}

// run sends images and sound. It returns nil where the client or the server ends it.
func (p *play) run() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	draining := p.server.engine.Draining()
	may, cancel := p.id.Until(context.Background())
	defer cancel()
	for {
		select {
		case <-draining:
			return nil
		case <-p.stops:
			return nil
		case <-may.Done():
			return context.Cause(may)
		default:
		}
		image, ok, wait, err := p.viewer.Poll()
		switch {
		case err == stream.ErrEvicted:
			return fault.From(err)
		case err != nil:
			return nil // The stream has ended.
		}
		if ok {
			if err := p.sendImage(&image); err != nil {
				return err
			}
		}
		if err := p.sendSound(); err != nil {
			return err
		}
		if ok {
			continue
		}
		if p.audio.set && p.sound == nil {
			wait = min(wait, soundAgain)
		}
		timer.Reset(wait)
		select {
		case <-draining:
		case <-p.stops:
		case <-may.Done():
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// sendImage takes an image and sends it.
func (p *play) sendImage(image *stream.Image) error {
	defer image.Release()
	if !p.video.set {
		return nil
	}
	if err := p.jpeg.Parse(image.JPEG()); err != nil {
		return uncarried(p.name, err)
	}
	now := time.Now()
	var at time.Duration
	if image.Repeat && p.clock.Had(image.Captured) {
		at = p.clock.Again(now)
	} else {
		at = p.clock.Image(image.Captured, now)
	}
	p.packets.Cut(&p.video.Track, &p.jpeg, p.channel(&p.video), p.video.Stamp(at))
	err := p.writePackets()
	p.packets.Release()
	p.jpeg.Scan = nil
	if err != nil {
		return p.unsent(err)
	}
	p.viewer.Delivered(image)
	return p.report(&p.video, at, now)
}

// channel returns the channel of a track's packets.
func (p *play) channel(t *track) int {
	if p.overUDP() {
		return rtp.NoChannel
	}
	return t.channel
}

// writePackets writes the packets of an image: at once, or over UDP in bursts.
func (p *play) writePackets() error {
	parts := p.packets.Parts
	if !p.overUDP() {
		return p.g.WriteAll(parts)
	}
	for n := 0; len(parts) > 0; n++ {
		if n > 0 && n%burst == 0 && !p.pause() {
			return nil // The rest is of no use.
		}
		p.out = append(append(p.out[:0], parts[0]...), parts[1]...)
		if err := p.server.udp.send(p.server.udp.rtp, p.out, p.video.rtp); err != nil {
			return err
		}
		parts = parts[2:]
	}
	return nil
}

// pause waits until the next burst may be sent, and reports whether it should be.
func (p *play) pause() bool {
	time.Sleep(burstEvery)
	select {
	case <-p.viewer.Evicted():
		return false
	case <-p.stops:
		return false
	default:
		return true
	}
}

// unsent returns the fault of what could not be written.
func (p *play) unsent(err error) *fault.Error {
	select {
	case <-p.viewer.Evicted():
		return fault.From(stream.ErrEvicted)
	default:
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Error{Kind: fault.Slow, Reason: "the viewer read nothing within live.stall", Err: err}
	}
	return &fault.Error{Kind: fault.Canceled, Reason: "the viewer disconnected", Err: err}
}

// report sends a sender report of t, if it is time for one. at is the time of what was sent last.
func (p *play) report(t *track, at time.Duration, now time.Time) error {
	if now.Sub(t.reported) < reportEvery {
		return nil
	}
	t.reported = now
	channel := p.channel(t)
	if channel != rtp.NoChannel {
		channel++
	}
	p.out = t.AppendReport(p.out[:0], channel, p.clock.Wall(at), at)
	return p.writeControl(t)
}

// writeControl writes what p.out has of RTCP.
func (p *play) writeControl(t *track) error {
	if !p.overUDP() {
		if _, err := p.g.Hijacked.Write(p.out); err != nil {
			return p.unsent(err)
		}
		return nil
	}
	if err := p.server.udp.send(p.server.udp.rtcp, p.out, t.rtcp); err != nil {
		return p.unsent(err)
	}
	return nil
}

// goodbye says over UDP that nothing more will come. Over TCP the connection ends.
func (p *play) goodbye() {
	if !p.overUDP() {
		return
	}
	for _, t := range []*track{&p.video, &p.audio} {
		if t.set {
			p.out = t.AppendGoodbye(p.out[:0], rtp.NoChannel)
			_ = p.writeControl(t) // The viewer ends in any case.
		}
	}
}

// listen begins to listen to the stream's sound, if it has some of the format that the session was told.
func (p *play) listen() {
	now := time.Now()
	if now.Sub(p.looked) < soundAgain {
		return
	}
	p.looked = now
	l, err := p.id.Listen(p.server.live.Hub, p.name, p.wake)
	switch {
	case err != nil: // There is none, or no room for a listener now.
	case l.Format() != p.described.sound:
		l.Close()
	default:
		p.sound, p.hears = l, false
	}
}

// sendSound sends the sound that there is.
func (p *play) sendSound() error {
	if !p.audio.set {
		return nil
	}
	if p.sound == nil {
		if p.listen(); p.sound == nil {
			return nil
		}
	}
	if p.samples == nil {
		p.samples = make([]byte, soundPackets*rtp.L16Bytes)
	}
	for {
		n, captured, err := p.sound.Read(p.samples)
		if err != nil { // It has ended. Another one may come.
			p.sound.Close()
			p.sound = nil
			return nil
		}
		if n == 0 {
			return nil
		}
		now := time.Now()
		at := p.clock.Sound(captured, now)
		if err := p.writeSound(p.samples[:n], at); err != nil {
			return p.unsent(err)
		}
		if err := p.report(&p.audio, at, now); err != nil {
			return err
		}
	}
}

// roundedSamples is how far the time stamp of sound may be from the end of that before, in samples, and still be that: times are rounded.
const roundedSamples = 2

// writeSound writes samples whose first has the time at.
func (p *play) writeSound(samples []byte, at time.Duration) error {
	stamp := p.audio.Stamp(at)
	after := !p.hears
	if off := int32(stamp - p.heard); p.hears && off >= -roundedSamples && off <= roundedSamples {
		stamp = p.heard
	} else {
		after = true
	}
	p.out = p.out[:0]
	for len(samples) > 0 {
		piece := samples[:min(len(samples), rtp.L16Bytes)]
		if p.overUDP() {
			p.out = p.out[:0]
		}
		p.out = p.audio.AppendL16(p.out, p.channel(&p.audio), after, stamp, piece)
		if p.overUDP() {
			if err := p.server.udp.send(p.server.udp.rtp, p.out, p.audio.rtp); err != nil {
				return err
			}
		}
		stamp += uint32(len(piece) / (2 * p.described.sound.Channels))
		samples, after = samples[len(piece):], false
	}
	p.heard, p.hears = stamp, true
	if p.overUDP() {
		return nil
	}
	_, err := p.g.Hijacked.Write(p.out)
	return err
}

// log logs that the viewer has ended; err is nil for a proper end.
func (p *play) log(err error) {
	transport := "rtsp"
	if p.overUDP() {
		transport = "rtsp-udp"
	}
	live.EndedViewer{Transport: transport, Identity: p.id, Peer: p.peer, Since: p.since, Stream: p.name, Why: err}.Log(p.server.engine, p.server.log, &p.server.logged)
}
