package grpcapi

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

const (
	statusEvery = time.Second
	// viewersEvery is how often the call checks whether the first viewer has come, or the last has left.
	viewersEvery = statusEvery / 5
)

// publishing is one call of Publish. Beside the call's own goroutine, which sends statuses, one receives frames and
// hands each to the live stream as soon as all of it has come.
type publishing struct {
	call
	began     time.Time // when the call came
	decoder   decoder
	request   request
	message   int           // bytes of the message that comes in, or unknownLength
	grant     pool.Grant    // of the JPEG, or the first message, that comes in
	admitted  bool          // whether there is a grant
	admission engine.Stream // of JPEGs

	accepted  chan struct{} // closed when the caller is the publisher; until then the receiving goroutine owns the fields below
	name      string
	publisher *live.Publisher
	desc      frame.Desc          // of the frames; zero for JPEGs
	size      int                 // bytes of a frame; 0 for JPEGs, and of a scene without regions
	images    *ingest.SceneImages // of a scene, else nil
	before    stream.Info         // the stream's counts before this call
	closing   atomic.Bool         // whether the call itself ends the publisher

	delivery *delivery     // of statuses
	left     chan struct{} // of capacity 1: receives when a status has left
}

func newPublishing(s *service, stream grpc.ServerStream, in pieceReader) *publishing {
	p := &publishing{began: time.Now(), accepted: make(chan struct{})}
	p.init(s, stream, in, p.release)
	p.newDelivery()
	limits := &s.engine.Config.Limits
	p.decoder = decoder{kind: publishRequest, MaxFrames: limits.MaxBatch, MaxBytes: int(limits.MaxMessageBytes)}
	return p
}

// newDelivery makes the delivery of the statuses that follow.
func (p *publishing) newDelivery() {
	left := make(chan struct{}, 1)
	p.left, p.delivery = left, newDelivery(p.conn, nil, func() { signal(left) })
}

// release ends the publisher, and releases what has come in of a frame.
func (p *publishing) release() {
	p.request.Release()
	p.unadmit()
	if p.publisher != nil {
		p.close()
	}
}

// unadmit releases the admission of the JPEG that comes in.
func (p *publishing) unadmit() {
	p.grant.Release()
	p.grant, p.admitted = pool.Grant{}, false
}

// close ends the publisher once the last frame is encoded.
func (p *publishing) close() {
	p.closing.Store(true)
	p.publisher.Close()
}

// run sends statuses until the outcome of the call is known, and returns that. The receiving goroutine may still be
// running then: it ends soon, since the return ends the stream's context.
func (p *publishing) run() error {
	defer p.receiving.Stop()
	defer func() { p.delivery.held.retire() }()
	p.start(p.receive)
	tick := time.NewTicker(viewersEvery)
	defer tick.Stop()
	accepted := p.accepted
	var gone <-chan struct{} // closed when the publisher has ended
	free := false            // whether a status may be sent: the one before has left
	var sent time.Time       // when that was
	var watched bool         // what it said
	for {
		if now := time.Now(); free && (now.Sub(sent) >= statusEvery || p.publisher.Watched() != watched) {
			viewers, err := p.sendStatus()
			if err != nil {
				return err
			}
			free, sent, watched = false, now, viewers > 0
		}
		select {
		case <-accepted:
			accepted, gone, free = nil, p.publisher.Done(), true
		case err := <-p.done:
			if err == nil {
				p.delivery.held.retire()
				p.newDelivery() // The last does not wait for one before that is never read.
				_, err = p.sendStatus()
			}
			return err
		case <-p.ctx.Done():
			return p.over()
		case <-p.receiving.C:
			return errSlow()
		case <-p.engine.Draining():
			return errDraining()
		case <-gone:
			if !p.closing.Load() {
				return p.publisher.Err()
			}
			gone = nil // The outcome has come, or follows.
		case <-p.left:
			free = true
		case <-tick.C:
		}
	}
}

