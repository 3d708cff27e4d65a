package rtsp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"

	"github.com/steadyframe/steadyframe/internal/testkit/leaktest"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/conn"
	"github.com/steadyframe/steadyframe/internal/server/engine"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/server/metrics"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/internal/testkit/logtest"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is a server of RTSP alone.
type fixture struct {
	*Server
	t    testing.TB
	addr string
	log  *logtest.Buffer
	tls  *tls.Config // of its clients; nil: it is plain
	stop func()      // drains
}

// start runs a server with what change changes of the defaults. When the test ends nothing may be leased or admitted any more.
func start(t testing.TB, change func(*config.Config)) *fixture { return startOver(t, nil, nil, change) }

// startOver is start with TLS.
func startOver(t testing.TB, serves, trusts *tls.Config, change func(*config.Config)) *fixture {
	t.Helper()
	c := config.Default()
	c.RTSP.Listen = "127.0.0.1:0"
	c.Live.OfflineAfter = config.Duration(2 * time.Minute) // A publisher may wait for a busy machine.
	c.Timeout.Queue = config.Duration(time.Minute)
	if change != nil {
		change(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, log: &logtest.Buffer{}, tls: trusts}
	log := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := engine.New(c, metrics.New(), nil)
	l, err := live.New(e, log)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := conn.Listen("rtsp.listen", c.RTSP.Listen, conn.Options{MaxConnections: c.Limits.MaxConnections, TLS: serves, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	who, err := auth.New(c, log)
	if err != nil {
		t.Fatal(err)
	}
	if f.Server, err = New(e, l, who, log, listener, serves != nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { l.Run(ctx) })
	serving.Go(func() {
		if err := f.Serve(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	f.stop = sync.OnceFunc(func() {
		e.Drain()
		cancel()
		cut, end := context.WithTimeout(context.Background(), 2*time.Minute)
		defer end()
		f.Shutdown(cut)
		serving.Wait()
		e.Close()
		if leaks := pooltest.Leaks(e.Pool.Stats()); leaks != "" {
			t.Errorf("got %s", leaks)
		}
		if n := listener.Open(); n != 0 {
			t.Errorf("got %d connections open, want none", n)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.sessions) != 0 {
			t.Errorf("got sessions %v counted, want none", f.sessions)
		}
	})
	t.Cleanup(f.stop)
	eventually(t, "the server accepts", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.listener != nil
	})
	return f
}

// eventually waits for what is to become true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			t.Fatalf("after a minute not yet: %s", what)
		}
		wait(time.Millisecond)
	}
}

func wait(d time.Duration) { <-time.After(d) }

// publisher makes the test the publisher of a stream.
func (f *fixture) publisher(name string) *stream.Publisher {
	f.t.Helper()
	p, err := f.live.Hub.Publish(name, stream.PublisherOptions{Source: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	return p
}

// publish publishes a copy of a JPEG, captured then.
func (f *fixture) publish(p *stream.Publisher, data []byte, captured time.Time) {
	f.t.Helper()
	b, err := f.engine.Pool.Get(len(data))
	if err != nil {
		f.t.Error(err)
		return
	}
	copy(b.Bytes(), data)
	if err := p.Publish(stream.Image{Buf: b, Captured: captured}); err != nil && !errors.Is(err, stream.ErrClosed) {
		f.t.Error(err)
	}
}

// viewers returns the viewers of a stream.
func (f *fixture) viewers(name string) []stream.ViewerInfo {
	info, _ := f.live.Hub.Info(name)
	return info.Viewers
}

// images returns n JPEGs that carry their index.
func images(t testing.TB, w, h, n int, o pipeline.Output) [][]byte {
	t.Helper()
	d := frame.Desc{Format: frame.BGR24, Width: w, Height: h}
	p, err := pipeline.Compile(pipeline.Spec{Input: d, Output: o}, nil)
	if err != nil {
		t.Fatal(err)
	}
	size, err := d.Size()
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]byte, n)
	for i := range out {
		fr, err := frame.WrapBytes(d, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		synth.Fill(&fr, synth.Index(w, h, i))
		b := pipeline.Batch{In: []frame.Frame{fr}}
		if err := p.Run(t.Context(), &b); err != nil || b.Out[0].Err != nil {
			t.Fatal(err, b.Out[0].Err)
		}
		out[i] = bytes.Clone(b.Out[0].Bytes())
		b.Release()
	}
	return out
}

// small are images for tests of anything but images.
func small(t testing.TB, n int) [][]byte { return images(t, 64, 32, n, pipeline.Output{}) }

// scanOf returns the entropy-coded bytes of a JPEG of one scan.
func scanOf(data []byte) []byte {
	at := bytes.Index(data, []byte{0xFF, 0xDA})
	scan := data[at+2+int(data[at+2])<<8+int(data[at+3]):]
	return bytes.TrimSuffix(scan, []byte{0xFF, 0xD9})
}

// url returns the URL of a stream.
func (f *fixture) url(name string) string {
	if f.tls != nil {
		return "rtsps://" + f.addr + "/" + name
	}
	return "rtsp://" + f.addr + "/" + name
}

// received is an image as a client put it together.
type received struct {
	jpeg  []byte
	stamp uint32
	ntp   time.Time // zero: no sender report has come yet
}

// player is a client that we did not write.
type player struct {
	*gortsplib.Client
	t      testing.TB
	desc   *description.Session
	images chan received
	sound  chan *pionrtp.Packet
	said   chan *rtcp.SenderReport
}

var tcp, udp = gortsplib.ProtocolTCP, gortsplib.ProtocolUDP

// player begins to play a stream, with all that it has.
func (f *fixture) player(name string, over gortsplib.Protocol) *player {
	f.t.Helper()
	p, err := f.tryPlayer(name, over)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// tryPlayer is player, or returns why it cannot.
func (f *fixture) tryPlayer(name string, over gortsplib.Protocol) (*player, error) {
	f.t.Helper()
	u, err := base.ParseURL(f.url(name))
	if err != nil {
		f.t.Fatal(err)
	}
	p := &player{
		Client: &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &over, TLSConfig: f.tls, ReadTimeout: time.Minute, InitialUDPReadTimeout: time.Minute},
		t:      f.t, images: make(chan received, 100), sound: make(chan *pionrtp.Packet, 1000), said: make(chan *rtcp.SenderReport, 100),
	}
	if err := p.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	if p.desc, _, err = p.Describe(u); err != nil {
		return nil, err
	}
	for _, m := range p.desc.Medias {
		if _, err := p.Setup(p.desc.BaseURL, m, 0, 0); err != nil {
			return nil, err
		}
		p.OnPacketRTCP(m, func(packet rtcp.Packet) {
			if r, ok := packet.(*rtcp.SenderReport); ok {
				p.said <- r
			}
		})
	}
	var video *format.MJPEG
	if m := p.desc.FindFormat(&video); m != nil {
		d, err := video.CreateDecoder()
		if err != nil {
			f.t.Fatal(err)
		}
		p.OnPacketRTP(m, video, func(packet *pionrtp.Packet) {
			data, err := d.Decode(packet)
			if errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded) || errors.Is(err, rtpmjpeg.ErrNonStartingPacketAndNoPrevious) {
				return
			}
			if err != nil {
				f.t.Errorf("depacketizer: %v", err)
				return
			}
			at, _ := p.PacketNTP(m, packet)
			p.images <- received{data, packet.Timestamp, at}
		})
	}
	var audio *format.LPCM
	if m := p.desc.FindFormat(&audio); m != nil {
		p.OnPacketRTP(m, audio, func(packet *pionrtp.Packet) { p.sound <- packet.Clone() })
	}
	if _, err := p.Play(nil); err != nil {
		return nil, err
	}
	return p, nil
}

// next returns the next image.
func (p *player) next() received {
	p.t.Helper()
	select {
	case r := <-p.images:
		return r
	case <-time.After(time.Minute):
		p.t.Fatal("no image within a minute")
		return received{}
	}
}

// wants fails the test unless an error is a response with that status, whose reason contains a text.
func wants(t testing.TB, err error, code base.StatusCode, text string) {
	t.Helper()
	var got liberrors.ErrClientBadStatusCode
	if !errors.As(err, &got) || got.Code != code || !strings.Contains(got.Message, text) {
		t.Errorf("got %v, want status %d and %q", err, code, text)
	}
}
