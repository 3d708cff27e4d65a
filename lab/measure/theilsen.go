package measure

import (
	"math"
	"slices"
)

// Slope is how fast something rises, and between which slopes the true one lies with 95 % confidence.
type Slope struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

// TheilSen returns the median of the slopes between any two points, y per x, with the interval that Kendall's tau gives
// (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968). Points far off, of whatever
// size, move it little as long as they are fewer than three in ten. All x must differ. ok is false for fewer than five
// points: they leave the interval open.
func TheilSen(x, y []float64) (s Slope, ok bool) {
	n := float64(len(x))
	if len(x) < 5 {
		return Slope{}, false
	}
	var slopes []float64
	for i := range x {
		for k := range i {
			slopes = append(slopes, (y[i]-y[k])/(x[i]-x[k]))
		}
	}
	slices.Sort(slopes)
	all := float64(len(slopes))
	width := 1.96 * math.Sqrt(n*(n-1)*(2*n+5)/18) // of the ranks in between, by the normal distribution
	low, high := int((all-width)/2)-1, int(math.Ceil((all+width)/2))
	middle := len(slopes) / 2
	median := slopes[middle]
	if len(slopes)%2 == 0 {
		median = (slopes[middle-1] + median) / 2
	}
	return Slope{slopes[max(low, 0)], median, slopes[min(high, len(slopes)-1)]}, true
}
