package scene

import (
	"image"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

// samplers keeps the compiled geometries of regions: one for each format, size and place within an MCU row.
type samplers struct {
	limit  impl.Level
	filter band.Filter
	pool   *pool.Pool // whose budget they are admitted against

	mu   sync.RWMutex
	kept map[samplerKey]*keptSampler
	held int64 // bytes of kept
	tick atomic.Int64
}

// maxSamplers and maxSamplerBytes bound the geometries that are kept. A scene whose places all differ has one for each: about
// 30 KB for a place of 200 pixels a side.
const (
	maxSamplers     = 1024
	maxSamplerBytes = 32 << 20
)

type samplerKey struct {
	in            frame.Desc
	width, height int // of the rectangle
	phase         int // lines from the start of an MCU row to the rectangle's
	lines         int // of an MCU row
}

type keptSampler struct {
	*band.Sampler
	used  atomic.Int64
	grant pool.Grant
}

// get returns the sampler of key.
func (s *samplers) get(key samplerKey) (*band.Sampler, error) {
	now := s.tick.Add(1)
	s.mu.RLock()
	k := s.kept[key]
	s.mu.RUnlock()
	if k == nil {
		compiled, err := band.NewSampler(band.Config{
			In:   key.in,
			Crop: band.Rect{Width: key.in.Width, Height: key.in.Height},
			// The canvas begins with the MCU row, so that its bands are the image's.
			Width: key.width, Height: key.phase + key.height,
			Content: band.Rect{Y: key.phase, Width: key.width, Height: key.height},
			Filter:  s.filter, Space: band.RGB, ChromaX: 1, ChromaY: 1, Lines: key.lines, Limit: s.limit,
		})
		if err != nil {
			return nil, err
		}
		k = &keptSampler{Sampler: compiled}
		s.keep(key, k)
	}
	k.used.Store(now)
	return k.Sampler, nil
}

// bytes estimates what the sampler of key holds: so much a sample of each axis, as pipeline.Pipeline.Memory has it.
func (k *samplerKey) bytes() int64 {
	return int64(4<<10 + 64*k.width + 72*(k.phase+k.height) + 12*(k.in.Width+k.in.Height))
}

// keep adds k, in place of those that were not used for longest when there are too many. It is not kept when the budget has no
// room for it.
func (s *samplers) keep(key samplerKey, k *keptSampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[samplerKey]*keptSampler{}
	}
	if s.kept[key] != nil { // Another goroutine has compiled it meanwhile.
		return
	}
	size := key.bytes()
	for len(s.kept) > 0 && (len(s.kept) >= maxSamplers || s.held+size > maxSamplerBytes) {
		s.dropOldest()
	}
	grant, ok := s.pool.TryAdmit(size)
	if !ok {
		return
	}
	k.grant = grant
	s.kept[key] = k
	s.held += size
}

// dropOldest drops the sampler that was not used for longest. s.mu is held.
func (s *samplers) dropOldest() {
	var oldest samplerKey
	least := int64(-1)
	for key, k := range s.kept {
		if used := k.used.Load(); least < 0 || used < least {
			oldest, least = key, used
		}
	}
	s.kept[oldest].grant.Release()
	delete(s.kept, oldest)
	s.held -= oldest.bytes()
}

// close drops all.
func (s *samplers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		k.grant.Release()
	}
	s.kept, s.held = nil, 0
}

// bytes estimates what the samplers hold.
func (s *samplers) bytes() (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.held
}

func bandFilter(f pipeline.Filter) band.Filter {
	switch f {
	case pipeline.Area:
		return band.Area
	case pipeline.Nearest:
		return band.Nearest
	}
	return band.Bilinear
}

// samplerOf returns the sampler of a region that is resized to rect, and the MCU row that its first band is.
func (s *Scene) samplerOf(in frame.Desc, rect image.Rectangle) (*band.Sampler, int, error) {
	lines := s.color.mcuHeight
	top := floorDiv(rect.Min.Y, lines)
	sampler, err := s.samplers.get(samplerKey{in: in, width: rect.Dx(), height: rect.Dy(), phase: rect.Min.Y - top*lines, lines: lines})
	return sampler, top, err
}

// floorDiv is a/b, rounded down, for b > 0.
func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}
