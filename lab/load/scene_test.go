package load

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// ofScene is small for a scene.
func ofScene(connections, batch int, silence float64) Options {
	o := small()
	o.Scene, o.Connections, o.Batch, o.Silence = "anna", connections, batch, silence
	return o
}

// Of a scene each connection goes through all frames in their order, no two next to each other begin with the same, and before the
// clock starts all frames were sent.
func TestSessions(t *testing.T) {
	for _, connections := range []int{1, 2, 4, 7, 100, 130} {
		for _, batch := range []int{1, 3, 25} {
			t.Run(fmt.Sprintf("connections=%d/batch=%d", connections, batch), func(t *testing.T) {
				s := newGenerator(t, ofScene(connections, batch, 0)).numbered
				for session := range connections {
					last := s.number(session, 0) - 1
					for turn := range 5 {
						for i := range batch {
							got := s.number(turn*connections+session, i)
							if got != (last+1)%s.n {
								t.Fatalf("session %d, turn %d, image %d: got %d after %d, want one more, of %d", session, turn, i, got, last, s.n)
							}
							last = got
						}
					}
				}
				if connections > 1 && s.number(0, 0) == s.number(1, 0) {
					t.Errorf("sessions 0 and 1 begin with %d, want others", s.number(0, 0))
				}
				seen := map[int]bool{}
				for n := range s.warm() {
					for i := range batch {
						seen[s.number(n, i)] = true
					}
				}
				if len(seen) != s.n {
					t.Errorf("got %d frames in the first %d batches, want all %d", len(seen), s.warm(), s.n)
				}
			})
		}
	}
}

// Silence is spread evenly, and its images have no frame.
func TestSilence(t *testing.T) {
	for _, silence := range []float64{0, 0.25, 0.5, 1} {
		g := newGenerator(t, ofScene(1, 5, silence))
		silent := 0
		for i := range g.numbered.n {
			if g.numbered.silent(i) {
				silent++
			}
		}
		if want := silence * float64(g.numbered.n); float64(silent) < want-1 || float64(silent) > want {
			t.Errorf("silence %v: got %d of %d, want %v", silence, silent, g.numbered.n, want)
		}
	}
	a, b := []byte("frame 0"), []byte("frame 1")
	c := &call{frames: [][]byte{a, b, a}, images: []sceneImage{{index: 7}, {index: 8, silent: true}, {index: 9}}}
	frames, images := sceneBatch(c)
	if len(frames) != 2 || len(images) != 3 || images[1].Index != 8 || images[1].Regions != 0 || images[2].Regions != 1 {
		t.Errorf("got %d frames and %+v", len(frames), images)
	}
	if got, want := string(bytes.Join(sceneBody(c), nil)), "IMAGE index=7 regions=1\nframe 0IMAGE index=8\nIMAGE index=9 regions=1\nframe 0"; got != want {
		t.Errorf("got body %q, want %q", got, want)
	}
}

// Images of a scene are as before, and not each other's.
func TestIdentitiesOfScene(t *testing.T) {
	o := ofScene(2, 5, 0.5)
	g := newGenerator(t, o)
	ids, encode := g.identities, encoder(t, o)
	image := func(n int) []byte { return encode(g.numbered.ring[n]) }
	for n := range 3 {
		for range 2 {
			if kind, text := ids.check(n, image(n)); kind != noFinding {
				t.Errorf("image %d: got %v: %s", n, kind, text)
			}
		}
	}
	for name, tt := range map[string]struct {
		want int
		data []byte
		kind findingKind
	}{
		"another's":  {1, image(0), wrongImage},
		"of nothing": {3, image(0)[:40], unreadable},
		"changed":    {0, image(9), differs},
	} {
		if kind, text := ids.check(tt.want, tt.data); kind != tt.kind {
			t.Errorf("%s: got %v: %s, want %v", name, kind, text, tt.kind)
		}
	}
	for _, wrong := range []float64{-0.1, 1.1} {
		o.Silence = wrong
		var e *OptionError
		if _, err := New(t.Context(), o); !errors.As(err, &e) || e.Option != "silence" {
			t.Errorf("silence %v: got %v, want an error", wrong, err)
		}
	}
}
