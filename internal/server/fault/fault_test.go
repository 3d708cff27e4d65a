package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/plain"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
)

func TestFrom(t *testing.T) {
	tests := []struct {
		name         string
		err          error
		kind         Kind
		field, limit string
		text         string
	}{
		{"own", Errorf(Slow, "zzz"), Slow, "", "", "zzz"},
		{"spec", &pipeline.SpecError{Field: "crop", Reason: "r"}, Invalid, "crop", "", "crop: r"},
		{"frame", &pipeline.FrameError{}, Invalid, "", "", (&pipeline.FrameError{}).Error()},
		{"desc", &frame.DescError{Field: "width", Reason: "r"}, Invalid, "width", "", "width: r"},
		{"budget", &pool.BudgetError{Want: 5, InUse: 7, Budget: 10}, Busy, "", "limits.memory_budget", "no memory now (limits.memory_budget: got 12, want at most 10)"},
		{"above-budget", &pool.BudgetError{Want: 50, InUse: 7, Budget: 10}, TooLarge, "", "limits.memory_budget", "more memory than there is (limits.memory_budget: got 50, want at most 10)"},
		{"size", &pool.SizeError{Got: 9, Max: 8}, TooLarge, "", "bytes of a frame", "larger than any buffer (bytes of a frame: got 9, want at most 8)"},
		{"pixels", &ingest.LimitError{Limit: "pixels", Got: 9, Max: 8}, TooLarge, "", "limits.max_pixels", "the stream declares it (limits.max_pixels: got 9, want at most 8)"},
		{"truncated", &ingest.TruncatedError{Frame: 1, Got: 2, Want: 3}, Invalid, "", "", (&ingest.TruncatedError{Frame: 1, Got: 2, Want: 3}).Error()},
		{"jpeg", &ingest.JPEGError{Index: 2, Offset: 3, Reason: "r"}, Invalid, "", "", "JPEG after 2 whole ones, byte 3: r"},
		{"y4m", &ingest.FormatError{Stream: "Y4M", Field: "C", Reason: "r"}, Invalid, "", "", "Y4M C: r"},
		{"eof", io.ErrUnexpectedEOF, Invalid, "", "", "unexpected EOF"},
		{"deadline", context.DeadlineExceeded, Deadline, "", "", "the deadline passed"},
		{"canceled", context.Canceled, Canceled, "", "", "the caller went away"},
		{"stream-name", &stream.NameError{Name: "/"}, Invalid, "stream", "", (&stream.NameError{Name: "/"}).Error()},
		{"no-stream", &stream.NotFoundError{Name: "a"}, NotFound, "stream", "", (&stream.NotFoundError{Name: "a"}).Error()},
		{"streams", &stream.LimitError{Limit: "streams", Max: 8}, Busy, "", "live.max_streams", "too many streams (live.max_streams: got 9, want at most 8)"},
		{"replaced", stream.ErrReplaced, Conflict, "stream", "", stream.ErrReplaced.Error()},
		{"fixed", stream.ErrFixed, Conflict, "stream", "", stream.ErrFixed.Error()},
		{"hub-closed", stream.ErrClosed, Draining, "", "", "the server is stopping"},
		{"closed", pipeline.ErrClosed, Draining, "", "", "the server is stopping"},
		{"panic", &pipeline.PanicError{Value: "v"}, Internal, "", "", (&pipeline.PanicError{Value: "v"}).Error()},
		{"other", errors.New("zzz"), Internal, "", "", "zzz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err)} {
				f := From(err)
				if f.Kind != tt.kind || f.Field != tt.field || f.Limit != tt.limit || !errors.Is(f, tt.err) {
					t.Errorf("got %s, field %q, limit %q, want %s, %q, %q", f.Kind, f.Field, f.Limit, tt.kind, tt.field, tt.limit)
				}
				if (f.Kind == Busy) != (f.RetryAfter > 0) {
					t.Errorf("got advice to come again after %v for %s", f.RetryAfter, f.Kind)
				}
			}
			if got := From(tt.err).Error(); got != plain.Text(tt.text) {
				t.Errorf("got %q, want %q", got, tt.text)
			}
		})
	}
	if From(nil) != nil {
		t.Error("got a fault from nil")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := map[string]bool{}
	for k := range Kinds {
		name := Kind(k).String()
		if name == "" || seen[name] {
			t.Errorf("kind %d: got name %q, want one of its own", k, name)
		}
		seen[name] = true
	}
}
