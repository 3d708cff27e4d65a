package config

import (
	"cmp"
	"fmt"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// Streams are the live streams that are known before they are published, by name. They are read-only for
// holders of a Config.
type Streams map[string]Stream

// Stream says where the frames of a live stream come from, and how they are encoded. Its settings have the texts of the
// parameters of an HTTP query.
type Stream struct {
	Source   string   `yaml:"source,omitempty" doc:"a file, a URL (http://camera/video.mjpg, rtsp://camera/1, grpc://host:port/name of another Steadyframe server), or testsrc, testsrc:1280x720@30, testsrc?seed=2; empty: clients publish it"`
	Every    Duration `yaml:"every,omitempty" doc:"of an HTTP source: request one JPEG this often, such as 2s; 0: read a stream as it comes, poll a snapshot each second"`
	CA       string   `yaml:"ca,omitempty" doc:"of an HTTPS or grpcs:// source: a PEM file of certificates to trust beside those of the system"`
	Insecure bool     `yaml:"insecure,omitempty" doc:"of an HTTPS or grpcs:// source: accept any certificate, so that any server in between gets the password"`

	Sound bool `yaml:"sound,omitempty" doc:"of a source that ffmpeg reads, or of another server: its sound, too, is published"`

	Scene string `yaml:"scene,omitempty" doc:"the name of a scene: frames are regions that are pasted onto its backgrounds, which have a size and quality of their own"`

	FPS float64 `yaml:"fps,omitempty" doc:"JPEGs a second at most; 0: one for each frame"`

	Range frame.ValueRange `yaml:"range,omitempty" doc:"of the samples: full or limited; of pushed frames where they do not say, of a video in place of what it says"`
	Color ColorSpace       `yaml:"color,omitempty" doc:"the matrix of luma and chroma: bt601 or bt709, empty: not said; of pushed frames where they do not say, of a video in place of what it says"`

	Crop        pipeline.Rect    `yaml:"crop,omitempty" doc:"part of the frame, WIDTHxHEIGHT+X+Y"`
	Resize      ImageSize        `yaml:"resize,omitempty" doc:"size of the JPEGs, WIDTHxHEIGHT; a side left out keeps the aspect"`
	Mode        pipeline.Mode    `yaml:"mode,omitempty" doc:"of the resize: stretch, fit or fill"`
	Filter      pipeline.Filter  `yaml:"filter,omitempty" doc:"of the resize: bilinear, area or nearest"`
	Background  pipeline.Color   `yaml:"background,omitempty" doc:"around the image in mode fit, #rrggbb"`
	Quality     int              `yaml:"quality,omitempty" doc:"of the JPEGs, 1 to 100; 0: 75"`
	Subsampling jpeg.Subsampling `yaml:"subsampling,omitempty" doc:"of the JPEGs: 420, 422, 444 or gray"`
	Restart     pipeline.Restart `yaml:"restart,omitempty" doc:"restart interval of the JPEGs: none, row or a number of blocks"`
	Reuse       pipeline.Reuse   `yaml:"reuse,omitempty" doc:"segments: parts of a frame that are as in the one before keep their bytes of the JPEG; none: all is encoded"`
	Noise       int              `yaml:"noise,omitempty" doc:"with reuse, levels of 8 bits by which a sample may differ and count as unchanged, 0 to 255"`
}

// Fill returns spec with the stream's settings where spec has none: the scene, range and color space, if its frames are luma and
// chroma, the crop, the resize as a whole, and each field of the output. Noise goes with Reuse.
func (s Stream) Fill(spec pipeline.Spec) pipeline.Spec {
	if in := &spec.Input; in.Format.IsYUV() {
		in.Range, in.Color = cmp.Or(in.Range, s.Range), cmp.Or(in.Color, s.Color.Value)
	}
	spec.Scene = cmp.Or(spec.Scene, s.Scene)
	if spec.Scene != "" { // It says the rest.
		return spec
	}
	if spec.Crop == (pipeline.Rect{}) {
		spec.Crop = s.Crop
	}
	if spec.Resize == (pipeline.Resize{}) {
		spec.Resize = pipeline.Resize{Width: s.Resize.Width, Height: s.Resize.Height, Mode: s.Mode, Filter: s.Filter, Background: s.Background}
	}
	out := &spec.Output
	out.Quality, out.Subsampling, out.Restart = cmp.Or(out.Quality, s.Quality), cmp.Or(out.Subsampling, s.Subsampling), cmp.Or(out.Restart, s.Restart)
	if out.Reuse == pipeline.ReuseNone {
		out.Reuse, out.Noise = s.Reuse, s.Noise
	}
	return spec
}

// ColorSpace is a color space, or none: frame.ColorSpace cannot tell BT.601 from nothing. Its text is that of a
// frame.ColorSpace; that of the zero value is empty.
type ColorSpace struct {
	Value frame.ColorSpace
	Set   bool
}

// String returns the text of c.
func (c ColorSpace) String() string {
	if !c.Set {
		return ""
	}
	return c.Value.String()
}

// MarshalText returns the text of c; an invalid value is a *frame.DescError.
func (c ColorSpace) MarshalText() ([]byte, error) {
	if !c.Set {
		return nil, nil
	}
	return c.Value.MarshalText()
}

// UnmarshalText sets c to the color space that text names, or to none where it is empty.
func (c *ColorSpace) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = ColorSpace{}
		return nil
	}
	v, err := frame.ParseColorSpace(string(text))
	if err != nil {
		return err
	}
	*c = ColorSpace{Value: v, Set: true}
	return nil
}

// ImageSize is the size of a JPEG in pixels; a side of 0 keeps the aspect. Its text is that of
// pipeline.ParseResize: 640x360, 640x or x360; that of the zero value is empty.
type ImageSize struct{ Width, Height int }

// String returns the text of s.
func (s ImageSize) String() string {
	switch {
	case s == (ImageSize{}):
		return ""
	case s.Height == 0:
		return fmt.Sprintf("%dx", s.Width)
	case s.Width == 0:
		return fmt.Sprintf("x%d", s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Width, s.Height)
}

// MarshalText returns the text of s.
func (s ImageSize) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets s to the size that text has.
func (s *ImageSize) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = ImageSize{}
		return nil
	}
	width, height, err := pipeline.ParseResize(string(text))
	if err == nil {
		*s = ImageSize{width, height}
	}
	return err
}

// shown returns s as settings are shown: without the secrets of sources.
func (s Streams) shown() Streams {
	shown := Streams{}
	for name, stream := range s {
		stream.Source = redact.URL(stream.Source)
		shown[name] = stream
	}
	return shown
}
