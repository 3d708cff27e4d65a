package scene

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/impl"
	"github.com/steadyframe/steadyframe/internal/reuse"
	"github.com/steadyframe/steadyframe/pool"
)

// ErrClosed is what Compose returns after Close.
var ErrClosed = errors.New("scene: closed")

// Scene is backgrounds, coded, and where regions go on them. It is immutable; any number of goroutines may use it.
type Scene struct {
	options     Options
	color       *layer
	alpha       *layer // nil unless transparent
	affine      bool   // whether a place is
	backgrounds []background

	bufs   []pool.Buf
	grants []pool.Grant // of bufs, and of tables
	held   int64        // bytes of bufs
	tables int64        // bytes of the heap

	samplers samplers
	free     reuse.FreeList[workspace]
	largest  atomic.Int64 // bytes of the largest workspace that went to free

	mu     sync.RWMutex // read-locked while an image is composed
	closed bool
}

// background is one background: what is kept of it, and its places.
type background struct {
	color, alpha *store
	places       []place
}

// start makes what composing needs.
func (s *Scene) start(limit impl.Level) {
	s.samplers.limit, s.samplers.pool = limit, s.options.Pool
	s.samplers.filter = bandFilter(s.options.Filter)
	s.free.Init(keptWorkspaces(), s.newWorkspace)
}

// Size returns the width and height of the images in pixels.
func (s *Scene) Size() (width, height int) { return s.options.Width, s.options.Height }

// Backgrounds returns how many backgrounds s has.
func (s *Scene) Backgrounds() int { return len(s.backgrounds) }

// Options returns what s was made with, with its defaults spelled out.
func (s *Scene) Options() Options {
	o := s.options
	o.Restart = s.color.interval
	return o
}

// Places returns how many places the background of image number index has.
func (s *Scene) Places(index int) int { return len(s.backgroundOf(index).places) }

// Affine reports whether regions of s may need memory of their own while an image is composed: some place has an Affine.
func (s *Scene) Affine() bool { return s.affine }

func (s *Scene) backgroundOf(index int) *background {
	return &s.backgrounds[s.options.Walk.Background(index, len(s.backgrounds))]
}

// Memory is what a Scene holds, in bytes.
type Memory struct {
	Pool    int64 // buffers of the pool, at the sizes of their classes, admitted against its budget
	Tables  int64 // of backgrounds and regions' geometries, admitted against the pool's budget; an estimate
	Scratch int64 // that one goroutine needs to compose an image, for places; an estimate. It is not admitted.
	Kept    int64 // scratch that is kept for the next images: an estimate, rather too large. It is not admitted.
}

// Memory returns what s holds.
func (s *Scene) Memory() Memory {
	return Memory{Pool: s.held, Tables: s.tables + s.samplers.bytes(), Scratch: s.scratchBytes(), Kept: s.largest.Load() * int64(s.free.Len())}
}

// Trim frees the scratch that is kept for the next images. It may be called at any time.
func (s *Scene) Trim() { s.free.Drop() }

// Close waits for the images that are being composed, and gives all memory back to the pool. It may be called again.
func (s *Scene) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, b := range s.bufs {
		b.Release()
	}
	for _, g := range s.grants {
		g.Release()
	}
	s.bufs, s.grants, s.held, s.tables = nil, nil, 0, 0
	s.samplers.close()
}

// giveBackLast gives back the buffer that was leased last, and nothing admitted since.
func (s *Scene) giveBackLast() {
	last := len(s.bufs) - 1
	s.held -= int64(s.bufs[last].Cap())
	s.bufs[last].Release()
	s.bufs = s.bufs[:last]
	last = len(s.grants) - 1
	s.grants[last].Release()
	s.grants = s.grants[:last]
}
