package pooling

import "sync"

// mutexLists has as many buffers of each kind as are ever in use.
type mutexLists struct {
	batchless
	sizes [kinds]int
	mu    sync.Mutex
	free  [kinds][][]byte
}

func newMutex(n need) func() lender {
	m := &mutexLists{sizes: n.sizes}
	for k := range kinds {
		for range n.atOnce[k] {
			m.free[k] = append(m.free[k], make([]byte, n.sizes[k]))
		}
	}
	return shared(m)
}

func (m *mutexLists) get(k kind) lease {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.free[k]) - 1
	b := m.free[k][last]
	m.free[k] = m.free[k][:last]
	return lease{b: b[:m.sizes[k]], kind: k}
}

func (m *mutexLists) put(l lease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free[l.kind] = append(m.free[l.kind], l.b[:cap(l.b)])
}

// channelCapacity is how many buffers a channel keeps: as many as the origin's.
const channelCapacity = 16

// channels has a channel of buffers for each kind. It never waits: waiting in the middle of a batch is a deadlock.
type channels struct {
	batchless
	sizes [kinds]int
	free  [kinds]chan []byte
}

func newChannel(n need) func() lender {
	c := &channels{sizes: n.sizes}
	for k := range c.free {
		c.free[k] = make(chan []byte, channelCapacity)
	}
	return shared(c)
}

func (c *channels) get(k kind) lease {
	select {
	case b := <-c.free[k]:
		return lease{b: b[:c.sizes[k]], kind: k}
	default:
		return lease{b: make([]byte, c.sizes[k]), kind: k}
	}
}

func (c *channels) put(l lease) {
	select {
	case c.free[l.kind] <- l.b[:cap(l.b)]:
	default:
	}
}
