package rtsp

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/internal/stream"
)

// tls returns the state of the connection's TLS, nil without.
func (g *guarded) tls() *tls.ConnectionState {
	c, ok := g.Hijacked.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := c.ConnectionState()
	return &state
}

// addr returns the address of the client.
func (g *guarded) addr() netip.Addr {
	a := g.RemoteAddr().(*net.TCPAddr).AddrPort().Addr() // The listener is one of TCP.
	return a.Unmap()
}

// session is what a client has set up. gortsplib calls its methods one at a time.
type session struct {
	server    *Server
	gortsplib *gortsplib.ServerSession
	peer      string
	g         *guarded // of the client that began it; over TCP, all goes over this one

	counted bool // in Server.sessions
	asked
	described
	stream   *gortsplib.ServerStream // nil until it is set up
	protocol gortsplib.Protocol
	video    track
	audio    track
	clock    stream.Clock // of all that it is sent, over pauses too

	now  *play           // nil while nothing is sent
	last <-chan struct{} // closed when what was sent before has ended; nil: there was none
}

// track is a track of a session.
type track struct {
	rtp.Track
	set     bool           // whether the client has set it up
	channel int            // of RTP on the connection; that of RTCP is the next
	rtp     netip.AddrPort // of the client, over UDP
	rtcp    netip.AddrPort

	reported time.Time // when the last sender report was sent
}

// setUp sets up a session for what its client asks for, if this is its first track.
func (x *session) setUp(a asked, protocol gortsplib.Protocol) error {
	if protocol == gortsplib.ProtocolUDPMulticast {
		return fault.Errorf(fault.Unsupported, "transport: got multicast, want TCP or UDP")
	}
	if x.stream != nil {
		return nil
	}
	d, err := x.server.lookUp(a)
	if err != nil {
		return err
	}
	if err := x.server.count(x.g.addr()); err != nil {
		return err
	}
	x.counted = true
	st, err := d.serverStream(x.server.rtsp)
	if err != nil {
		return err
	}
	x.asked, x.described, x.protocol = a, d, protocol
	stats := st.Stats()
	for _, media := range st.Desc.Medias {
		var random [6]byte
		_, _ = rand.Read(random[:]) // It has no error.
		t := rtp.Track{
			SSRC: stats.Medias[media].Formats[media.Formats[0]].LocalSSRC, Type: media.Formats[0].PayloadType(), Rate: media.Formats[0].ClockRate(),
			Base: binary.BigEndian.Uint32(random[:]), Seq: binary.BigEndian.Uint16(random[4:]),
		}
		if media.Type == description.MediaTypeVideo {
			x.video.Track = t
		} else {
			x.audio.Track = t
		}
	}
	x.stream = st
	return nil
}

// count counts a session of an address, until uncount.
func (s *Server) count(addr netip.Addr) error {
	most := s.engine.Config.RTSP.MaxSessionsPerPeer
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.sessions[addr] + 1; n > most {
		return fault.BusyOf("rtsp.max_sessions_per_peer", int64(n), int64(most), "too many sessions of one address")
	}
	s.sessions[addr]++
	return nil
}

func (s *Server) uncount(addr netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[addr]--; s.sessions[addr] == 0 {
		delete(s.sessions, addr)
	}
}

// checkTransports refuses what gortsplib would take for a channel or a port.
func checkTransports(value base.HeaderValue) error {
	var all headers.Transports
	if all.Unmarshal(value) != nil {
		return nil // gortsplib has refused it.
	}
	for _, t := range all {
		if c := t.InterleavedIDs; c != nil && (c[0] < 0 || c[1] > 255) {
			return &fault.Error{Kind: fault.Invalid, Field: "Transport", Reason: "Transport: got channels above 255"}
		}
		if p := t.ClientPorts; p != nil && (min(p[0], p[1]) < 1 || max(p[0], p[1]) > 65535) {
			return &fault.Error{Kind: fault.Invalid, Field: "Transport", Reason: "Transport: got ports outside of 1..65535"}
		}
	}
	return nil
}

// setTransport sets where the packets of a track go, as the response to SETUP says.
func (x *session) setTransport(value base.HeaderValue) {
	var t headers.Transport
	if t.Unmarshal(value) != nil {
		return // gortsplib wrote it.
	}
	of := &x.video
	if t.SSRC != nil && *t.SSRC == x.audio.SSRC && x.sound.Rate > 0 {
		of = &x.audio
	}
	switch {
	case t.InterleavedIDs != nil:
		of.channel = t.InterleavedIDs[0]
	case t.ClientPorts != nil:
		of.rtp = netip.AddrPortFrom(x.g.addr(), uint16(t.ClientPorts[0]))
		of.rtcp = netip.AddrPortFrom(x.g.addr(), uint16(t.ClientPorts[1]))
	}
	of.set = true
}

// prepare makes the client a viewer, and returns what makes it receive images and sound; nil where it does already.
func (x *session) prepare(g *guarded) (begin func(), err error) {
	if x.now != nil {
		return nil, nil
	}
	if x.server.engine.IsDraining() {
		return nil, fault.From(stream.ErrClosed)
	}
	p, err := newPlay(x, g)
	if err != nil {
		return nil, err
	}
	x.now = p
	return p.begin, nil
}

// stop ends sending. The image that is being written is completed.
func (x *session) stop() {
	if x.now == nil {
		return
	}
	x.now.end()
	x.last, x.now = x.now.ended, nil
}

// pause is stop, and waits until nothing is sent any more. A client that reads nothing is disconnected meanwhile.
func (x *session) pause() {
	x.stop()
	if x.last != nil {
		<-x.last
	}
}

// close ends the session.
func (x *session) close() {
	x.stop()
	if x.stream != nil {
		x.stream.Close()
	}
	if x.counted {
		x.server.uncount(x.g.addr())
	}
}
