package httpapi

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/steadyframe/steadyframe/internal/server/engine"
)

// loadHeader is where a response to frames says how busy the server is, for clients and proxies that balance: an
// OrcaLoadReport as text, as Envoy reads it (source/common/orca/orca_parser.h).
const loadHeader = "Endpoint-Load-Metrics"

// loadReport is the value of that header, kept while the load stays the same.
type loadReport struct{ last atomic.Pointer[loadText] }

type loadText struct {
	load engine.Load
	text []string
}

// set adds the header to a response that has not begun.
func (r *loadReport) set(h http.Header, l engine.Load) {
	if l.Rate == 0 {
		return
	}
	t := r.last.Load()
	if t == nil || t.load != l {
		t = &loadText{l, []string{fmt.Sprintf("TEXT application_utilization=%.6g,mem_utilization=%.3f,rps_fractional=%.6g", l.Utilization, l.Memory, l.Rate)}}
		r.last.Store(t)
	}
	h[loadHeader] = t.text
}
