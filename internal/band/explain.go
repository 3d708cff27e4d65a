package band

import (
	"fmt"
	"strings"
)

// filterNames and spaceNames are the texts of Explain.
var (
	filterNames = [...]string{Bilinear: "bilinear", Area: "area", Nearest: "nearest"}
	spaceNames  = [...]string{YCC: "ycc", RGB: "rgb", Luma: "luma"}
)

// Explain returns what the Sampler does and the kernels chosen, one line each.
func (s *Sampler) Explain() string {
	var b strings.Builder
	c := &s.config
	fmt.Fprintf(&b, "sample %s: crop %v to %v of %dx%d, %d bands of %d lines\n", c.In, c.Crop, c.Content, c.Width, c.Height, s.Bands(), c.Lines)
	return b.String()
}
