package rtsp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// streamName returns the name of the stream that a path stands for.
func streamName(path string) string { return strings.Trim(path, "/") }

// maxFPS is above the rate of any display.
const maxFPS = 1000

// parseFPS reads a rate in images a second; "" is 0, which is all of them.
func parseFPS(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	fps, err := strconv.ParseFloat(s, 64)
	if err != nil || !(fps > 0 && fps <= maxFPS) {
		return 0, &fault.Error{Kind: fault.Invalid, Field: "fps", Reason: fmt.Sprintf("the parameter fps: got %.80q, want images a second, above 0 and at most %d", s, maxFPS)}
	}
	return fps, nil
}

// described is what a session may receive.
type described struct {
	title string             // the stream's name
	sound stream.SoundFormat // zero: there is none
}

// lookUp returns what there is of the stream that a client asks for, or a *fault.Error.
func (s *Server) lookUp(a asked) (described, error) {
	info, err := a.id.Info(s.live.Hub, a.name)
	if err != nil {
		return described{}, refusal(err)
	}
	return described{a.name, info.Sound}, nil
}

// describe returns what a stream will send, once it is known that its images can be: it waits for one, timeouts.queue at most, for
// which the client counts as a viewer.
func (s *Server) describe(g *guarded, a asked) (described, error) {
	name := a.name
	if a.id.Sees(name) {
		s.live.Hub.Settle(g.ctx, name)
	}
	d, err := s.lookUp(a)
	if err != nil {
		return d, err
	}
	v, err := s.live.Hub.View(name, stream.ViewerOptions{Transport: "rtsp", Peer: g.peer, Owner: a.id.Owner()})
	if err != nil {
		return d, refusal(err)
	}
	defer v.Close()
	wait := time.Duration(s.engine.Config.Timeout.Queue)
	ctx, cancel := context.WithTimeout(g.ctx, wait)
	defer cancel()
	p, err := v.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return d, &fault.Error{Kind: fault.Offline, Field: "stream", RetryAfter: time.Second, Reason: fmt.Sprintf("stream %s had no image within timeouts.queue (%v)", name, wait)}
	}
	if err != nil {
		return d, refusal(err)
	}
	defer p.Release()
	var j rtp.JPEG
	if err := j.Parse(p.JPEG()); err != nil {
		return d, uncarried(name, err)
	}
	return d, nil
}

// serverStream returns d for gortsplib, which chooses the synchronization sources of its tracks.
func (d *described) serverStream(server *gortsplib.Server) (*gortsplib.ServerStream, error) {
	desc := &description.Session{Title: d.title, Medias: []*description.Media{{Type: description.MediaTypeVideo, Formats: []format.Format{&format.MJPEG{}}}}}
	if d.sound.Rate > 0 {
		desc.Medias = append(desc.Medias, &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{
			&format.LPCM{PayloadTyp: rtp.TypeL16, BitDepth: 16, SampleRate: d.sound.Rate, ChannelCount: d.sound.Channels},
		}})
	}
	st := &gortsplib.ServerStream{Server: server, Desc: desc}
	if err := st.Initialize(); err != nil {
		return nil, &fault.Error{Kind: fault.Internal, Err: err}
	}
	return st, nil
}
