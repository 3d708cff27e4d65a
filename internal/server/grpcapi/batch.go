package grpcapi

import (
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// batch is one request on its way to its response. Its memory is used again and again.
type batch struct {
	incoming incoming
	request  request
	grant    pool.Grant
	plan     *engine.Plan
	run      pipeline.Batch
	of       engine.Composition // of a scene: its images; run has the frames and results
	regions  []scene.Region     // of all images
	places   []int              // the image of each frame of run
	response response
	delivery *delivery
	lent     []pool.Buf // the buffers of the JPEGs, on their way to the delivery
	ready    time.Time  // when the response was
}

// release gives back everything that b holds. It may be called at any time, and again.
func (b *batch) release() {
	b.request.Release()
	for i := range b.run.In {
		b.run.In[i].Release()
	}
	clear(b.run.In)
	b.run.In = b.run.In[:0]
	b.run.Release()
	clear(b.of.Images)
	clear(b.regions)
	b.of.Images, b.regions = b.of.Images[:0], b.regions[:0]
	b.response.Reset()
	b.plan.Release()
	b.plan = nil
	b.grant.Release()
	b.grant = pool.Grant{}
}

// arrange makes the request's frames, which it takes, the input of the run. A frame of the wrong size fails alone,
// whether it was given memory or not: the response says why in its place.
func (b *batch) arrange() {
	desc := b.plan.Spec().Input
	b.response.ID = b.request.ID
	b.places = b.places[:0]
	size := b.plan.FrameBytes()
	for i, sent := range b.request.Frames {
		b.request.Frames[i] = inputFrame{}
		b.response.Images = append(b.response.Images, responseImage{})
		if sent.Size != size {
			sent.Buf.Release()
			b.fail(i, fault.Errorf(fault.Invalid, "frames[%d]: got %d bytes, want %d for %s", i, sent.Size, size, desc))
			continue
		}
		f, err := frame.FromBuf(desc, sent.Buf)
		if err != nil {
			b.fail(i, fault.From(err))
			continue
		}
		b.run.In = append(b.run.In, f)
		b.places = append(b.places, i)
	}
}

// fail puts e into the response in place of image i.
func (b *batch) fail(i int, e *fault.Error) {
	b.response.Images[i] = responseImage{Code: int32(code(e.Kind)), Message: strings.ToValidUTF8(e.Error(), "\ufffd")}
}

// respond makes the response of the run's results, and returns what is to be sent. After it b holds nothing of the pool: the
// delivery holds the JPEGs, and as much of the grant as they take.
func (b *batch) respond(t engine.Timing) *outgoing {
	for i := range b.run.Out {
		if r := &b.run.Out[i]; r.Err != nil {
			b.fail(b.places[i], fault.From(r.Err))
		} else {
			image := &b.response.Images[b.places[i]]
			image.Data = r.Bytes()
			if b.plan.Transparent() {
				n := b.of.Color[i]
				image.Data, image.Alpha = image.Data[:n], image.Data[n:]
			}
		}
	}
	b.response.QueueUS, b.response.RunUS = micros(t.Queue), micros(t.Run)
	b.response.marshal(b.delivery)
	b.lent = b.lent[:0]
	for i := range b.run.Out {
		image := &b.response.Images[b.places[i]]
		if r := &b.run.Out[i]; lends(len(image.Data)) || lends(len(image.Alpha)) {
			b.lent = append(b.lent, r.Buf)
			r.Buf = pool.Buf{}
		}
	}
	grant, size := b.grant, memory(b.lent)
	b.grant = pool.Grant{}
	b.release()
	grant.Shrink(size)
	return b.delivery.seal(b.lent, grant, size)
}

func micros(d time.Duration) uint64 { return uint64(max(d, 0) / time.Microsecond) }
