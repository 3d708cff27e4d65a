package grpcapi

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// inputImage is one SceneImage.
type inputImage struct {
	Index    uint64
	HasIndex bool
	Regions  uint32 // how many frames it has
	rects    int
	Rects    [scene.MaxRegions]pipeline.Rect
}

// The fields of SceneImage and RegionRect.
const (
	fieldIndex   protowire.Number = 1
	fieldRegions protowire.Number = 2
	fieldRects   protowire.Number = 3

	fieldX      protowire.Number = 1
	fieldY      protowire.Number = 2
	fieldWidth  protowire.Number = 3
	fieldHeight protowire.Number = 4
)

// parse sets i to what the bytes of a SceneImage say.
func (i *inputImage) parse(data []byte) error {
	return eachField("a SceneImage", data, func(number protowire.Number, kind protowire.Type, value []byte) error {
		switch {
		case number == fieldIndex && kind == protowire.VarintType:
			i.Index, _ = protowire.ConsumeVarint(value)
			i.HasIndex = true
		case number == fieldRegions && kind == protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			i.Regions = uint32(v)
		case number == fieldRects && kind == protowire.BytesType:
			if i.rects == scene.MaxRegions {
				return &fault.Error{Kind: fault.Invalid, Field: "rects", Reason: fmt.Sprintf("grpcapi: got more than %d rects, want at most as many", scene.MaxRegions)}
			}
			body, _ := protowire.ConsumeBytes(value)
			if err := parseRect(&i.Rects[i.rects], body); err != nil {
				return err
			}
			i.rects++
		}
		return nil
	})
}

// parseRect sets r to what the bytes of a RegionRect say.
func parseRect(r *pipeline.Rect, data []byte) error {
	return eachField("a RegionRect", data, func(number protowire.Number, kind protowire.Type, value []byte) error {
		if kind != protowire.VarintType {
			return nil
		}
		v, _ := protowire.ConsumeVarint(value)
		switch number {
		case fieldX:
			r.X = int(int32(protowire.DecodeZigZag(v & math.MaxUint32)))
		case fieldY:
			r.Y = int(int32(protowire.DecodeZigZag(v & math.MaxUint32)))
		case fieldWidth:
			r.Width = int(min(uint32(v), math.MaxInt32))
		case fieldHeight:
			r.Height = int(min(uint32(v), math.MaxInt32))
		}
		return nil
	})
}

// arrangeScene makes the request's frames, which it takes, regions of the images that the request says. An image with a wrong
// index, or with a frame of a wrong size, fails alone. next is the index of an image that has none.
func (b *batch) arrangeScene(next *uint64) error {
	r := &b.request
	b.response.ID, b.places = r.ID, b.places[:0]
	if len(r.Images) == 0 {
		for range r.Frames {
			r.Images = append(r.Images, inputImage{Regions: 1})
		}
	}
	total := uint64(0)
	for i := range r.Images {
		total += uint64(r.Images[i].Regions)
	}
	if total != uint64(len(r.Frames)) {
		return &fault.Error{Kind: fault.Invalid, Field: "images", Reason: fmt.Sprintf("grpcapi: got %d regions of all images, want as many as frames, %d", total, len(r.Frames))}
	}
	if cap(b.regions) < len(r.Frames) { // Images have parts of it.
		b.regions = make([]scene.Region, 0, len(r.Frames))
	}
	b.regions = b.regions[:0]
	frames := 0
	for i := range r.Images {
		m := &r.Images[i]
		if m.HasIndex {
			*next = m.Index
		}
		index := *next
		*next++
		b.response.Images = append(b.response.Images, responseImage{})
		first, failed := len(b.regions), false
		for k := range int(m.Regions) {
			region, err := b.region(frames + k)
			if err != nil {
				b.fail(i, err)
				failed = true
			}
			if k < m.rects {
				region.Rect = m.Rects[k]
			}
			b.regions = append(b.regions, region)
		}
		frames += int(m.Regions)
		switch {
		case failed:
			continue
		case index > math.MaxInt64:
			b.fail(i, fault.Errorf(fault.Invalid, "images[%d]: index: got %d, want at most %d", i, index, int64(math.MaxInt64)))
			continue
		case m.rects > int(m.Regions):
			b.fail(i, fault.Errorf(fault.Invalid, "images[%d]: rects: got %d with %d regions, want at most one for each", i, m.rects, m.Regions))
			continue
		}
		b.of.Images = append(b.of.Images, scene.Image{Index: int(index), Regions: b.regions[first:len(b.regions):len(b.regions)]})
		b.places = append(b.places, i)
	}
	return nil
}

// region takes frame i of the request. An empty one is a place that is left out.
func (b *batch) region(i int) (scene.Region, *fault.Error) {
	sent := b.request.Frames[i]
	b.request.Frames[i] = inputFrame{}
	if sent.Size == 0 {
		return scene.Region{}, nil
	}
	if size := b.plan.FrameBytes(); sent.Size != size || sent.Buf.IsZero() {
		sent.Buf.Release()
		if size == 0 {
			return scene.Region{}, fault.Errorf(fault.Invalid, "frames[%d]: got %d bytes, want none without input in the spec", i, sent.Size)
		}
		return scene.Region{}, fault.Errorf(fault.Invalid, "frames[%d]: got %d bytes, want %d for %s, or none", i, sent.Size, size, b.plan.Spec().Input)
	}
	f, err := frame.FromBuf(b.plan.Spec().Input, sent.Buf)
	if err != nil {
		return scene.Region{}, fault.From(err)
	}
	b.run.In = append(b.run.In, f) // which releases it
	return scene.Region{Frame: f}, nil
}
