package config

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
)

// TestSource is the built-in source of a stream: an animated scene, made in code.
type TestSource struct {
	Width, Height int     // pixels
	FPS           float64 // frames a second
	Seed          uint64  // which scene
}

const testSource = "testsrc"

// maxFPS bounds every rate: no display is faster.
const maxFPS = 1000

// ParseTestSource reads a source such as testsrc, testsrc:1280x720@30 or testsrc?seed=2: 640x360 at 25 frames a second
// and seed 1, by default. ok reports whether source is a test source, well formed or not.
func ParseTestSource(source string) (t TestSource, ok bool, err error) {
	rest, ok := strings.CutPrefix(source, testSource)
	if !ok || rest != "" && rest[0] != ':' && rest[0] != '?' {
		return t, false, nil
	}
	t = TestSource{Width: 640, Height: 360, FPS: 25, Seed: 1}
	wrong := fmt.Errorf("got %q, want %s:WIDTHxHEIGHT@FPS?seed=N, such as testsrc:1280x720@30", source, testSource)
	form, query, _ := strings.Cut(rest, "?")
	if form, ok := strings.CutPrefix(form, ":"); ok {
		size, rate, hasRate := strings.Cut(form, "@")
		if size != "" {
			if t.Width, t.Height, err = frame.ParseSize(size); err != nil {
				return t, true, wrong
			}
		}
		if hasRate {
			if t.FPS, err = strconv.ParseFloat(rate, 64); err != nil {
				return t, true, wrong
			}
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return t, true, wrong
	}
	for name, v := range values {
		if t.Seed, err = strconv.ParseUint(v[0], 10, 64); err != nil || name != "seed" || len(v) > 1 {
			return t, true, wrong
		}
	}
	if !(t.FPS > 0) || t.FPS > maxFPS || math.IsNaN(t.FPS) {
		return t, true, fmt.Errorf("got %v frames a second, want more than 0 and at most %d", t.FPS, maxFPS)
	}
	return t, true, nil
}
