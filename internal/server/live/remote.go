package live

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/camera"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// linger is how long images are still asked for after the last viewer has left: one that loads the page again finds them.
	linger = 3 * time.Second
	// lookAgain is how often the other server is asked for one image while nobody watches: it shows whether the stream is online.
	lookAgain = 10 * time.Second
	// soundAgain is how often it is asked for sound while it has none.
	soundAgain = 2 * time.Second
	// clocksApart is how far the clocks of two servers may be apart. Beyond that, images and sound have the time at which they came.
	clocksApart = time.Minute
	// mostRemote bounds a JPEG, which is in memory beside the budget until it is copied.
	mostRemote = 32 << 20
)

// remote is a stream of another server that is shown here: one Watch there for all viewers here, and none while there are no
// viewers. Images are passed on with the time at which they were captured.
type remote struct {
	live   *Live
	log    *slog.Logger
	name   string // of the stream here
	there  string // and on the other server
	target string // where that is, for messages
	pulls  *client.Pull
	client *client.Client
	out    *Publisher
	sound  func() bool                         // whether sound is wanted
	online func(ctx context.Context)           // called when an image has come after none
	first  func(image *client.LiveImage) error // called with the first image of a call; nil: not
	heard  func(err error)                     // called when sound has come, with nil, or has ended; nil: not
	opened func()                              // called when the other server has the stream; nil: not
	came   func()                              // called with each image, or repeat; nil: not

	image   client.LiveImage
	lived   bool // images have come since it was lost
	offline bool // the other server says that its source is lost
	dropped bool // the last image was not passed on
}

