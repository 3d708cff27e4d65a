package report

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

// luminance is the relative luminance of a color, WCAG 2.2.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil || len(color) != 7 {
		t.Fatalf("color: got %q, want #rrggbb", color)
	}
	part := func(v uint64) float64 {
		c := float64(v&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
}

// TestContrast: lines and bars are seen on their ground, and text is read, in both themes (WCAG 2.2, 1.4.11 and 1.4.3).
func TestContrast(t *testing.T) {
	ground := map[string]pair{}
	for _, g := range grounds {
		ground[g.class] = g.pair
	}
	least := func(name string, a, b string, want float64) {
		la, lb := luminance(t, a), luminance(t, b)
		if ratio := (max(la, lb) + 0.05) / (min(la, lb) + 0.05); ratio < want {
			t.Errorf("%s: %s on %s: got a contrast of %.2f, want %.1f or more", name, a, b, ratio, want)
		}
	}
	for i, c := range colors {
		least(fmt.Sprint("series ", i), c.light, ground["surface"].light, 3)
		least(fmt.Sprint("series ", i), c.dark, ground["surface"].dark, 3)
	}
	for _, class := range []string{"text", "muted"} {
		least(class, ground[class].light, ground["surface"].light, 4.5)
		least(class, ground[class].dark, ground["surface"].dark, 4.5)
	}
}

// TestLooks: no two of the first series look the same, and one that is in two plots looks the same in both.
func TestLooks(t *testing.T) {
	seen := map[string]bool{}
	for l := range look(3 * len(colors)) {
		key := fmt.Sprintf("%s %T", l.ink(), l.mark())
		if seen[key] {
			t.Errorf("look %d: %s is another's, too", l, key)
		}
		seen[key] = true
	}
	l := looks{}
	first := l.of([]Series{{Name: "pool", Ours: true}, {Name: "none"}, {Name: "mutex"}})
	second := l.of([]Series{{Name: "mutex"}, {Name: "arena"}, {Name: "pool", Ours: true}})
	if first[0] != 0 || second[2] != 0 || first[2] != second[0] || first[1] == second[1] {
		t.Errorf("got %v and %v, want ours first, and mutex as before", first, second)
	}
}
