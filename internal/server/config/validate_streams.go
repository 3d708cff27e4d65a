package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
)

func checkStreams(c Config) *ValueError {
	if n := len(c.Streams); n > c.Live.MaxStreams {
		return wrong("streams", "got %d, want at most live.max_streams, %d", n, c.Live.MaxStreams)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Streams)) {
		key := streamsPrefix + name
		if err := stream.CheckName(name); err != nil {
			return wrong(key, "%v", err)
		}
		s := c.Streams[name]
		if err := checkSource(key+".source", s.Source, c.Limits.MaxPixels); err != nil {
			return err
		}
		if err := checkCamera(key, s); err != nil {
			return err
		}
		if err := checkSceneOf(key, s); err != nil {
			return err
		}
		if !(s.FPS >= 0 && s.FPS <= maxFPS) {
			return wrong(key+".fps", "got %v, want 0..%d", s.FPS, maxFPS)
		}
		if err := checkSpec(key, s.Fill(pipeline.Spec{Input: frame.Desc{Format: frame.I420}})); err != nil {
			return err
		}
	}
	return nil
}

// CheckSpec returns nil when s can be compiled for some frames, else a *pipeline.SpecError. Where the frames are not known
// yet, s has no Input.
func CheckSpec(s pipeline.Spec) error {
	s.Input.Format, s.Input.Width, s.Input.Height = frame.I420, 640, 360
	if r := s.Crop; r.Width > 0 && r.Height > 0 && r.X >= 0 && r.Y >= 0 {
		if r.X > frame.MaxSide-r.Width || r.Y > frame.MaxSide-r.Height {
			return &pipeline.SpecError{Field: "crop", Reason: fmt.Sprintf("got %s, want it within %dx%d, the largest frame", r, frame.MaxSide, frame.MaxSide)}
		}
		s.Input.Width, s.Input.Height = r.X+r.Width, r.Y+r.Height
	}
	return s.Validate()
}

// checkSpec returns the error of the Spec that a stream's settings make, under the name of the setting.
func checkSpec(key string, s pipeline.Spec) *ValueError {
	err := CheckSpec(s)
	var spec *pipeline.SpecError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &spec):
		return wrong(key, "%v", err)
	}
	setting := spec.Field[strings.LastIndexByte(spec.Field, '.')+1:]
	if setting == "width" || setting == "height" {
		setting = "resize"
	}
	return wrong(key+"."+setting, "%s", spec.Reason)
}

// checkSceneOf checks the scene of a stream, and that nothing else says what its images are.
func checkSceneOf(key string, s Stream) *ValueError {
	if s.Scene == "" {
		return nil
	}
	if err := CheckSceneName(s.Scene); err != nil {
		return wrong(key+".scene", "%v", err)
	}
	if scheme, _, _ := strings.Cut(strings.ToLower(s.Source), "://"); slices.Contains([]string{"http", "https", "grpc", "grpcs"}, scheme) {
		return wrong(key+".scene", "got %s, want none of a source of JPEGs: regions are raw frames", s.Scene)
	}
	own := Stream{Source: s.Source, Every: s.Every, CA: s.CA, Insecure: s.Insecure, Sound: s.Sound, Scene: s.Scene, FPS: s.FPS, Range: s.Range, Color: s.Color}
	if s != own {
		return wrong(key+".scene", "got %s with a crop, a resize or settings of JPEGs, want none of them: the scene has its own", s.Scene)
	}
	return nil
}

// The bounds of every.
const (
	minEvery = 20 * time.Millisecond
	maxEvery = 24 * time.Hour
)

// checkCamera checks the settings of HTTP sources.
func checkCamera(key string, s Stream) *ValueError {
	scheme, _, _ := strings.Cut(strings.ToLower(s.Source), "://")
	switch every := time.Duration(s.Every); {
	case every != 0 && scheme != "http" && scheme != "https":
		return wrong(key+".every", "got %s, want it for sources that begin http:// or https:// alone", every)
	case every != 0 && (every < minEvery || every > maxEvery):
		return wrong(key+".every", "got %s, want %s..%s", every, minEvery, maxEvery)
	case s.CA != "" && scheme != "https" && scheme != "grpcs":
		return wrong(key+".ca", "got %s, want it for sources that begin https:// or grpcs:// alone", s.CA)
	case s.Insecure && scheme != "https" && scheme != "grpcs":
		return wrong(key+".insecure", "got true, want it for sources that begin https:// or grpcs:// alone")
	case s.Sound && s.Source == "":
		return wrong(key+".sound", "got true, want it for streams with a source; publishers send sound themselves")
	}
	if _, ok, _ := ParseTestSource(s.Source); ok && s.Sound {
		return wrong(key+".sound", "got true, want it for sources that ffmpeg reads; %s has no sound", s.Source)
	}
	return nil
}

func checkSource(key, source string, maxPixels int) *ValueError {
	if strings.HasPrefix(source, "-") {
		return wrong(key, "got %q, want no hyphen before it; a file of that name is ./%s", source, source)
	}
	if strings.ContainsFunc(source, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return wrong(key, "got a control character in %q, want none", redact.URL(source))
	}
	if redact.HasMask(source) {
		return wrong(key, "got %s, where %s stands for a secret that is not shown: want the secret", redact.URL(source), redact.Mask)
	}
	if _, _, err := ParseRemoteSource(source); err != nil {
		return wrong(key, "%v", err)
	}
	t, ok, err := ParseTestSource(source)
	switch {
	case err != nil:
		return wrong(key, "%v", err)
	case ok && t.Width*t.Height > maxPixels:
		return wrong(key, "got %dx%d pixels, want at most limits.max_pixels, %d", t.Width, t.Height, maxPixels)
	}
	return nil
}
