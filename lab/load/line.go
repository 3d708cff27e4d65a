package load

import "math"

// line is the least-squares line through points, of which it keeps sums alone. Their x and y are small numbers: seconds,
// and pictures.
type line struct{ n, x, y, xx, xy, yy float64 }

func (l *line) add(x, y float64) {
	l.n++
	l.x += x
	l.y += y
	l.xx += x * x
	l.xy += x * y
	l.yy += y * y
}

// slope returns y per x and the standard error of that, 0 where the points have no two x. Of two points the error is not
// known, and 0.
func (l *line) slope() (slope, standardError float64) {
	if l.n < 2 {
		return 0, 0
	}
	xx, xy, yy := l.xx-l.x*l.x/l.n, l.xy-l.x*l.y/l.n, l.yy-l.y*l.y/l.n
	if xx <= 0 {
		return 0, 0
	}
	slope = xy / xx
	if l.n > 2 {
		standardError = math.Sqrt(max(yy-slope*xy, 0) / ((l.n - 2) * xx))
	}
	return slope, standardError
}
