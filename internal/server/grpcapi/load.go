package grpcapi

import (
	"sync/atomic"

	orca "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/steadyframe/steadyframe/internal/server/engine"
)

// loadKey is the trailer with an OrcaLoadReport, which clients balance by (grpc/proposal, A51 and A58).
const loadKey = "endpoint-load-metrics-bin"

// loadReport is the trailer that says the load, kept while that stays the same.
type loadReport struct {
	last atomic.Pointer[loadTrailer]
}

type loadTrailer struct {
	load    engine.Load
	trailer metadata.MD
}

// of returns the trailer for l; nil when there is nothing to say yet. The caller must not change it.
func (r *loadReport) of(l engine.Load) *loadTrailer {
	if l.Rate == 0 {
		return nil
	}
	if t := r.last.Load(); t != nil && t.load == l {
		return t
	}
	data, err := proto.Marshal(&orca.OrcaLoadReport{RpsFractional: l.Rate, ApplicationUtilization: l.Utilization, MemUtilization: l.Memory})
	if err != nil {
		return nil // Numbers can be marshaled.
	}
	t := &loadTrailer{load: l, trailer: metadata.Pairs(loadKey, string(data))}
	r.last.Store(t)
	return t
}
