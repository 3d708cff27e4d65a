package natural_test

import (
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/internal/natural"
)

// FuzzCompare holds that natural order is an order.
func FuzzCompare(f *testing.F) {
	f.Add("img2", "img10", "img010")
	f.Add("", "0", "00")
	f.Add("a1b", "a01b", "a1c")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if (natural.Compare(a, b) == 0) != (a == b) || natural.Compare(a, b) != -natural.Compare(b, a) {
			t.Errorf("%q, %q: got %d, and %d the other way round", a, b, natural.Compare(a, b), natural.Compare(b, a))
		}
		names := []string{a, b, c}
		slices.SortFunc(names, natural.Compare)
		if natural.Compare(names[0], names[2]) > 0 {
			t.Errorf("got %q, which is no order", names)
		}
	})
}
