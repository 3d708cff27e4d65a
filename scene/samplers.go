package scene

import (
	"image"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/band"
	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/pipeline"
)

// samplers keeps the compiled geometries of regions: one for each format, size and place within an MCU row.
type samplers struct {
	limit  impl.Level
	filter band.Filter

	mu   sync.RWMutex
	kept map[samplerKey]*keptSampler
	tick atomic.Int64
}

// maxSamplers bounds how many geometries are kept. A scene whose places all differ has one for each.
const maxSamplers = 1024

type samplerKey struct {
	in            frame.Desc
	width, height int // of the rectangle
	phase         int // lines from the start of an MCU row to the rectangle's
	lines         int // of an MCU row
}

type keptSampler struct {
	*band.Sampler
	used atomic.Int64
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

// keep adds k, in place of the one that was not used for longest when there are too many.
func (s *samplers) keep(key samplerKey, k *keptSampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[samplerKey]*keptSampler{}
	}
	if len(s.kept) >= maxSamplers {
		var oldest samplerKey
		least := int64(-1)
		for key, k := range s.kept {
			if used := k.used.Load(); least < 0 || used < least {
				oldest, least = key, used
			}
		}
		delete(s.kept, oldest)
	}
	s.kept[key] = k
}

// bytes estimates what the samplers hold: so much a sample of each axis, as pipeline.Pipeline.Memory has it.
func (s *samplers) bytes() (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for key := range s.kept {
		n += int64(4<<10 + 64*key.width + 72*(key.phase+key.height) + 12*(key.in.Width+key.in.Height))
	}
	return n
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
