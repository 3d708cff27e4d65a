package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/pool"
)

// servePools writes s and m as tables, or as JSON where the request asks for it (Accept: application/json, or
// ?format=json).
func servePools(w http.ResponseWriter, r *http.Request, s pool.Stats, m metrics.Memory) {
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(poolsJSON(s, m)) // If it fails, the caller has disconnected.
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "in use %d, idle %d, kept by the floor %d, budget %d bytes\n", s.InUse, s.Idle, s.Pinned, s.Budget)
	fmt.Fprintf(w, "admitted %d bytes, %d waiting, %d refused\n\n", s.Admitted, s.Waiting, s.Refused)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "class\tgets\tputs\tmisses\tmiss %\tin use\tidle\tcollected\tevicted\ttrimmed\tlost\t")
	for _, c := range s.Classes {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%.2f\t%d\t%d\t%d\t%d\t%d\t%d\t\n", c.Size, c.Gets, c.Puts, c.Misses, missPercent(c), c.InUse, c.Idle,
			c.Discards[pool.DiscardCollected], c.Discards[pool.DiscardBudget], c.Discards[pool.DiscardTrimmed], c.Discards[pool.DiscardLost])
	}
	_ = t.Flush() // As above.
	fmt.Fprintf(w, "\nmemory of the process: %d bytes\n\n", m.Total)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, u := range m.Held {
		fmt.Fprintf(t, "%s\t%d\t\n", u.Kind, u.Bytes)
	}
	_ = t.Flush()
	fmt.Fprint(w, "\nwithin the pool\n\n")
	for _, u := range m.Leased {
		fmt.Fprintf(t, "%s\t%d\t\n", u.Kind, u.Bytes)
	}
	_ = t.Flush()
}

func missPercent(c pool.ClassStats) float64 {
	if c.Gets == 0 {
		return 0
	}
	return 100 * float64(c.Misses) / float64(c.Gets)
}

// poolDocument is the JSON form of pool.Stats.
type poolDocument struct {
	InUse    int64           `json:"in_use_bytes"`
	Idle     int64           `json:"idle_bytes"`
	Pinned   int64           `json:"pinned_bytes"`
	Budget   int64           `json:"budget_bytes"`
	Admitted int64           `json:"admitted_bytes"`
	Waiting  int             `json:"waiting"`
	Refused  uint64          `json:"refused"`
	Classes  []classDocument `json:"classes"`
	Memory   memoryDocument  `json:"memory"`
}

// memoryDocument is the JSON form of metrics.Memory, in bytes by kind.
type memoryDocument struct {
	Total  int64            `json:"total_bytes"`
	Held   map[string]int64 `json:"held_bytes"`
	Leased map[string]int64 `json:"leased_bytes"`
}

type classDocument struct {
	Size     int               `json:"size"`
	Gets     uint64            `json:"gets"`
	Puts     uint64            `json:"puts"`
	Misses   uint64            `json:"misses"`
	InUse    int64             `json:"in_use"`
	Idle     int64             `json:"idle"`
	Discards map[string]uint64 `json:"discards"`
}

func poolsJSON(s pool.Stats, m metrics.Memory) poolDocument {
	d := poolDocument{InUse: s.InUse, Idle: s.Idle, Pinned: s.Pinned, Budget: s.Budget, Admitted: s.Admitted, Waiting: s.Waiting, Refused: s.Refused,
		Classes: []classDocument{}, Memory: memoryDocument{Total: m.Total, Held: byKind(m.Held), Leased: byKind(m.Leased)}}
	for _, c := range s.Classes {
		discards := map[string]uint64{}
		for r, n := range c.Discards {
			discards[pool.DiscardReason(r).String()] = n
		}
		d.Classes = append(d.Classes, classDocument{Size: c.Size, Gets: c.Gets, Puts: c.Puts, Misses: c.Misses, InUse: c.InUse, Idle: c.Idle, Discards: discards})
	}
	return d
}

func byKind(uses []metrics.MemoryUse) map[string]int64 {
	bytes := map[string]int64{}
	for _, u := range uses {
		bytes[u.Kind] = u.Bytes
	}
	return bytes
}
