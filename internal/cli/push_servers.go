package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// pushServers are the servers of a run, of which one gets the stream. When that is lost the next one does, in turn: at once, unless none
// can be reached, and for good until it is lost itself. The goroutine of the connections uses it; place is for all.
type pushServers struct {
	left     []*PushTarget // that have not refused the stream
	at       int           // which of them has the stream, or is to get it
	tried    int           // how many failed in turn
	refusals pushRefusals  // of those that refused it
	told     map[*PushTarget]bool
	place    atomic.Pointer[pushPlace]
}

// pushPlace is where a stream is.
type pushPlace struct {
	*PushTarget
	ctx   context.Context // ends when the stream goes to another server
	leave context.CancelFunc
}

func newPushServers(targets []*PushTarget) *pushServers {
	s := &pushServers{left: slices.Clone(targets), told: map[*PushTarget]bool{}}
	s.move()
	return s
}

// pushRefusals are why no server takes a stream.
type pushRefusals []error

func (e pushRefusals) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return "no server takes the stream: " + strings.Join(texts, "; ")
}

// Unwrap is for errors.As.
func (e pushRefusals) Unwrap() []error { return e }

// several reports whether messages have to say which server they are about.
func (s *pushServers) several() bool { return len(s.left)+len(s.refusals) > 1 }

// move says where the stream is.
func (s *pushServers) move() {
	old := s.place.Load()
	if old != nil && old.PushTarget == s.left[s.at] {
		return
	}
	p := &pushPlace{PushTarget: s.left[s.at]}
	p.ctx, p.leave = context.WithCancel(context.Background())
	s.place.Store(p)
	if old != nil {
		old.leave()
	}
}

// next goes to the next server. It reports whether that was not tried yet since all of them failed: otherwise it is to be left in peace for
// a while.
func (s *pushServers) next() bool {
	s.at = (s.at + 1) % len(s.left)
	s.tried = (s.tried + 1) % len(s.left)
	s.move()
	return s.tried > 0
}

// steady says that a connection held, so that others are asked at once when it is lost.
func (s *pushServers) steady() { s.tried = 0 }

// refuse leaves the present server out, which refuses the stream for good. The error is that of the run, where no server is left, or where
// another publisher has the stream: on other servers that would be the same, or the two would take it from each other for ever.
func (s *pushServers) refuse(why *PushRefusedError) error {
	if !s.several() {
		return why
	}
	why.server = s.left[s.at].String()
	if why.code == http.StatusConflict {
		return why
	}
	s.refusals = append(s.refusals, why)
	s.left = slices.Delete(s.left, s.at, s.at+1)
	if len(s.left) == 0 {
		return s.refusals
	}
	s.at %= len(s.left)
	s.tried = min(s.tried, len(s.left)-1)
	s.move()
	return nil
}

// noticeLost tells of a connection that ended, once of each server until there is another. another says that the next one is tried at once.
func (r *pushRun) noticeLost(from *PushTarget, err error, another bool) {
	first := r.lost.IsZero()
	if first {
		r.lost = time.Now()
	}
	name, again := "the server", "trying again"
	if r.servers.several() {
		name = from.String()
	}
	if another {
		again = "trying " + r.servers.place.Load().String()
	}
	if r.servers.told[from] {
		return
	}
	r.servers.told[from] = true
	what := "cannot reach " + from.String()
	switch {
	case r.meter.frames.Load() > 0 && first:
		what = "lost " + name
	case !r.servers.several():
		what += " yet"
	}
	r.notice("%s (%s): %s", what, from.reachError(err), again)
}

// noticeFound tells of the first connection after one that was lost.
func (r *pushRun) noticeFound() {
	took := time.Since(r.lost).Round(100 * time.Millisecond)
	what := "connected again"
	if r.servers.several() {
		what = "connected to " + r.servers.place.Load().String()
	}
	r.notice("%s after %s", what, took)
	r.lost = time.Time{}
	clear(r.servers.told)
}

// ParsePushTargets returns a stream on each of several servers: see ParsePushTarget. One of the URLs may name it for all. The error is a
// *UsageError.
func ParsePushTargets(urls []string, name, input string) (targets []*PushTarget, err error) {
	named := ""
	for _, u := range urls {
		t, err := ParsePushTarget(u, name, input)
		if err != nil {
			return nil, err
		}
		for _, other := range targets {
			if other.base.String() == t.base.String() && other.socket == t.socket {
				return nil, usagef("the server %s is given twice: want each once", t)
			}
		}
		if t.named {
			if named != "" && named != t.Stream {
				return nil, usagef("the URLs name the streams %s and %s: want one name", named, t.Stream)
			}
			named = t.Stream
		}
		targets = append(targets, t)
	}
	if named != "" {
		for _, t := range targets {
			t.Stream = named
		}
	}
	return targets, nil
}

// TrustAll is Trust of those of the servers that are asked over HTTPS, of which there must be one where something is to be trusted.
func TrustAll(targets []*PushTarget, ca string, insecure bool) error {
	secure := slices.DeleteFunc(slices.Clone(targets), func(t *PushTarget) bool { return t.base.Scheme != "https" })
	if len(secure) == 0 {
		secure = targets[:1] // which says what is wrong
	}
	for _, t := range secure {
		if err := t.Trust(ca, insecure); err != nil {
			return err
		}
	}
	return nil
}
