package uses

import "sync"

type hub struct {
	workers sync.Pool
	log     func(any)
	count   int
}

// worker has its hub for life. Its names are its own, and its task changes.
type worker struct {
	hub   *hub
	names *[]string
	task  func()
}

func newHub() *hub {
	h := &hub{log: func(any) {}}
	h.workers.New = func() any { return &worker{hub: h, names: new([]string)} }
	return h
}

func (h *hub) start(task func()) {
	w := h.workers.Get().(*worker)
	w.task = task
	w.run()
}

// run reads after the Put what does not change.
func (w *worker) run() {
	defer func() {
		w.hub.workers.Put(w)
		if p := recover(); p != nil {
			w.hub.log(p)
		}
		w.hub.count--
	}()
	w.task()
}

func (h *hub) wrong(task func()) {
	w := h.workers.Get().(*worker)
	w.task = task
	h.workers.Put(w)
	w.task() // want `use of a value after it was put back`
}

func (h *hub) owned() {
	w := h.workers.Get().(*worker)
	h.workers.Put(w)
	*w.names = nil // want `use of a value after it was put back`
}