// sendStatus sends the counts of frames so far, and returns how many viewers there are. It does not wait: at most two
// are in flight, and both are small.
func (p *publishing) sendStatus() (viewers int, err error) {
	info, ok := p.live.Hub.Info(p.name)
	if !ok { // It has expired already.
		info = p.before
	}
	status := publishStatus{
		Arrived:   info.Arrived - p.before.Arrived,
		Published: info.Published - p.before.Published,
		Same:      info.Same - p.before.Same,
		Viewers:   uint32(len(info.Viewers)),
		FPSOut:    info.FPSOut,
	}
	for i := range status.Dropped {
		status.Dropped[i] = info.Dropped[i] - p.before.Dropped[i]
	}
	status.marshal(p.delivery)
	err = p.stream.SendMsg(p.delivery.seal(nil, pool.Grant{}, 0))
	p.delivery.sent(err, p.ctx.Err() != nil)
	if err != nil {
		return 0, p.sendError(err)
	}
	return len(info.Viewers), nil
}

// receive reads messages until there are no more. Then what ended it, nil when the caller has no more, is the outcome.
func (p *publishing) receive() { p.finish(p.protect(p.receiveAll)) }

func (p *publishing) receiveAll() error {
	defer p.receiving.Stop()
	for {
		switch err := p.next(); {
		case err == io.EOF && p.publisher != nil:
			p.close()
			return nil
		case err != nil:
			return firstError(err)
		}
		p.request.Release()
	}
}

// next reads one message, and hands its frames on. It returns io.EOF when the caller has no more.
func (p *publishing) next() error {
	if err := p.await(time.Duration(p.engine.Config.Timeout.Idle)); err != nil {
		return err
	}
	if err := p.begin(engine.Publish); err != nil {
		return err
	}
	defer p.inflated()
	length, err := p.length()
	if err != nil {
		return err
	}
	p.expect()
	p.message = length
	if err := p.decoder.Decode(&p.request, p, length); err != nil {
		return err
	}
	if err := p.ensure(); err != nil {
		return err
	}
	if p.images != nil {
		return p.handOnImage()
	}
	return p.handOn()
}

// ensure makes the caller the publisher, if it is not yet. The request's name and settings of the stream must have
// come.
func (p *publishing) ensure() error {
	if p.publisher != nil {
		if r := &p.request; len(r.Stream) > 0 || r.HasSpec || r.MaxFPS != 0 {
			return errStreamAgain("stream, spec or max_fps")
		}
		return nil
	}
	if len(p.request.Stream) == 0 {
		return errNoStream()
	}
	settings, err := p.settings()
	if err != nil {
		return err
	}
	p.receiving.Stop() // The wait for memory is not the caller's.
	name := string(p.request.Stream)
	publisher, err := p.live.Publish(p.ctx, name, settings)
	if err != nil {
		return err
	}
	p.name, p.publisher = name, publisher
	p.before, _ = p.live.Hub.Info(name) // It exists since live.Publish.
	if !settings.JPEG && p.desc != (frame.Desc{}) {
		p.size, _ = p.desc.Size() // A desc that live.Publish accepts has one.
	}
	if settings.Spec.Scene != "" {
		p.images = ingest.NewSceneImages(keptImages)
	}
	p.request.Stream, p.request.HasSpec, p.request.MaxFPS = p.request.Stream[:0], false, 0
	close(p.accepted)
	p.expect()
	return nil
}

// settings returns the settings of the first request.
func (p *publishing) settings() (live.Settings, error) {
	r := &p.request
	if err := checkRate(r.MaxFPS); err != nil {
		return live.Settings{}, err
	}
	s := live.Settings{Source: "grpc " + peerOf(p.ctx), FPS: r.MaxFPS, JPEG: true, Began: p.began}
	var spec pipeline.Spec
	if r.HasSpec {
		var err error
		if spec, err = parseSpec(r.Spec); err != nil {
			return live.Settings{}, err
		}
	}
	spec.Scene = p.live.SceneOf(string(r.Stream), spec.Scene)
	s.Spec = spec
	if spec.Scene != "" {
		s.JPEG, p.desc = false, spec.Input
		return s, nil
	}
	if spec.Input == (frame.Desc{}) {
		return s, nil
	}
	s.JPEG, p.desc = false, spec.Input
	return s, nil
}

func errNoStream() error {
	return &fault.Error{Kind: fault.Invalid, Field: "stream", Reason: "grpcapi: the first request has no stream"}
}

