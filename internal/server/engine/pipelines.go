package engine

import (
	"container/list"
	"sync"

	"github.com/steadyframe/steadyframe/pipeline"
)

// maxPipelines bounds how many compiled pipelines are kept. A pipeline that is in use lives on when it is dropped.
const maxPipelines = 64

// pipelines keeps compiled pipelines by their Spec, the least recently asked for last.
type pipelines struct {
	compile func(pipeline.Spec) (*pipeline.Pipeline, error)

	mu     sync.Mutex
	bySpec map[pipeline.Spec]*list.Element // of *pipeline.Pipeline
	recent list.List
}

func newPipelines(compile func(pipeline.Spec) (*pipeline.Pipeline, error)) *pipelines {
	return &pipelines{compile: compile, bySpec: map[pipeline.Spec]*list.Element{}}
}

// get returns the pipeline of s. Two callers who ask for a new one at the same time may both compile it; the first one
// is kept.
func (c *pipelines) get(s pipeline.Spec) (*pipeline.Pipeline, error) {
	if p := c.lookUp(s); p != nil {
		return p, nil
	}
	p, err := c.compile(s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.bySpec[s]; e != nil {
		return e.Value.(*pipeline.Pipeline), nil
	}
	c.bySpec[s] = c.recent.PushFront(p)
	if c.recent.Len() > maxPipelines {
		oldest := c.recent.Remove(c.recent.Back()).(*pipeline.Pipeline)
		delete(c.bySpec, oldest.Spec())
	}
	return p, nil
}

func (c *pipelines) lookUp(s pipeline.Spec) *pipeline.Pipeline {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.bySpec[s]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*pipeline.Pipeline)
}
