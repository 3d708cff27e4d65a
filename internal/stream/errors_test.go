package stream_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/stream"
)

func TestTexts(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&stream.NotFoundError{Name: "cam1"}, `stream: unknown stream: got "cam1", and there is none`},
		{&stream.NotFoundError{Name: "cam1", Names: []string{"a", "b"}}, `stream: unknown stream: got "cam1", want one of a, b`},
		{&stream.LimitError{Limit: "viewers", Max: 2}, `stream: too many viewers: got 3, want at most 2`},
		{stream.CheckName("a b"), `stream: bad stream name: got "a b", want 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning`},
		{stream.ErrEmpty, `stream: empty image: got 0 bytes, want a JPEG`},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	if got := stream.CheckName(strings.Repeat("x", 1000)).Error(); len(got) > 200 {
		t.Errorf("got a text of %d bytes for a long name, want it short", len(got))
	}
	many := stream.NotFoundError{Name: "x", Names: slices.Repeat([]string{"cam"}, 10_000)}
	if got := many.Reason(); len(got) > 500 || !strings.HasSuffix(got, ", cam and 9950 more") {
		t.Errorf("got %q, want few names, and how many there are", got)
	}
	for r, want := range []string{"newer", "capped", "unseen", "no_memory", "failed"} {
		if got := stream.DropReason(r).String(); got != want {
			t.Errorf("drop reason %d: got %q, want %q", r, got, want)
		}
	}
	for s, want := range []string{"waiting", "online", "offline"} {
		if got := stream.State(s).String(); got != want {
			t.Errorf("state %d: got %q, want %q", s, got, want)
		}
	}
}

func TestTooManyViewers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("more viewers than can hold an image: got no panic")
		}
	}()
	stream.New(stream.Options{MaxViewers: stream.MostViewers + 1})
}