func errStreamAgain(what string) error {
	return &fault.Error{Kind: fault.Invalid, Field: "stream", Reason: "grpcapi: got " + what + " again, want them in the first request alone"}
}

// checkRate refuses a max_fps that is no rate.
func checkRate(fps float64) error {
	if fps >= 0 && !math.IsInf(fps, 1) {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Field: "max_fps", Reason: fmt.Sprintf("grpcapi: got max_fps %v, want images a second, or 0", fps)}
}

// More is part of frameSource.
func (p *publishing) More() (bool, error) { return p.more() }

// Fill is part of frameSource.
func (p *publishing) Fill(b []byte) error { return p.fill(b) }

// Lease is part of frameSource. A frame without memory is skipped. The stream has memory for frames of its size. A
// JPEG, whose size only the caller knows, is admitted while it comes in. So are the frames of the first message, which
// are kept until all of it has come: its spec may follow them.
func (p *publishing) Lease(n int) (pool.Buf, error) {
	if p.images != nil {
		return p.leaseRegion(n)
	}
	if err := p.handOn(); err != nil {
		return pool.Buf{}, err
	}
	if p.size > 0 && n != p.size {
		return pool.Buf{}, p.wrongSize(n)
	}
	if need := p.needs(n); need > 0 {
		p.receiving.Stop() // The wait for memory is not the caller's.
		grant, err := p.engine.Admit(p.ctx, need, &p.admission)
		if err != nil {
			return pool.Buf{}, err
		}
		p.grant, p.admitted = grant, true
		p.expect()
	}
	buf, err := p.engine.Pool.Get(n)
	if err != nil && !errors.Is(err, pool.ErrBudget) {
		return pool.Buf{}, fault.From(err)
	}
	return buf, nil
}

// keptImages is how many images of a scene are on their way at the same time, about.
const keptImages = 4

// leaseRegion is Lease for a region, of a caller that is a publisher. The stream has memory for as many as an image may have.
func (p *publishing) leaseRegion(n int) (pool.Buf, error) {
	if n != p.size {
		return pool.Buf{}, p.wrongSize(n)
	}
	if len(p.request.Frames) >= p.publisher.Places() {
		return pool.Buf{}, p.tooManyRegions()
	}
	buf, err := p.engine.Pool.Get(n)
	if err != nil && !errors.Is(err, pool.ErrBudget) {
		return pool.Buf{}, fault.From(err)
	}
	return buf, nil
}

func (p *publishing) tooManyRegions() error {
	return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: fmt.Sprintf("grpcapi: got more than %d frames, want one image of a scene in a request, with as many regions as it has places", p.publisher.Places())}
}

// handOnImage hands the image of the request on to the live stream: of a scene, each request is one, or none to keep the
// stream online.
func (p *publishing) handOnImage() error {
	defer p.unadmit()
	r := &p.request
	if len(r.Images) == 0 {
		if len(r.Frames) == 0 {
			return nil
		}
		r.Images = append(r.Images, inputImage{Regions: uint32(min(len(r.Frames), scene.MaxRegions+1))})
	}
	m := &r.Images[0]
	switch {
	case len(r.Images) > 1:
		return &fault.Error{Kind: fault.Invalid, Field: "images", Reason: fmt.Sprintf("grpcapi: got %d images in a request, want one: viewers would see the last alone", len(r.Images))}
	case len(r.Frames) > p.publisher.Places():
		return p.tooManyRegions()
	case uint64(m.Regions) != uint64(len(r.Frames)):
		return &fault.Error{Kind: fault.Invalid, Field: "images", Reason: fmt.Sprintf("grpcapi: got %d regions, want as many as frames, %d", m.Regions, len(r.Frames))}
	case m.rects > len(r.Frames):
		return &fault.Error{Kind: fault.Invalid, Field: "rects", Reason: fmt.Sprintf("grpcapi: got %d with %d regions, want at most one for each", m.rects, len(r.Frames))}
	case m.HasIndex && m.Index > math.MaxInt64:
		return &fault.Error{Kind: fault.Invalid, Field: "index", Reason: fmt.Sprintf("grpcapi: got %d, want at most %d", m.Index, int64(math.MaxInt64))}
	}
	index := live.NextIndex
	if m.HasIndex {
		index = int(m.Index)
	}
	image := p.images.Get(index)
	for i := range r.Frames {
		region, err := p.region(i)
		if err != nil {
			image.Release()
			if err == errLost {
				return p.publisher.Lost(stream.NoMemory)
			}
			return err
		}
		if i < m.rects {
			region.Rect = m.Rects[i]
		}
		image.Add(region)
	}
	r.Frames = r.Frames[:0]
	return p.publisher.Image(image, live.CapturedOr(r.CapturedUS, time.Now()))
}

