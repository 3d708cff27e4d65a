package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
)

// The history is bounded, oldest first, and without the pool's classes.
func TestHistory(t *testing.T) {
	var h history
	for i := range 3 * historyLen {
		h.add(statistics{Time: float64(i), Pool: poolCounts{Gets: 7, Classes: make([]classCount, 40)}})
	}
	got := h.samples()
	if len(got) != historyLen || got[0].Time != 2*historyLen || got[historyLen-1].Time != 3*historyLen-1 {
		t.Fatalf("got %d samples from %v to %v, want the last %d", len(got), got[0].Time, got[len(got)-1].Time, historyLen)
	}
	if len(got[0].Pool.Classes) != 0 || got[0].Pool.Gets != 7 {
		t.Errorf("got %+v, want the sum of all classes alone", got[0].Pool)
	}
}

// A page that is opened later gets what Record has kept.
func TestHistoryIsServed(t *testing.T) {
	f := newTestAPI(t, nil)
	samples := func() []statistics {
		t.Helper()
		response, err := http.Get(f.url + "/v1/stats?history")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var got struct{ Samples []statistics }
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Samples == nil {
			t.Fatalf("got %v, %+v, want a list", err, got)
		}
		return got.Samples
	}
	if got := samples(); len(got) != 0 {
		t.Errorf("got %d samples before any was taken", len(got))
	}
	f.Handler.history.add(f.Handler.statistics())
	if got := samples(); len(got) != 1 || got[0].Cores < 1 || got[0].Time == 0 {
		t.Errorf("got %+v, want one sample", got)
	}
}

// TestStatisticsAllocations: a server reads them every five seconds for as long as it runs, in which it may encode no more than a few
// hundred frames. Through the collectors of Prometheus they were 560 objects.
func TestStatisticsAllocations(t *testing.T) {
	f := newTestAPI(t, nil)
	if objects, _ := alloctest.Measure(t, 10, func() { f.Handler.statistics() }); objects > 10*80 {
		t.Errorf("got %d objects for 10 readings, want 80 each at most", objects)
	}
}
