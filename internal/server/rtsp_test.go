package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// A whole server serves RTSP at rtsp.listen, counts its viewers and connections, and ends them when it stops.
func TestRTSP(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.RTSP.Listen = "127.0.0.1:0"
		c.Streams = config.Streams{"cam1": {Source: "testsrc:320x240@25"}}
	})
	u, err := base.ParseURL("rtsp" + strings.TrimPrefix(scheme, "http") + "://" + s.Addrs().RTSP + "/cam1")
	if err != nil {
		t.Fatal(err)
	}
	over := gortsplib.ProtocolTCP
	c := gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &over, TLSConfig: clientTLS, ReadTimeout: time.Minute}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	images := make(chan struct{}, 100)
	c.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *rtp.Packet) {
		if p.Marker {
			select {
			case images <- struct{}{}:
			default:
			}
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-images
	}
	eventually(t, "metrics know the viewer", func() bool {
		_, metrics := s.admin(t, "/metrics")
		return strings.Contains(metrics, `steadyframe_viewers{transport="rtsp"} 1`) && strings.Contains(metrics, `steadyframe_connections{listener="rtsp"} 1`)
	})
	s.stop()
	if err := c.Wait(); err == nil {
		t.Error("the session has not ended")
	}
}
