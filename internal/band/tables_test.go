package band

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
)

// TestAhead: every row that is needed, but for the first few, is prefetched once, when a needed row some way above it is
// made; no other row is. Where the mean of rows comes first, the kernel that takes it does that.
func TestAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for range 300 {
		c := wholeConfig(frame.Desc{Format: frame.BGR24, Width: 1 + r.IntN(1000), Height: 1 + r.IntN(900)}, 100, 1+r.IntN(400))
		c.Filter = Filter(r.IntN(3))
		src := &mustSampler(t, c).sources[0]
		needed := neededRows(&src.down)
		distance := max(aheadBytes/(3*c.In.Width), aheadRows)
		var want []int32
		if len(needed) > distance {
			want = needed[distance:]
		}
		var got []int32
		for row, ahead := range src.down.ahead {
			if ahead == 0 {
				continue
			}
			got = append(got, ahead)
			at, needs := slices.BinarySearch(needed, int32(row))
			if !needs || needed[at+distance] != ahead {
				t.Fatalf("%+v: got row %d prefetched with row %d, want one %d needed rows below a needed one", c, ahead, row, distance)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: got rows %d prefetched, want %d", c, got, want)
		}
	}
}

// neededRows returns the input rows that lines are made of, ascending.
func neededRows(d *down) []int32 {
	needed := map[int32]bool{}
	for _, l := range d.lines {
		needed[l.row] = true
		if l.weight != 0 {
			needed[l.row+1] = true
		}
	}
	for _, c := range d.cover {
		for i := range c.weights {
			needed[int32(c.row+i)] = true
		}
	}
	return slices.Sorted(maps.Keys(needed))
}
