package grpcapi

import "sync"

// credit is how many more images a caller has asked for. One goroutine adds to it, another spends it.
type credit struct {
	changed chan struct{} // of capacity 1: receives when there is more, or an end

	mu      sync.Mutex
	endless bool
	final   bool // nothing more will be added
	left    uint64
}

// begin sets the credit to n, or to no end.
func (c *credit) begin(endless bool, n uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endless, c.left = endless, uint64(n)
}

// add adds n.
func (c *credit) add(n uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += uint64(n)
	c.tell()
}

// end says that nothing more will be added.
func (c *credit) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.final = true
	c.tell()
}

// tell leaves a token in changed.
func (c *credit) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// spend takes one, of which there must be some.
func (c *credit) spend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.endless {
		c.left--
	}
}

// state reports whether there is some, and, if not, whether there never will be.
func (c *credit) state() (some, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	some = c.endless || c.left > 0
	return some, !some && c.final
}
