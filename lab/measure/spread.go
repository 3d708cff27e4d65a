package measure

import "slices"

// Spread is the middle of some values, and where the middle half of them lies.
type Spread struct {
	Low    float64 `json:"low"` // a quarter of the values are smaller
	Median float64 `json:"median"`
	High   float64 `json:"high"` // a quarter are larger
}

// SpreadOf returns the Spread of values, of which there is one at least. Of few it takes the nearest, and makes up none
// between two.
func SpreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { return sorted[int(q*float64(len(sorted)-1)+0.5)] }
	return Spread{at(0.25), at(0.5), at(0.75)}
}
