package scenedir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// The names of a scene's files.
const (
	settingsFile = "scene.json"
	rectsFile    = "rects.json"
	framesFolder = "frames"
	maskFile     = "mask.png"
	masksFolder  = "masks"
)

// maxJSON bounds the bytes of a file of JSON: a hundred for each place of an hour.
const maxJSON = 16 << 20

// readJSON reads a file into v. Fields that v has not are an error.
func readJSON(path string, v any) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxJSON+1))
	if err != nil {
		return err
	}
	if len(data) > maxJSON {
		return fmt.Errorf("%s: got more than %d bytes, want that many at most", filepath.Base(path), maxJSON)
	}
	if err := parse(data, v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// parse reads one value of JSON into v.
func parse(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("got more behind the first value, want one")
	}
	return nil
}

// settings is scene.json.
type settings struct {
	Size        string           `json:"size"` // of scenes without frames, such as 1920x1080
	Quality     int              `json:"quality"`
	Subsampling jpeg.Subsampling `json:"subsampling"`
	Restart     int              `json:"restart"` // MCUs
	Filter      pipeline.Filter  `json:"filter"`
	Walk        scene.Walk       `json:"walk"`
	Movable     bool             `json:"movable"`
	Transparent bool             `json:"transparent"`
	Color       *pipeline.Color  `json:"color"`
	Mask        *maskSettings    `json:"mask"` // of all places without one of their own
}

// maskSettings is a mask that is drawn.
type maskSettings struct {
	Shape   scene.Shape `json:"shape"`
	Feather float64     `json:"feather"`
}

func (m *maskSettings) mask() *scene.Mask { return &scene.Mask{Shape: m.Shape, Feather: m.Feather} }

func (s *settings) options() (scene.Options, error) {
	o := scene.Options{
		Quality: s.Quality, Subsampling: s.Subsampling, Restart: s.Restart, Filter: s.Filter, Walk: s.Walk,
		Movable: s.Movable, Transparent: s.Transparent,
	}
	var err error
	if s.Size != "" {
		o.Width, o.Height, err = frame.ParseSize(s.Size)
	}
	return o, err
}

// rects is rects.json: the places of all backgrounds, or of each.
type rects struct {
	All    []entry   `json:"all"`
	Frames [][]entry `json:"frames"`
}

// entry is one place: the text of a rectangle, or an object.
type entry struct {
	Rect   pipeline.Rect `json:"rect"`
	Affine *[6]float64   `json:"affine"`
	Region string        `json:"region"` // of affine: the size of the regions that it is for
	Mask   *maskSettings `json:"mask"`
}

// UnmarshalJSON reads either form.
func (e *entry) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		return e.Rect.UnmarshalText([]byte(text))
	}
	type plain entry // without this method
	return parse(data, (*plain)(e))
}

// check refuses two kinds of places.
func (r *rects) check() error {
	if r.All != nil && r.Frames != nil {
		return fmt.Errorf("%s: got all and frames, want one of them", rectsFile)
	}
	return nil
}

// places returns the places of background n; mask is that of those that have none of their own.
func (r *rects) places(n int, mask *scene.Mask) ([]scene.Place, error) {
	entries := r.All
	if r.Frames != nil {
		if n >= len(r.Frames) {
			return nil, fmt.Errorf("%s: got places for %d frames, want one list for each background, of which there are more", rectsFile, len(r.Frames))
		}
		entries = r.Frames[n]
	}
	var places []scene.Place
	for i := range entries {
		e := &entries[i]
		p := scene.Place{Rect: e.Rect, Mask: mask}
		if e.Mask != nil {
			p.Mask = e.Mask.mask()
		}
		if e.Affine != nil {
			w, h, err := frame.ParseSize(e.Region)
			if err != nil {
				return nil, fmt.Errorf("%s: frame %d, place %d: region: %w", rectsFile, n, i, err)
			}
			p.Affine = &scene.Affine{M: *e.Affine, Width: w, Height: h}
		}
		places = append(places, p)
	}
	return places, nil
}
