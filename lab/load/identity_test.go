package load

import (
	"bytes"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

func TestIdentities(t *testing.T) {
	o := small()
	g := newGenerator(t, o)
	ring, right := g.numbered.ring, encoder(t, o)
	coarse, wide := o, o
	coarse.Quality, wide.OutWidth = 30, 72
	otherBytes, otherSize := encoder(t, coarse), encoder(t, wide)
	torn := append(bytes.Clone(ring[3][:len(ring[3])/2]), ring[4][len(ring[4])/2:]...)
	steps := []struct {
		name  string
		want  int // frame
		image []byte
		kind  findingKind
		text  string
	}{
		{"first", 7, right(ring[7]), noFinding, ""},
		{"same", 7, right(ring[7]), noFinding, ""},
		{"other-frame", 7, right(ring[8]), wrongImage, "got that of frame 8, want that of frame 7"},
		{"other-frame-first", 9, right(ring[10]), wrongImage, "got that of frame 10, want that of frame 9"},
		{"first-after-a-wrong-one", 9, right(ring[9]), noFinding, ""},
		{"other-bytes", 7, otherBytes(ring[7]), differs, "that of frame 7 has"},
		{"cut", 7, right(ring[7])[:400], unreadable, "that of frame 7: "},
		{"nothing", 7, nil, unreadable, "that of frame 7: "},
		{"other-size", 7, otherSize(ring[7]), unreadable, "got an image of 72x32, want 64x32"},
		{"torn", 3, right(torn), unreadable, "check bits"},
		{"same-again", 7, right(ring[7]), noFinding, ""},
	}
	for _, s := range steps {
		kind, text := g.identities.check(s.want, s.image)
		if kind != s.kind || !strings.Contains(text, s.text) {
			t.Errorf("%s: got %q, %q, want %q, %q", s.name, kind, text, s.kind, s.text)
		}
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	g := newGenerator(t, small())
	image := encoder(t, small())(g.numbered.ring[0])
	g.identities.check(0, image)
	alloctest.Zero(t, 100, func() {
		if kind, _ := g.identities.check(0, image); kind != noFinding {
			t.Error(kind)
		}
	})
}
