package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/steadyframe/steadyframe/pool"
)

// servePools answers with s as a table, or as JSON where the request asks for it (Accept: application/json, or
// ?format=json).
func servePools(w http.ResponseWriter, r *http.Request, s pool.Stats) {
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(poolsJSON(s)) // The caller may be gone; there is nobody else to tell.
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "in use %d, idle %d, kept by the floor %d, budget %d bytes\n", s.InUse, s.Idle, s.Pinned, s.Budget)
	fmt.Fprintf(w, "admitted %d bytes, %d waiting, %d refused\n\n", s.Admitted, s.Waiting, s.Refused)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "class\tgets\tputs\tmisses\tmiss %\tin use\tidle\tcollected\tevicted\tlost\t")
	for _, c := range s.Classes {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%.2f\t%d\t%d\t%d\t%d\t%d\t\n", c.Size, c.Gets, c.Puts, c.Misses, missPercent(c), c.InUse, c.Idle,
			c.Discards[pool.DiscardCollected], c.Discards[pool.DiscardBudget], c.Discards[pool.DiscardLost])
	}
	_ = t.Flush() // As above.
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

func poolsJSON(s pool.Stats) poolDocument {
	d := poolDocument{InUse: s.InUse, Idle: s.Idle, Pinned: s.Pinned, Budget: s.Budget, Admitted: s.Admitted, Waiting: s.Waiting, Refused: s.Refused,
		Classes: []classDocument{}}
	for _, c := range s.Classes {
		discards := map[string]uint64{}
		for r, n := range c.Discards {
			discards[pool.DiscardReason(r).String()] = n
		}
		d.Classes = append(d.Classes, classDocument{Size: c.Size, Gets: c.Gets, Puts: c.Puts, Misses: c.Misses, InUse: c.InUse, Idle: c.Idle, Discards: discards})
	}
	return d
}
