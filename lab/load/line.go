package load

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// line is the least-squares line through points.
type line struct{ x, y []float64 }

func (l *line) add(x, y float64) { l.x, l.y = append(l.x, x), append(l.y, y) }

// slope returns y per x and the standard error of that, 0 where there are no two points with different x. The error of a
// line through two points is not known, and 0.
func (l *line) slope() (slope, standardError float64) {
	if len(l.x) < 2 || stat.Variance(l.x, nil) == 0 {
		return 0, 0
	}
	intercept, slope := stat.LinearRegression(l.x, l.y, nil, false)
	if n := float64(len(l.x)); n > 2 {
		var residuals float64
		for i := range l.x {
			d := l.y[i] - (intercept + slope*l.x[i])
			residuals += d * d
		}
		standardError = math.Sqrt(residuals / (n - 2) / ((n - 1) * stat.Variance(l.x, nil)))
	}
	return slope, standardError
}
