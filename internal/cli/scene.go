package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/scenedir"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/scene"
)

// CheckScenes returns what is wrong with the folders of scenes that a server with the settings c would load, but for their
// backgrounds, which are not read. The error is for the user as it is.
func CheckScenes(c config.Config) error {
	for _, name := range slices.Sorted(maps.Keys(c.Scenes)) {
		if err := scenedir.Check(c.Scenes[name]); err != nil {
			return &UsageError{Err: fmt.Errorf("scenes.%s: %w", name, err)}
		}
	}
	return nil
}

// SceneCheck loads the scene of a folder, as a program that uses it would, and says what it takes.
type SceneCheck struct {
	Dir    string
	Memory config.Size // that the scene may hold
	Out    io.Writer
}

// Run writes the figures of the scene to Out. The error is for the user as it is.
func (c *SceneCheck) Run(ctx context.Context) error {
	// Frames while they are read have memory beside the scene's.
	const reading = 256 << 20
	p := pool.New(&pool.Options{Budget: int64(c.Memory) + reading})
	began := time.Now()
	s, err := scenedir.Load(ctx, c.Dir, p, int64(c.Memory))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	took := time.Since(began)
	_, err = io.WriteString(c.Out, describeScene(s, took))
	if err != nil {
		return err
	}
	return c.compose(s)
}

// LoadScene returns the scene of a folder that frames are to be laid on, a JPEG an image, in memory from p. The caller closes it.
func LoadScene(ctx context.Context, dir string, p *pool.Pool) (*scene.Scene, error) {
	s, err := scenedir.Load(ctx, dir, p, 0)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.Options().Transparent {
		s.Close()
		return nil, usagef("--scene: %s is transparent, and has two JPEGs of an image: want backgrounds", dir)
	}
	return s, nil
}

// describeScene returns the figures of s, a line each.
func describeScene(s *scene.Scene, took time.Duration) string {
	var b strings.Builder
	line := func(subject, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", subject, fmt.Sprintf(format, args...))
	}
	o, n := s.Options(), s.Backgrounds()
	w, h := s.Size()
	kind := ""
	if o.Transparent {
		kind = ", transparent"
	}
	line("backgrounds", "%d of %dx%d, %s%s", n, w, h, o.Walk, kind)
	least, most := scene.MaxRegions, 0
	for i := range n {
		least, most = min(least, s.Places(i)), max(most, s.Places(i))
	}
	if least == most {
		line("places", "%d a background", most)
	} else {
		line("places", "%d to %d a background", least, most)
	}
	line("jpeg", "quality %d %s, restart interval %d MCUs", o.Quality, o.Subsampling, o.Restart)
	held := s.Memory().Pool
	line("memory", "%.1f MiB, %.0f KiB a background", float64(held)/(1<<20), float64(held)/float64(n)/(1<<10))
	line("loaded", "in %.1f s, %.1f ms a background", took.Seconds(), 1000*took.Seconds()/float64(n))
	return b.String()
}

// compose composes one image of each background, with gray regions in all places, and says how large images are and how long
// they take.
func (c *SceneCheck) compose(s *scene.Scene) error {
	const side = 256
	gray := make([]byte, side*side)
	for i := range gray {
		gray[i] = 128
	}
	f, err := frame.WrapBytes(frame.Desc{Format: frame.Gray8, Width: side, Height: side}, gray)
	if err != nil {
		return err
	}
	n := s.Backgrounds()
	var alone, composed int
	var took time.Duration
	for i := range n {
		for _, regions := range [][]scene.Region{nil, make([]scene.Region, s.Places(i))} {
			for k := range regions {
				regions[k].Frame = f
			}
			began := time.Now()
			image, err := s.Compose(&scene.Image{Index: i, Regions: regions})
			if err != nil {
				return fmt.Errorf("background %d: %w", i, err)
			}
			size := image.Buf.Len()
			image.Release()
			if regions == nil {
				alone += size
				continue
			}
			took += time.Since(began)
			composed += size
		}
	}
	_, err = fmt.Fprintf(c.Out, "%-12s %.0f KiB alone; %.0f KiB and %.0f us with gray regions of %dx%d\n", "images",
		float64(alone)/float64(n)/(1<<10), float64(composed)/float64(n)/(1<<10), took.Seconds()*1e6/float64(n), side, side)
	return err
}
