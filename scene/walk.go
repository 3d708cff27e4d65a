package scene

import (
	"fmt"
	"strings"
)

// Walk is the order in which images with rising indices use the backgrounds.
type Walk uint8

// The walks.
const (
	ToAndFro Walk = iota // "to-and-fro": 0, 1 .. N-1, N-1 .. 1, 0, 0, 1: no jump between last and first
	Loop                 // "loop": 0, 1 .. N-1, 0, 1
)

var walkNames = []string{"to-and-fro", "loop"}

// Background returns which of n backgrounds image number index uses. n > 0 and index >= 0.
func (w Walk) Background(index, n int) int {
	turn, at := index/n, index%n
	if w == ToAndFro && turn%2 == 1 {
		return n - 1 - at
	}
	return at
}

// String returns the text of w.
func (w Walk) String() string {
	if int(w) >= len(walkNames) {
		return fmt.Sprintf("Walk(%d)", uint8(w))
	}
	return walkNames[w]
}

// MarshalText returns the text of w.
func (w Walk) MarshalText() ([]byte, error) {
	if int(w) >= len(walkNames) {
		return nil, fmt.Errorf("scene: walk has no text: got %d, want 0..%d", uint8(w), len(walkNames)-1)
	}
	return []byte(walkNames[w]), nil
}

// UnmarshalText sets w to the walk that text names.
func (w *Walk) UnmarshalText(text []byte) error {
	for i, name := range walkNames {
		if strings.EqualFold(name, string(text)) {
			*w = Walk(i)
			return nil
		}
	}
	return fmt.Errorf("scene: unknown walk: got %q, want one of %s", text, strings.Join(walkNames, ", "))
}
