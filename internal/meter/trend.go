package meter

// Trend is the least-squares line through the last points of a series. The zero value has none.
type Trend struct {
	points [300]struct{ x, y float64 } // a ring
	n      int                         // points ever added
	max    float64                     // of all y ever added
}

// Add adds a point.
func (t *Trend) Add(x, y float64) {
	p := &t.points[t.n%len(t.points)]
	p.x, p.y = x, y
	t.n++
	t.max = max(t.max, y)
}

// Len returns how many points were ever added.
func (t *Trend) Len() int { return t.n }

// Max returns the largest y ever added, 0 for none.
func (t *Trend) Max() float64 { return t.max }

// Slope returns y per x, 0 where the points have no two x.
func (t *Trend) Slope() float64 {
	points := t.points[:min(t.n, len(t.points))]
	var meanX, meanY float64
	for _, p := range points {
		meanX += p.x / float64(len(points))
		meanY += p.y / float64(len(points))
	}
	var xx, xy float64
	for _, p := range points {
		xx += (p.x - meanX) * (p.x - meanX)
		xy += (p.x - meanX) * (p.y - meanY)
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}
