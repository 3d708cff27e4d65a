package cluster

// Condition is how a node is, as far as this one knows.
type Condition string

// The conditions.
const (
	Online   Condition = "online"
	Draining Condition = "draining" // it is stopping
	Unknown  Condition = "unknown"  // nothing is heard of it now
)

// Condition returns how the node is, for one whose directory is in that state.
func (n *Node) Condition(s *State) Condition {
	switch {
	case n.Draining:
		return Draining
	case !n.Self && (s.Frozen || n.Seen.IsZero() || n.Reason != ""):
		return Unknown
	}
	return Online
}