// remote feeds the stream from another server, until ctx ends or that is lost.
func (s *source) remote(ctx context.Context, from config.RemoteSource) error {
	c, err := s.dial(from)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := s.live.prepare(ctx, s.name, Settings{JPEG: true})
	if err != nil {
		return err
	}
	p.lent, p.came = true, make(chan struct{}, 1)
	if err := p.start(s.out); err != nil {
		p.encoder.close()
		return err
	}
	defer p.Close()
	r := &remote{
		live: s.live, log: s.log, name: s.name, there: from.Stream, target: from.Target, client: c, out: p,
		sound: func() bool { return s.settings.Sound },
		online: func(ctx context.Context) {
			s.out.Describe(p.encoder.format())
			s.logOnline(ctx, p.encoder.format())
		},
	}
	for {
		if err := r.pull(ctx); err != nil {
			if ctx.Err() == nil && r.out.Err() == nil {
				s.live.engine.Metrics.PullFailed()
			}
			return r.lost(err)
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
}

// dial returns a client of the other server.
func (s *source) dial(from config.RemoteSource) (*client.Client, error) {
	o := &client.Options{
		Token:            from.Token,
		MaxResponseBytes: min(int(s.live.engine.Config.Limits.MaxMessageBytes), mostRemote),
		Dial: []grpc.DialOption{
			conn.PingServers(),
			grpc.WithStaticStreamWindowSize(1 << 20), grpc.WithStaticConnWindowSize(2 << 20),
		},
	}
	if from.TLS {
		o.TLS = &tls.Config{InsecureSkipVerify: s.settings.Insecure}
		if s.settings.CA != "" {
			roots, err := camera.RootsWith(s.settings.CA)
			if err != nil {
				return nil, err
			}
			o.TLS.RootCAs = roots
		}
	}
	return client.Dial(from.Target, o)
}

// lost returns why the other server gives no images, in its own words, without this side's token.
func (r *remote) lost(err error) error {
	var e *client.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s", r.target, e.Reason)
	}
	return err
}

// pull passes images on until nobody has watched for a while; where nobody does, it takes one. The error is that of the other
// server, of ctx, or a *fault.Error.
func (r *remote) pull(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	w, err := r.client.Watch(ctx, r.there, &client.WatchOptions{Pull: r.pulls})
	if err != nil {
		cancel()
		return err
	}
	if r.opened != nil {
		r.opened()
	}
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel()
	defer w.Close()
	var watched time.Time // the last time
	if r.pulls != nil {   // Somebody has asked for the stream, and may be about to watch or to listen.
		watched = time.Now()
		listening.Go(func() { r.listen(ctx) })
	}
	for first := true; ; first = false {
		if err := w.Next(&r.image); err != nil {
			return err
		}
		if r.came != nil {
			r.came()
		}
		if first && r.first != nil {
			if err := r.first(&r.image); err != nil {
				return err
			}
		}
		if r.out.out.Wants() {
			if watched.IsZero() {
				if r.pulls == nil { // Of a cluster, pull counts them, and listens from the beginning.
					m := r.live.engine.Metrics
					m.PullBegan(1)
					defer m.PullEnded(1)
					listening.Go(func() { r.listen(ctx) })
				}
			}
			watched = time.Now()
		}
		if err := r.take(ctx); err != nil {
			return err
		}
		if time.Since(watched) > linger {
			return nil
		}
	}
}

// take passes the image on that has come. The error is final.
func (r *remote) take(ctx context.Context) error {
	i := &r.image
	r.live.engine.Metrics.Pulled(len(i.Data) + len(i.Alpha))
	if i.Offline {
		if !r.offline {
			r.offline = true
			r.out.out.Gone()
		}
		return r.out.Err() // This server draws an image of its own, in time.
	}
	r.offline = false
	if !r.lived {
		r.lived = true
		r.online(ctx)
	}
	at := captured(i.Captured)
	if !i.Repeat {
		age := time.Since(at)
		r.live.engine.Metrics.Arrived(age)
		r.out.out.Came(age)
	}
	switch {
	case !r.out.Watched():
		r.dropped = true
		return r.out.unseen()
	case i.Repeat && !r.dropped:
		return r.out.unchanged()
	}
	n := len(i.Data) + len(i.Alpha)
	err := r.out.Admit(n)
	var buf pool.Buf
	if err == nil {
		buf, err = r.live.engine.Pool.Get(n)
	}
	if err != nil {
		r.dropped = true
		_ = pause.For(ctx, breath)
		return r.out.Lost(stream.NoMemory)
	}
	r.dropped = false
	copy(buf.Bytes()[copy(buf.Bytes(), i.Data):], i.Alpha)
	return r.out.layers(buf, len(i.Alpha), at)
}

// captured returns t, the time of another server's clock, or now where that is out of bounds.
func captured(t time.Time) time.Time {
	if now := time.Now(); t.Sub(now).Abs() > clocksApart {
		return now
	}
	return t
}

// rest waits for a viewer, or until it is time to look again. The stream is online meanwhile, if it was, as long as there is a
// connection.
func (r *remote) rest(ctx context.Context) error {
	r.out.out.Skip() // What a viewer sees first is not old.
	again := time.NewTimer(lookAgain)
	defer again.Stop()
	pulse := time.NewTicker(max(time.Duration(r.live.engine.Config.Live.OfflineAfter)/3, time.Millisecond))
	defer pulse.Stop()
	connection, _ := r.client.Conn().(*grpc.ClientConn)
	for !r.out.Watched() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.out.Done():
			return r.out.Err()
		case <-again.C:
			return nil
		case <-r.out.came:
		case <-pulse.C:
			if connection != nil && connection.GetState() != connectivity.Ready {
				return fmt.Errorf("%s: the connection broke", r.target)
			}
			if !r.offline {
				if err := r.out.unchanged(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// listen passes the sound on until ctx ends. Where there is none, it asks again.
func (r *remote) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if r.sound() {
			err := r.hear(ctx)
			if err != nil {
				r.log.Debug("source has no sound now", "err", r.lost(err))
			}
			if r.heard != nil {
				r.heard(err)
			}
		}
		_ = pause.For(ctx, soundAgain)
	}
}

// hear passes the sound on until it ends, or has another format.
func (r *remote) hear(ctx context.Context) error {
	l, err := r.client.Listen(ctx, r.there)
	if err != nil {
		return err
	}
	defer l.Close()
	var piece client.LiveSound
	if err := l.Next(&piece); err != nil {
		return err
	}
	f := piece.SoundFormat
	out, err := r.live.Sound(ctx, r.name, stream.SoundFormat{Rate: f.Rate, Channels: f.Channels})
	if err != nil {
		return err
	}
	defer out.Close()
	if r.heard != nil {
		r.heard(nil)
	}
	for piece.SoundFormat == f {
		if moment := 2 * out.Format().Channels; len(piece.PCM)%moment != 0 {
			return fmt.Errorf("got %d bytes of sound, want a multiple of %d", len(piece.PCM), moment)
		}
		out.Pace(ctx, r.live.engine.Draining())
		if err := out.Publish(piece.PCM, captured(piece.Captured)); err != nil {
			return err
		}
		if err := l.Next(&piece); err != nil {
			return err
		}
	}
	return nil
}
