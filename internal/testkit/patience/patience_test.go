package patience

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Logf(string, ...any)       {}
func (r *recorder) Errorf(_ string, a ...any) { r.failures = append(r.failures, a[1].(string)) }

// TestGrow: a try that fails is followed by one with more time, and the last one's failures are the test's.
func TestGrow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		needs time.Duration
		want  []time.Duration
		fails bool
	}{
		{"at-once", time.Second, []time.Duration{time.Second}, false},
		{"later", 10 * time.Second, []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}, false},
		{"never", time.Hour, []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}, true},
	} {
		r := &recorder{TB: t}
		var got []time.Duration
		var cleaned int
		Grow(r, time.Second, func(t testing.TB, limit time.Duration) {
			got = append(got, limit)
			t.Cleanup(func() {
				if cleaned++; t.Context().Err() == nil {
					t.Error("the context had no end before the cleanup")
				}
			})
			if limit < tt.needs {
				t.Fatalf("%v are too short", limit)
			}
		})
		if !slices.Equal(got, tt.want) || cleaned != len(tt.want) {
			t.Errorf("%s: got tries of %v, %d cleaned up, want %v", tt.name, got, cleaned, tt.want)
		}
		if tt.fails && (len(r.failures) != 1 || !strings.Contains(r.failures[0], "patience_test.go:") || !strings.HasSuffix(r.failures[0], "16s are too short")) {
			t.Errorf("%s: got failures %q, want that of the last try with its place", tt.name, r.failures)
		}
		if !tt.fails && len(r.failures) > 0 {
			t.Errorf("%s: got failures %q, want none", tt.name, r.failures)
		}
	}
}

// TestGrowSkips: a test that skips itself within a try is skipped.
func TestGrowSkips(t *testing.T) {
	skipped := false
	t.Run("skips", func(t *testing.T) {
		t.Cleanup(func() { skipped = t.Skipped() })
		Grow(t, time.Second, func(t testing.TB, _ time.Duration) { t.Skip("there is no such thing here") })
	})
	if !skipped {
		t.Error("got a test that went on")
	}
}
