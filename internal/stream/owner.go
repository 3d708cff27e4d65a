package stream

// An owner is a client as far as limits of Options know it: whoever has the same Owner in the options of publishers and viewers.
// The empty one is not limited.

// watcher is what an owner's places are counted by: as a viewer, or as a listener.
type watcher struct {
	owner   string
	listens bool
}

// admitPublisher returns a *LimitError when an owner already has as many streams beside the one of that name as it may. A stream is
// of who last became its publisher, of images or of sound. Those that make room for others are not counted, nor are those of Add,
// which take nobody's place. h.mu is held.
func (h *Hub) admitPublisher(owner, name string) error {
	most := h.o.MaxStreamsPerOwner
	if owner == "" || most == 0 {
		return nil
	}
	if i, ok := h.search(name); ok && h.streams[i].kept {
		return nil
	}
	n := 0
	for _, s := range h.streams {
		if s.owner != owner || s.kept || s.name == name {
			continue
		}
		if _, idle := s.idleSince(); !idle {
			n++
		}
	}
	if n >= most {
		return &LimitError{Limit: "streams_per_identity", Max: most}
	}
	return nil
}

// admitWatcher counts a viewer or listener until departed, or returns a *LimitError when its owner has as many as it may. h.mu is
// held.
func (h *Hub) admitWatcher(w watcher) error {
	if w.owner == "" {
		return nil
	}
	if most := h.o.MaxViewersPerOwner; most > 0 && h.watchers[w] >= most {
		return &LimitError{Limit: "viewers_per_identity", Max: most}
	}
	if h.watchers == nil {
		h.watchers = map[watcher]int{}
	}
	h.watchers[w]++
	return nil
}

// departed ends what admitWatcher began. h.mu is held.
func (h *Hub) departed(w watcher) {
	if w.owner == "" {
		return
	}
	if h.watchers[w]--; h.watchers[w] == 0 {
		delete(h.watchers, w)
	}
}