// errLost says that there was no memory for a frame.
var errLost = errors.New("grpcapi: no memory for a frame")

// region takes frame i of the request. An empty one is a place that is left out.
func (p *publishing) region(i int) (scene.Region, error) {
	sent := p.request.Frames[i]
	p.request.Frames[i] = inputFrame{}
	switch {
	case sent.Size == 0:
		return scene.Region{}, nil
	case sent.Size != p.size:
		sent.Buf.Release()
		return scene.Region{}, p.wrongSize(sent.Size)
	case sent.Buf.IsZero():
		return scene.Region{}, errLost
	}
	f, err := frame.FromBuf(p.desc, sent.Buf)
	if err != nil {
		return scene.Region{}, fault.From(err)
	}
	return scene.Region{Frame: f}, nil
}

// needs returns how many bytes to admit for a frame of n bytes: for the first message, all of it at once, and where
// that is compressed, the most that it can be.
func (p *publishing) needs(n int) int64 {
	switch {
	case p.publisher == nil && p.admitted, p.size > 0:
		return 0
	case p.publisher == nil:
		costOf := func(bytes int64) int64 {
			return bytes + bytes/4 + int64(p.decoder.MaxFrames)*int64(pool.ClassSize(0))
		}
		bytes := int64(p.message)
		if z := p.inflater; z != nil {
			bytes = z.admissible(min(z.bound()+headBytes, int64(p.decoder.MaxBytes)), int64(n), costOf)
		}
		return costOf(bytes)
	}
	return int64(pool.ClassSize(n))
}

// wrongSize is the error for a frame of n bytes.
func (p *publishing) wrongSize(n int) error {
	if p.images != nil && p.size == 0 {
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: fmt.Sprintf("grpcapi: got a frame of %d bytes, want none without input in the spec", n)}
	}
	if p.size == 0 {
		return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: "grpcapi: got an empty frame, want a JPEG"}
	}
	return &fault.Error{Kind: fault.Invalid, Field: "frames", Reason: fmt.Sprintf("grpcapi: got a frame of %d bytes, want %d for %s", n, p.size, p.desc)}
}

// Complete is part of frameSource. The frame is handed on when the next one begins, or its message ends.
func (p *publishing) Complete() error {
	frames := p.request.Frames
	if frames[len(frames)-1].Size == 0 && p.publisher != nil && p.images == nil {
		return p.wrongSize(0)
	}
	return nil
}

// handOn hands the complete frames to the live stream, if the caller is its publisher.
func (p *publishing) handOn() error {
	if p.publisher == nil {
		return nil
	}
	defer p.unadmit()
	captured := live.CapturedOr(p.request.CapturedUS, time.Now())
	for i := range p.request.Frames {
		sent := p.request.Frames[i]
		p.request.Frames[i] = inputFrame{}
		if err := p.handOne(sent, captured); err != nil {
			return err
		}
	}
	p.request.Frames = p.request.Frames[:0]
	return nil
}

// handOne hands on a frame, which it takes.
func (p *publishing) handOne(sent inputFrame, captured time.Time) error {
	switch {
	case sent.Size == 0, p.size > 0 && sent.Size != p.size: // of the first message
		sent.Buf.Release()
		return p.wrongSize(sent.Size)
	case sent.Buf.IsZero():
		return p.publisher.Lost(stream.NoMemory)
	case p.size == 0:
		return p.publisher.JPEG(sent.Buf, captured)
	}
	f, err := frame.FromBuf(p.desc, sent.Buf)
	if err != nil {
		return fault.From(err)
	}
	return p.publisher.Frame(f, captured)
}
