package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// Nodes speak in JSON, so that people can listen with the tools of NATS. The subject names who speaks, and the message nobody else:
//
//	steadyframe.CLUSTER.node.FROM     to all: alive, changes of its streams, or that it leaves
//	steadyframe.CLUSTER.ask.TO.FROM   asks a node for all its streams; the message is empty
//	steadyframe.CLUSTER.list.TO.FROM  how it is, and all its streams, in parts, to one that asked or has just come
//
// In names of nodes and clusters "," stands for ".", since a subject is words with dots between them.

const (
	// MostMessage bounds the bytes of a message. NATS takes 1 MB by default.
	MostMessage = 64 << 10
	// fullMessage is how full a message is made: an entry takes less than the rest.
	fullMessage = MostMessage - 1<<10
	// mostText bounds texts for display: formats and versions.
	mostText = 64
	// mostReason bounds why a server does not respond.
	mostReason = 300
)

// message is what one node says.
type message struct {
	Instance uint64         `json:"instance"`           // of the process that speaks: a node that starts again has another one
	Revision uint64         `json:"revision"`           // of its streams: after the changes of this message, or of this list
	Alive    *aliveMessage  `json:"alive,omitempty"`    // how it is
	Change   *changeMessage `json:"change,omitempty"`   // what has changed since Revision-1
	List     *listMessage   `json:"list,omitempty"`     // all its streams
	Leaving  bool           `json:"leaving,omitempty"`  // it is no node any more
	Greeting bool           `json:"greeting,omitempty"` // it has just come: others send what they have
}

type aliveMessage struct {
	Address   string `json:"address"`
	Version   string `json:"version,omitempty"`
	Started   int64  `json:"started_ms"` // since the Unix epoch
	Viewers   int    `json:"viewers,omitempty"`
	Pulls     int    `json:"pulls,omitempty"`
	Streams   int    `json:"streams,omitempty"`
	QueueWait int64  `json:"queue_wait_us,omitempty"`
	Draining  bool   `json:"draining,omitempty"`
}

type changeMessage struct {
	Set  []streamMessage `json:"set,omitempty"`
	Gone []string        `json:"gone,omitempty"` // names
}

type listMessage struct {
	Part  int             `json:"part"` // counts from 0
	Parts int             `json:"parts"`
	Set   []streamMessage `json:"set,omitempty"`
}

type streamMessage struct {
	Name    string  `json:"name"`
	Epoch   int64   `json:"epoch"`
	Format  string  `json:"format,omitempty"`
	FPS     float64 `json:"fps,omitempty"`
	Viewers int     `json:"viewers,omitempty"`
	Online  bool    `json:"online,omitempty"`
	Sound   bool    `json:"sound,omitempty"`
	Fixed   bool    `json:"fixed,omitempty"`
}

// errMessage is why a message is wrong.
var errMessage = errors.New("cluster: wrong message")

// parse reads a message and checks all of it.
func parse(data []byte) (m message, err error) {
	wrong := func(what string, args ...any) (message, error) {
		return message{}, fmt.Errorf("%w: %s", errMessage, fmt.Sprintf(what, args...))
	}
	if len(data) > MostMessage {
		return wrong("got %d bytes, want at most %d", len(data), MostMessage)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return wrong("%v", err)
	}
	if a := m.Alive; a != nil {
		if err := config.CheckAddress(a.Address); err != nil {
			return wrong("address: %v", err)
		}
		if a.Viewers < 0 || a.Pulls < 0 || a.Streams < 0 || a.QueueWait < 0 || a.QueueWait > math.MaxInt64/int64(time.Microsecond) {
			return wrong("got a count below 0, or a wait above what there is")
		}
		a.Version = text(a.Version)
	}
	if l := m.List; l != nil && (l.Parts < 1 || l.Part < 0 || l.Part >= l.Parts || l.Parts > mostOfNode) {
		return wrong("got part %d of %d, want parts from 0 on, %d at most", l.Part, l.Parts, mostOfNode)
	}
	for _, set := range m.sets() {
		for i := range set {
			s := &set[i]
			if err := stream.CheckName(s.Name); err != nil {
				return wrong("%v", err)
			}
			if s.Epoch < 0 || s.Epoch > mostEpoch || s.Viewers < 0 || !(s.FPS >= 0 && s.FPS <= math.MaxInt32) {
				return wrong("stream %s: got a number out of bounds", s.Name)
			}
			s.Format = text(s.Format)
		}
	}
	if m.Change != nil {
		for _, name := range m.Change.Gone {
			if err := stream.CheckName(name); err != nil {
				return wrong("%v", err)
			}
		}
	}
	return m, nil
}

// mostEpoch bounds epochs, which are times, so that there is always a higher one.
const mostEpoch = math.MaxInt64 - 1<<32

// sets returns the streams of m.
func (m *message) sets() (sets [][]streamMessage) {
	if m.Change != nil {
		sets = append(sets, m.Change.Set)
	}
	if m.List != nil {
		sets = append(sets, m.List.Set)
	}
	return sets
}

// text returns s for display: short, and without what is no character to see.
func text(s string) string { return shown(s, mostText) }

func shown(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7e {
			return -1
		}
		return r
	}, s)
}

// encode returns the bytes of m.
func (m *message) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic("cluster: a message has no JSON") // Numbers are finite: own.go sees to that.
	}
	return data
}

func (s streamMessage) stream() Stream {
	return Stream{Name: s.Name, Epoch: s.Epoch, Format: s.Format, FPS: s.FPS, Viewers: s.Viewers, Online: s.Online, Sound: s.Sound, Fixed: s.Fixed}
}

// bytes bounds the length of s in a message.
func (s streamMessage) bytes() int { return 190 + len(s.Name) + 6*len(s.Format) }

// subjects are those of one node.
type subjects struct{ prefix, self string }

func subjectsOf(cluster, self string) subjects {
	return subjects{prefix: "steadyframe." + word(cluster) + ".", self: word(self)}
}

// word returns a name as a word of a subject.
func word(name string) string { return strings.ReplaceAll(name, ".", ",") }

// heard are the subjects that a node listens to.
func (s subjects) heard() []string {
	return []string{s.prefix + "node.*", s.prefix + "ask." + s.self + ".*", s.prefix + "list." + s.self + ".*"}
}

func (s subjects) all() string           { return s.prefix + "node." + s.self }
func (s subjects) ask(to string) string  { return s.prefix + "ask." + word(to) + "." + s.self }
func (s subjects) list(to string) string { return s.prefix + "list." + word(to) + "." + s.self }

// kind is what a subject says.
type kind int

const (
	unknown kind = iota
	toAll
	ask
	list
)

// parse returns what a subject says, and who speaks.
func (s subjects) parse(subject string) (k kind, from string) {
	rest, ok := strings.CutPrefix(subject, s.prefix)
	if !ok {
		return unknown, ""
	}
	if k, from = toAll, strings.TrimPrefix(rest, "node."); from == rest {
		if k, from = ask, strings.TrimPrefix(rest, "ask."+s.self+"."); from == rest {
			if k, from = list, strings.TrimPrefix(rest, "list."+s.self+"."); from == rest {
				return unknown, ""
			}
		}
	}
	if strings.Contains(from, ".") {
		return unknown, ""
	}
	from = strings.ReplaceAll(from, ",", ".")
	if config.CheckNodeName(from) != nil {
		return unknown, ""
	}
	return k, from
}
