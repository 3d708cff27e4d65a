package load

import "github.com/steadyframe/steadyframe/internal/bench/report"

// Page returns the outcome as a page.
func (o *Outcome) Page() *report.Page { return &report.Page{Title: "Load", Machine: o.Machine} }
