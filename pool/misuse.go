package pool

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// A MisuseKind says how a Buf was misused.
type MisuseKind int

const (
	// UseAfterRelease: a method other than Release, of a handle that was released.
	UseAfterRelease MisuseKind = iota
	// ReleasedTwice: a second Release of one handle.
	ReleasedTwice
	// WriteAfterRelease: idle memory changed, through a slice kept from Bytes.
	WriteAfterRelease
	// Leaked: a handle was not released.
	Leaked
)

// A Misuse is one mistake that a checked pool found, with the stacks that lead to it. It is an error, and the value of the
// panics of a stale Buf.
type Misuse struct {
	Kind    MisuseKind
	Size    int      // of the buffer: its class
	Holders []Holder // the holder of the handle, and then Get's; for WriteAfterRelease and Leaked all of the lease, Get's first if it is one
	At      Stack    // of the misuse itself; empty where it was found later

	// Of WriteAfterRelease.
	Offset  int  // the first byte that changed
	Value   byte // what it is now
	Changed int  // how many changed

	how string // of Leaked
}

// A Holder had a handle of a buffer, from Get or Retain to its Release.
type Holder struct {
	Retained bool  // by Retain, else by Get
	Got      Stack // of Get or Retain; empty when the lease was not watched (Check.Leaks)
	Released Stack // empty while held
}

const (
	msgOpen = "not released"
	msgLost = "dropped without Release"
)

// Error returns a line that says what happened, and then the stacks.
func (m *Misuse) Error() string {
	var s strings.Builder
	switch m.Kind {
	case UseAfterRelease:
		s.WriteString(msgStale)
	case ReleasedTwice:
		s.WriteString(msgTwice)
	case WriteAfterRelease:
		fmt.Fprintf(&s, "pool: write after Release: byte %d of %d: got %#x, want %#x; %d bytes changed",
			m.Offset, m.Size, m.Value, fill, m.Changed)
	case Leaked:
		fmt.Fprintf(&s, "pool: Buf of %d bytes %s", m.Size, m.how)
	}
	m.At.write(&s, "here")
	for _, h := range m.Holders {
		h.Released.write(&s, "Release")
		if h.Retained {
			h.Got.write(&s, "Retain")
		} else {
			h.Got.write(&s, "Get")
		}
	}
	if len(m.Holders) == 0 {
		s.WriteString("\n  (its Get and Release are longer ago than what is kept)")
	}
	return s.String()
}

// add adds a holder, unless h is nil.
func (m *Misuse) add(h *holding) {
	if h != nil {
		m.Holders = append(m.Holders, Holder{Retained: h.retained, Got: h.got.stack(), Released: h.released.stack()})
	}
}

// A Stack is where a goroutine was, the innermost call first, as runtime.Callers has it.
type Stack []uintptr

// stack returns a copy of t.
func (t *trace) stack() Stack { return slices.Clone(t.pcs[:t.n]) }

// Frames returns the calls of s, without those inside this package that lead it, and without the runtime's that end it.
func (s Stack) Frames() []runtime.Frame {
	var out []runtime.Frame
	frames := runtime.CallersFrames(s)
	for more := len(s) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		inside := len(out) == 0 && strings.HasPrefix(f.Function, packagePrefix) && !strings.HasSuffix(f.File, "_test.go")
		if !inside && f.Function != "runtime.goexit" && f.Function != "runtime.main" {
			out = append(out, f)
		}
	}
	return out
}

// packagePrefix begins the names of this package's functions.
const packagePrefix = "github.com/steadyframe/steadyframe/pool."

// write adds s, if it is not empty, under a heading.
func (s Stack) write(to *strings.Builder, heading string) {
	if len(s) == 0 {
		return
	}
	fmt.Fprintf(to, "\n  %s at:", heading)
	for _, f := range s.Frames() {
		fmt.Fprintf(to, "\n    %s\n        %s:%d", f.Function, f.File, f.Line)
	}
}
