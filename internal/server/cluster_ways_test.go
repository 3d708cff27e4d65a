package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/coder/websocket"
	"github.com/pion/rtp"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/clusterbus"
)

// ways are the ways to view or hear a stream: each waits until the node gives it images, or sound, of the stream of that name, which it is
// the first to ask for.
var ways = map[string]func(t *testing.T, n *node, name string){
	"grpc": func(t *testing.T, n *node, name string) {
		var image client.LiveImage
		w := watch(t, n.dial(t), name, nil)
		defer w.Close()
		for !bytes.HasPrefix(image.Data, []byte("\xff\xd8")) || image.Offline {
			if err := w.Next(&image); err != nil {
				t.Fatal(err)
			}
		}
	},
	"listen": func(t *testing.T, n *node, name string) {
		l, err := n.dial(t).Listen(timeout(t), name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var piece client.LiveSound
		if err := l.Next(&piece); err != nil || piece.SoundFormat.Rate != 16000 || len(piece.PCM) == 0 {
			t.Errorf("got %+v, %v", piece.SoundFormat, err)
		}
	},
	"snapshot": func(t *testing.T, n *node, name string) {
		n.begins(t, "/snapshot/"+name+".jpg", "\xff\xd8\xff", 100)
	},
	"mjpeg": func(t *testing.T, n *node, name string) {
		n.begins(t, "/stream/"+name+".mjpg", "--", 5000)
	},
	"record": func(t *testing.T, n *node, name string) { // Matroska names its tracks: of images, and of sound.
		body := n.begins(t, "/v1/streams/"+name+"/record?seconds=1", "\x1a\x45\xdf\xa3", 5000)
		if !bytes.Contains(body, []byte("V_MJPEG")) || !bytes.Contains(body, []byte("A_PCM/INT/LIT")) {
			t.Error("the recording has not both images and sound")
		}
	},
	"wav": func(t *testing.T, n *node, name string) {
		n.begins(t, "/sound/"+name+".wav", "RIFF", 2000)
	},
	"websocket": func(t *testing.T, n *node, name string) {
		ws := n.socket(t, "", nil)
		ws.SetReadLimit(1 << 20)
		for _, say := range []string{`{"op":"watch","stream":"` + name + `","id":1}`, `{"op":"listen","id":1}`} {
			if err := ws.Write(timeout(t), websocket.MessageText, []byte(say)); err != nil {
				t.Fatal(err)
			}
		}
		kinds := map[uint16]bool{} // by the length of the head: of images, and of sound
		for len(kinds) < 2 {
			kind, message, err := ws.Read(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			if kind == websocket.MessageBinary {
				kinds[binary.BigEndian.Uint16(message[2:])] = true
			}
		}
	},
	"rtsp": func(t *testing.T, n *node, name string) {
		u, err := base.ParseURL("rtsp://" + n.Addrs().RTSP + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		over := gortsplib.ProtocolTCP
		c := gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &over, ReadTimeout: time.Minute}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		desc, _, err := c.Describe(u)
		if err != nil {
			t.Fatal(err)
		}
		if len(desc.Medias) != 2 {
			t.Errorf("got %d medias, want images and sound", len(desc.Medias))
		}
		if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
			t.Fatal(err)
		}
		got := make(chan description.MediaType, 1000)
		c.OnPacketRTPAny(func(m *description.Media, _ format.Format, _ *rtp.Packet) {
			select {
			case got <- m.Type:
			default:
			}
		})
		if _, err := c.Play(nil); err != nil {
			t.Fatal(err)
		}
		for seen := map[description.MediaType]bool{}; len(seen) < 2; {
			seen[<-got] = true
		}
	},
}

// begins checks how the body at a path begins, and returns so much of it.
func (n *node) begins(t *testing.T, path, want string, size int) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(timeout(t), http.MethodGet, scheme+"://"+n.Addrs().HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := n.httpClient()
	defer c.CloseIdleConnections()
	resp, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := make([]byte, size)
	if _, err := io.ReadFull(resp.Body, body); err != nil || resp.StatusCode != http.StatusOK || !bytes.HasPrefix(body, []byte(want)) {
		t.Errorf("%s: got %s, %.80q, %v, want %q", path, resp.Status, body, err, want)
	}
	return body
}

// TestWaysToViewAnotherNode: every way to view shows streams of another node, also when it is the first to ask there.
func TestWaysToViewAnotherNode(t *testing.T) {
	t.Parallel()
	bus := &clusterbus.Bus{}
	a := startNode(t, bus, "a", func(c *server.Config) {
		c.Streams = config.Streams{}
		for name := range ways {
			c.Streams[name] = config.Stream{Source: "testsrc:160x96@10"}
		}
	})
	b := startNode(t, bus, "b", func(c *server.Config) { c.RTSP.Listen = "127.0.0.1:0" })
	speaking, stop := context.WithCancel(timeout(t))
	defer stop()
	for name := range ways {
		p, err := a.c.PublishSound(speaking, name, client.SoundFormat{Rate: 16000}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for piece := make([]byte, 640); p.Send(piece) == nil; {
				piece[0]++
			}
		}()
	}
	for name := range ways {
		eventually(t, "b knows "+name+" and its sound", func() bool { s, ok := b.Directory().Find(name); return ok && s.Sound && s.Online })
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) { way(t, b, name) })
	}
	eventually(t, "all pulls to end", func() bool {
		for name := range ways {
			if len(a.edges(t, name)) > 0 {
				return false
			}
		}
		_, metrics := b.admin(t, "/metrics")
		return strings.Contains(metrics, "\nsteadyframe_pulls 0\n")
	})
}
