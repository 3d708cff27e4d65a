package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/cluster"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// Cluster is what the list of the nodes is made of: a server's place among others.
type Cluster struct {
	Name      string // of the cluster; may be empty where there is a static list
	Directory interface {
		Nodes() []cluster.Node
		Streams() []cluster.Stream
		Self() cluster.Node
		State() cluster.State
	}
}

// clusterReport is the JSON of GET /v1/cluster: the nodes and streams of a cluster, as this node knows them.
type clusterReport struct {
	Time      string          `json:"time"`
	Cluster   string          `json:"cluster"`
	Node      string          `json:"node"` // this one
	Directory directoryEntry  `json:"directory"`
	Nodes     []nodeEntry     `json:"nodes"`   // by name, this one among them
	Streams   []clusterStream `json:"streams"` // by name, those that the caller may view; none with streams=false
}

// directoryEntry is how nodes find each other.
type directoryEntry struct {
	Kind      string       `json:"kind"`             // "embedded" or "nats", or "static" for a list in the settings
	State     string       `json:"state"`            // "connected", or "frozen": what is known of other nodes stays as it is; or "static"
	Since     string       `json:"since"`            // of the state
	Reason    string       `json:"reason,omitempty"` // why it is frozen, or what else is wrong
	Routes    int          `json:"routes"`           // nodes that the embedded NATS is connected to
	Sent      trafficEntry `json:"sent"`
	Received  trafficEntry `json:"received"`
	Refused   int64        `json:"refused"`   // messages that were wrong, or too much
	Expired   int64        `json:"expired"`   // nodes that fell silent
	Conflicts int64        `json:"conflicts"` // streams that had two publishers
}

type trafficEntry struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// nodeEntry is a node of the cluster.
type nodeEntry struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Version   string   `json:"version,omitempty"`
	State     string   `json:"state"`            // "online", "draining", or "unknown": it cannot be heard
	Reason    string   `json:"reason,omitempty"` // why it cannot be heard, a server of cluster.origins
	Self      bool     `json:"self,omitempty"`
	Started   string   `json:"started,omitempty"`
	Age       *float64 `json:"age_ms,omitempty"` // since it was heard last; not of this one
	Streams   int      `json:"streams"`          // whose publisher or source it has
	Viewers   int      `json:"viewers"`
	Pulls     int      `json:"pulls"` // streams that it takes from others
	QueueWait float64  `json:"queue_wait_ms"`
}

// clusterStream is a stream of the cluster.
type clusterStream struct {
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Node    string   `json:"node"` // that has its publisher or source
	Epoch   int64    `json:"epoch"`
	Format  string   `json:"format"`
	FPS     float64  `json:"fps"`
	Viewers int      `json:"viewers"`          // here
	Hops    int      `json:"hops,omitempty"`   // over which it comes here; 0: it does not, or it is from here
	Via     string   `json:"via,omitempty"`    // the node that this one takes it from
	Age     *float64 `json:"age_ms,omitempty"` // of the newest image when it arrived here
}

// cluster serves GET /v1/cluster.
func (h *Handler) cluster(w *writer, r *http.Request) error {
	switch {
	case w.id.IsLink():
		return fault.Errorf(fault.Forbidden, "%s lacks a token with the scope admin or view:NAME: links show streams, and not the servers that they are on", w.id)
	case h.nodes.Directory == nil:
		return fault.Errorf(fault.NotFound, "this server is in no cluster: the setting cluster.name makes it a node of one, and cluster.origins shows the streams of other servers here")
	}
	var infos []stream.Info
	switch s := r.URL.Query().Get("streams"); s {
	case "", "true":
		infos = auth.From(r.Context()).Infos(h.live.Hub)
	case "false":
	default:
		return badParameter("streams", s, "true or false")
	}
	return writeJSON(w, h.nodes.report(time.Now(), infos))
}

// report returns the nodes, and those streams.
func (c *Cluster) report(now time.Time, infos []stream.Info) clusterReport {
	self, state := c.Directory.Self(), c.Directory.State()
	r := clusterReport{
		Time: formatTime(now), Cluster: c.Name, Node: self.Name, Directory: newDirectoryEntry(state), Nodes: []nodeEntry{}, Streams: make([]clusterStream, len(infos)),
	}
	for _, n := range c.Directory.Nodes() {
		r.Nodes = append(r.Nodes, newNodeEntry(now, &n, &state))
	}
	slices.SortFunc(r.Nodes, func(a, b nodeEntry) int { return strings.Compare(a.Name, b.Name) })
	for i := range infos {
		r.Streams[i] = newClusterStream(self.Name, &infos[i])
	}
	return r
}

func newDirectoryEntry(s cluster.State) directoryEntry {
	d := directoryEntry{
		Kind: s.Kind, State: "connected", Since: formatTime(s.Since), Reason: s.Reason, Routes: s.Routes,
		Sent: trafficEntry(s.Sent), Received: trafficEntry(s.Received), Refused: s.Refused, Expired: s.Expired, Conflicts: s.Conflicts,
	}
	switch {
	case s.Frozen:
		d.State = "frozen"
	case s.Kind == "static":
		d.State = "static"
	}
	return d
}

func newNodeEntry(now time.Time, n *cluster.Node, s *cluster.State) nodeEntry {
	e := nodeEntry{
		Name: n.Name, Address: n.Address, Version: n.Version, State: string(n.Condition(s)), Reason: n.Reason, Self: n.Self, Streams: n.Streams, Viewers: n.Viewers, Pulls: n.Pulls,
		QueueWait: inMilliseconds(n.QueueWait),
	}
	if !n.Started.IsZero() {
		e.Started = formatTime(n.Started)
	}
	if !n.Self && !n.Seen.IsZero() {
		age := inMilliseconds(max(now.Sub(n.Seen), 0))
		e.Age = &age
	}
	return e
}

func newClusterStream(self string, i *stream.Info) clusterStream {
	s := clusterStream{
		Name: i.Name, State: i.State.String(), Node: i.Node, Epoch: i.Epoch, Format: i.Format, FPS: round(i.FPSIn), Viewers: len(i.Viewers), Hops: i.Hops, Via: i.Via,
	}
	if s.Node == "" {
		s.Node = self
	}
	s.Age = ageOf(i)
	return s
}

// ageOf returns how old the newest image of a stream of another node was when it arrived here, in ms; nil where none has.
func ageOf(i *stream.Info) *float64 {
	if i.Hops == 0 || i.Age == 0 {
		return nil
	}
	age := inMilliseconds(i.Age)
	return &age
}

// inMilliseconds returns d as a number of them, with two decimals.
func inMilliseconds(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }
