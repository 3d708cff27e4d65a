package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// do handles a message of the viewer.
func (s *session) do(m message) *fault.Error {
	at := slices.IndexFunc(s.watched, func(w *watched) bool { return w.id == m.id })
	switch {
	case m.op == opWatch && at >= 0:
		return violation("id of watch: got %d, which is watched already", m.id)
	case m.op == opWatch:
		return s.watch(m)
	case at < 0:
		// It was unwatched, or refused, while this was on its way.
	case m.op == opUnwatch:
		s.watched[at].close()
		s.watched = slices.Delete(s.watched, at, at+1)
	case m.op == opListen:
		s.watched[at].listens = true
		return s.hear(s.watched[at])
	case m.op == opMute:
		s.watched[at].listens = false
		s.watched[at].mute()
	case m.op == opAck:
		s.watched[at].acknowledge(m.seq)
	}
	return nil
}

// watch begins to watch a stream, or waits for it to exist.
func (s *session) watch(m message) *fault.Error {
	if len(s.watched) == maxWatched {
		return s.refuse(m.id, fmt.Sprintf("too many streams on one connection: got one more than %d", maxWatched))
	}
	if err := stream.CheckName(m.stream); err != nil {
		return s.refuse(m.id, fault.From(err).Error())
	}
	w := &watched{message: m, unacked: make([]stream.Image, 0, maxUnacked)}
	if f := s.join(w); f != nil {
		return s.failed(w, f)
	}
	s.watched = append(s.watched, w)
	return s.tellState(w)
}

// join makes the session a viewer of w's stream. It is no error if the stream does not exist yet.
func (s *session) join(w *watched) *fault.Error {
	v, err := s.handler.view(s.request, w.stream, stream.ViewerOptions{Transport: "websocket", MaxFPS: w.fps, Wake: s.wake})
	if f := fault.From(err); f != nil && f.Kind != fault.NotFound {
		return f
	}
	if v != nil {
		v.OnEvict(func() { _ = s.conn.Abort() }) // A write in progress ends, and with it the session.
	}
	w.viewer = v
	return nil
}

// failed tells the viewer that w cannot be watched. When the server stops, the whole session fails.
func (s *session) failed(w *watched, f *fault.Error) *fault.Error {
	if f.Kind == fault.Draining {
		return f
	}
	return s.refuse(w.id, f.Error())
}

// hear makes the session a listener of w's stream, if that has sound.
func (s *session) hear(w *watched) *fault.Error {
	if w.sound != nil {
		return nil
	}
	l, err := auth.From(s.request.Context()).Listen(s.handler.hub, w.stream, s.wake)
	if f := fault.From(err); f != nil && f.Kind != fault.NotFound {
		return s.failed(w, f)
	}
	w.sound = l
	if s.piece == nil {
		s.piece = make([]byte, soundPiece)
	}
	return nil
}

// mute ends the listening.
func (w *watched) mute() {
	if w.sound != nil {
		w.sound.Close()
		w.sound = nil
	}
}

// sendSound sends what there is of w's sound, if the viewer listens.
func (s *session) sendSound(w *watched) *fault.Error {
	for w.sound != nil {
		n, captured, err := w.sound.Read(s.piece)
		switch {
		case err != nil: // Another one may come.
			w.mute()
			return nil
		case n == 0:
			return nil
		}
		head := appendFrameHead(s.head[:0], frameBinary, soundHeadBytes+n)
		head = appendSoundHead(head, w.id, w.sound.Format(), captured.UnixMicro(), time.Now().UnixMicro())
		if err := s.conn.WriteParts(head, s.piece[:n], nil); err != nil {
			return unwritten(err)
		}
		s.sent = time.Now()
	}
	return nil
}

// anyUnknown reports whether the session waits for a stream, or the sound of one, that does not exist yet.
func (s *session) anyUnknown() bool {
	return slices.ContainsFunc(s.watched, func(w *watched) bool { return w.viewer == nil || w.listens && w.sound == nil })
}

// findUnknown joins the streams that exist by now, and their sound.
func (s *session) findUnknown() *fault.Error {
	for _, w := range slices.Clone(s.watched) {
		if w.listens {
			if f := s.hear(w); f != nil {
				return f
			}
		}
		if w.viewer != nil {
			continue
		}
		f := s.join(w)
		if f != nil {
			s.watched = slices.DeleteFunc(s.watched, func(other *watched) bool { return other == w })
			f = s.failed(w, f)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// acknowledge notes that the image seq is painted or thrown away, and with it those before.
func (w *watched) acknowledge(seq uint64) {
	n := 0
	for n < len(w.unacked) && w.unacked[n].Seq < seq {
		n++
	}
	if n < len(w.unacked) && w.unacked[n].Seq == seq { // That one alone: a repeat has the same number.
		n++
	}
	for i := range n {
		w.viewer.Delivered(&w.unacked[i])
	}
	w.unacked = append(w.unacked[:0], w.unacked[n:]...)
}

// tellState tells the viewer the state of w's stream.
func (s *session) tellState(w *watched) *fault.Error {
	w.told = stateMessage{Op: "state", ID: w.id, Stream: w.stream, State: "unknown"}
	if w.viewer != nil {
		w.told.State = w.viewer.State().String()
		info, _ := s.handler.hub.Info(w.stream)
		w.told.Width, w.told.Height = info.Width, info.Height
	}
	return s.tell(w.told)
}

// refuse tells the viewer why no stream is watched as id.
func (s *session) refuse(id uint32, reason string) *fault.Error {
	return s.tell(errorMessage{Op: "error", ID: id, Reason: reason})
}

// tell sends a text message.
func (s *session) tell(v any) *fault.Error {
	data, err := json.Marshal(v)
	if err != nil {
		return &fault.Error{Kind: fault.Internal, Err: err}
	}
	if err := s.conn.WriteParts(appendFrameHead(s.head[:0], frameText, len(data)), data, nil); err != nil {
		return unwritten(err)
	}
	return nil
}
