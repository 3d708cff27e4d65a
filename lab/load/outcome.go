package load

import (
	"fmt"

	"github.com/steadyframe/steadyframe/lab/measure"
)

// Outcome is all that a benchmark says, as one object of JSON.
type Outcome struct {
	Machine  measure.Machine `json:"machine"` // that the load came from
	Settings Settings        `json:"settings"`
	Result   *Result         `json:"result"`             // of a search: of the step with the highest rate that passed; null for none
	Capacity *Capacity       `json:"capacity,omitempty"` // of a search
}

// Settings is what the load was asked to be.
type Settings struct {
	Target      string  `json:"target"`
	Via         string  `json:"via"` // grpc or http
	Rate        float64 `json:"rate"`
	Batch       int     `json:"batch"`
	Connections int     `json:"connections"`
	Outstanding int     `json:"outstanding"` // of each connection
	Requests    int     `json:"requests,omitempty"`
	Duration    float64 `json:"duration_s,omitempty"`
	Timeout     float64 `json:"timeout_s"`
	Format      string  `json:"format"`
	Size        string  `json:"size"`
	Resize      string  `json:"resize"`
	Quality     int     `json:"quality"`
	Scene       string  `json:"scene,omitempty"`   // frames are regions of its images, which are of its size and quality
	Silence     float64 `json:"silence,omitempty"` // the part of the images without a region
	Distinct    int     `json:"distinct_frames"`
	Verify      bool    `json:"verify"`
	Admin       string  `json:"admin,omitempty"`
}

// Settings returns what the load is, with the defaults in it.
func (g *Generator) Settings() Settings {
	o := &g.options
	s := Settings{
		Target: o.Target, Via: g.target.via.String(), Rate: o.Rate, Batch: o.Batch, Connections: o.Connections,
		Outstanding: o.Outstanding, Requests: o.Requests, Duration: o.Duration.Seconds(), Timeout: o.Timeout.Seconds(),
		Format: o.desc().Format.String(), Size: fmt.Sprintf("%dx%d", o.Width, o.Height),
		Resize: fmt.Sprintf("%dx%d", o.OutWidth, o.OutHeight), Quality: o.Quality, Verify: g.identities != nil, Admin: o.Admin,
	}
	if o.Scene != "" {
		s.Scene, s.Silence, s.Resize, s.Quality = o.Scene, o.Silence, "", 0
	}
	if g.numbered != nil {
		s.Distinct = g.numbered.n
	}
	return s
}

// String returns what the load is, in a line.
func (g *Generator) String() string {
	s := g.Settings()
	text := fmt.Sprintf("%s %s, %v frames a second in batches of %d, to JPEGs of %s, quality %d, over %s to %s", s.Size, s.Format, s.Rate, s.Batch, s.Resize, s.Quality, s.Via, s.Target)
	if s.Scene != "" {
		text = fmt.Sprintf("regions of %s %s onto scene %s, %v images a second in batches of %d, %v %% of them without a region, over %s to %s",
			s.Size, s.Format, s.Scene, s.Rate, s.Batch, 100*s.Silence, s.Via, s.Target)
	}
	if s.Connections > 1 {
		text += fmt.Sprintf(", %d connections", s.Connections)
	}
	return text
}
