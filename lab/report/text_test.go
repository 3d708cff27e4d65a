package report

import (
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

func TestShorten(t *testing.T) {
	if got := shorten("short", labelSize, 100); got != "short" {
		t.Errorf("got %q, want it as it was", got)
	}
	text := strings.Repeat("wörter ", 300)
	for _, room := range []vg.Length{30, 100, 333} {
		got := shorten(text, labelSize, room)
		if w := textWidth(got, labelSize); w > room || w < room-20 || !strings.HasSuffix(got, "…") || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Errorf("room %g: got %q, %g wide, want a begin of the text that fills it", room, got, w)
		}
	}
	if got := shorten("text", labelSize, 0); got != "…" {
		t.Errorf("no room: got %q", got)
	}
}

func TestWrap(t *testing.T) {
	got := wrap("one two three four", labelSize, textWidth("one two", labelSize)+1)
	if want := []string{"one two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := wrap(" \n", labelSize, 100); got != nil {
		t.Errorf("no words: got %q, want no lines", got)
	}
}
