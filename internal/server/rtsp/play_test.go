package rtsp

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/steadyframe/steadyframe/internal/rtp"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/live"
	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/internal/testkit/alloctest"
	"github.com/steadyframe/steadyframe/internal/testkit/patience"
	"github.com/steadyframe/steadyframe/jpeg"
	"github.com/steadyframe/steadyframe/pipeline"
)

// overBoth runs a test for each transport.
func overBoth(t *testing.T, test func(t *testing.T, over gortsplib.Protocol)) {
	for _, over := range []gortsplib.Protocol{tcp, udp} {
		t.Run(over.String(), func(t *testing.T) { test(t, over) })
	}
}

// A player gets the images as they are, with the times of their captures, and is a viewer as others are.
func TestPlay(t *testing.T) {
	overBoth(t, func(t *testing.T, over gortsplib.Protocol) {
		f := start(t, nil)
		data := images(t, 640, 360, 5, pipeline.Output{Quality: 90})
		p := f.publisher("cam1")
		captured := time.Now()
		f.publish(p, data[0], captured)
		v := f.player("cam1", over)
		var first received
		for i, jpeg := range data {
			at := captured
			if i > 0 {
				wait(5 * time.Millisecond) // Images are at least a millisecond apart.
				at = time.Now()
				f.publish(p, jpeg, at)
			}
			got := v.next()
			for i > 0 && bytes.Equal(scanOf(got.jpeg), scanOf(data[i-1])) { // It came again.
				got = v.next()
			}
			if !bytes.Equal(scanOf(got.jpeg), scanOf(jpeg)) {
				t.Fatalf("image %d: got other entropy-coded bytes", i)
			}
			if i == 0 {
				first = got
			}
			if want := int32(at.Sub(captured) * 90000 / time.Second); int32(got.stamp-first.stamp)-want > 1 || want-int32(got.stamp-first.stamp) > 1 {
				t.Errorf("image %d: got time stamp %d after the first, want %d", i, got.stamp-first.stamp, want)
			}
		}
		report := <-v.said
		seconds := float64(report.NTPTime>>32) - 2_208_988_800 + float64(uint32(report.NTPTime))/(1<<32) - float64(int32(report.RTPTime-first.stamp))/90000
		if off := seconds - float64(captured.UnixMicro())/1e6; off > 0.001 || off < -0.001 {
			t.Errorf("got the first image at %v s from its capture by the sender report", off)
		}
		transport := map[gortsplib.Protocol]string{tcp: "rtsp", udp: "rtsp-udp"}[over]
		infos := f.viewers("cam1")
		if len(infos) != 1 || infos[0].Transport != transport || !strings.HasPrefix(infos[0].Peer, "127.0.0.1:") || infos[0].Dropped != 0 {
			t.Errorf("got viewers %+v", infos)
		}
		eventually(t, "the bytes of the images are counted", func() bool { _, sent := f.at.Bytes(); return sent >= bytesOf(data) })
		v.Close()
		eventually(t, "the viewer has left", func() bool { return len(f.viewers("cam1")) == 0 })
	})
}

// bytesOf returns how many entropy-coded bytes JPEGs have.
func bytesOf(data [][]byte) (n int64) {
	for _, jpeg := range data {
		n += int64(len(scanOf(jpeg)))
	}
	return n
}

// Sound comes sample by sample, with times of the images' clock.
func TestSound(t *testing.T) {
	overBoth(t, func(t *testing.T, over gortsplib.Protocol) {
		f := start(t, nil)
		data := small(t, 1)
		p := f.publisher("cam1")
		f.publish(p, data[0], time.Now())
		sound, err := f.live.Sound(t.Context(), "cam1", stream.SoundFormat{Rate: 48000, Channels: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer sound.Close()
		v := f.player("cam1", over)
		v.next()
		eventually(t, "the player listens", func() bool { i, _ := f.live.Hub.Info("cam1"); return i.Listeners == 1 })
		var want, got []byte
		var stamp uint32
		begin := time.Now()
		for i := range 50 {
			piece := make([]byte, 48000/50*4)
			for n := range piece {
				piece[n] = byte(n*7 + i)
			}
			want = append(want, piece...)
			if err := sound.Publish(piece, begin.Add(time.Duration(i)*20*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			for len(got) < len(want) {
				packet := <-v.sound
				if len(got) > 0 && packet.Timestamp != stamp || packet.Marker != (len(got) == 0) {
					t.Fatalf("after %d bytes: got time stamp %d, marker %v, want %d", len(got), packet.Timestamp, packet.Marker, stamp)
				}
				stamp = packet.Timestamp + uint32(len(packet.Payload)/4)
				for n := 0; n < len(packet.Payload); n += 2 {
					got = append(got, packet.Payload[n+1], packet.Payload[n])
				}
			}
		}
		if !bytes.Equal(got, want) {
			t.Error("the samples changed")
		}
		v.Close()
		eventually(t, "the listener has left", func() bool { i, _ := f.live.Hub.Info("cam1"); return i.Listeners == 0 })
	})
}

// A stream that cannot be watched is refused with a reason, which the client and the log have.
func TestRefusals(t *testing.T) {
	f := start(t, func(c *config.Config) { c.Live.MaxViewers = 3; c.RTSP.MaxSessionsPerPeer = 2 })
	f.publish(f.publisher("cam1"), small(t, 1)[0], time.Now())
	f.publish(f.publisher("full"), images(t, 64, 32, 1, pipeline.Output{Subsampling: jpeg.Sub444})[0], time.Now())
	f.publish(f.publisher("odd"), images(t, 70, 32, 1, pipeline.Output{})[0], time.Now())
	for _, test := range []struct {
		name string
		code base.StatusCode
		want string
	}{
		{"none", base.StatusNotFound, `no stream "none"; there are: cam1, full, odd`},
		{"cam1/x", base.StatusNotFound, `no stream "cam1/x"`},
		{"full", base.StatusUnsupportedMediaType, "RTP cannot carry stream full: got 4:4:4, want 4:2:0 or 4:2:2"},
		{"odd", base.StatusUnsupportedMediaType, "multiples of 8"},
		{"cam1?fps=0", base.StatusBadRequest, "fps"},
		{"cam1?fps=x", base.StatusBadRequest, "fps"},
	} {
		_, err := f.tryPlayer(test.name, tcp)
		wants(t, err, test.code, test.want)
	}
	if _, err := f.tryPlayer("cam1", gortsplib.ProtocolUDPMulticast); err == nil {
		t.Error("multicast: got no error")
	}
	first, second := f.player("cam1", tcp), f.player("cam1", udp)
	_, err := f.tryPlayer("cam1", tcp)
	wants(t, err, base.StatusNotEnoughBandwidth, "rtsp.max_sessions_per_peer")
	first.Close()
	second.Close()
	eventually(t, "the sessions have ended", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.sessions) == 0 && len(f.viewers("cam1")) == 0
	})
	for range 3 {
		v, err := f.live.Hub.View("cam1", stream.ViewerOptions{Transport: "test"})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
	}
	_, err = f.tryPlayer("cam1", tcp)
	wants(t, err, base.StatusNotEnoughBandwidth, "live.max_viewers")
	if log := f.log.String(); !strings.Contains(log, "got 4:4:4, want 4:2:0 or 4:2:2") || !strings.Contains(log, "method=DESCRIBE") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

// The setting that a refusal names makes images that can be carried: of JPEGs in 4:4:4, in gray, progressive ones, and of odd sizes.
func TestSettingsThatCarry(t *testing.T) {
	for name, test := range map[string]struct {
		jpeg    []byte
		setting config.Stream
		said    string
	}{
		"full":  {images(t, 64, 32, 1, pipeline.Output{Subsampling: jpeg.Sub444})[0], config.Stream{Quality: 85}, "streams.full.quality=85"},
		"gray":  {images(t, 64, 32, 1, pipeline.Output{Subsampling: jpeg.Gray})[0], config.Stream{Quality: 85}, "streams.gray.quality=85"},
		"odd":   {images(t, 70, 34, 1, pipeline.Output{})[0], config.Stream{Resize: config.ImageSize{Width: 64, Height: 32}}, "streams.odd.resize=64x32"},
		"large": {images(t, 2112, 64, 1, pipeline.Output{})[0], config.Stream{Resize: config.ImageSize{Width: 2040, Height: 56}}, "streams.large.resize=2040x56"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, set := range []bool{false, true} {
				f := start(t, func(c *config.Config) {
					if set {
						c.Streams = config.Streams{name: test.setting}
					}
				})
				p, err := f.live.Publish(t.Context(), name, live.Settings{Source: "test", JPEG: true})
				if err != nil {
					t.Fatal(err)
				}
				b, err := f.engine.Pool.Get(len(test.jpeg))
				if err != nil {
					t.Fatal(err)
				}
				copy(b.Bytes(), test.jpeg)
				if err := p.JPEG(b, time.Now()); err != nil {
					t.Fatal(err)
				}
				if set {
					f.player(name, tcp).next()
				} else {
					_, err := f.tryPlayer(name, tcp)
					wants(t, err, base.StatusUnsupportedMediaType, test.said)
				}
				p.Close()
			}
		})
	}
}

// The token is the password of the URL, with any user, or the parameter of HTTP.
func TestToken(t *testing.T) {
	f := start(t, func(c *config.Config) { c.Auth.Token = "secret" })
	f.publish(f.publisher("cam1"), small(t, 1)[0], time.Now())
	u, err := base.ParseURL(f.url("cam1"))
	if err != nil {
		t.Fatal(err)
	}
	try := func(user *url.Userinfo, query string) error {
		v := *u
		v.User, v.RawQuery = user, query
		c := gortsplib.Client{Scheme: v.Scheme, Host: v.Host, Protocol: &tcp, ReadTimeout: time.Minute}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		desc, _, err := c.Describe(&v)
		if err != nil {
			return err
		}
		if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
			return err
		}
		_, err = c.Play(nil)
		return err
	}
	wants(t, try(nil, ""), base.StatusUnauthorized, "token")
	wants(t, try(url.UserPassword("any", "wrong"), ""), base.StatusUnauthorized, "token")
	wants(t, try(nil, "access_token=wrong"), base.StatusUnauthorized, "token")
	for _, right := range []error{try(url.UserPassword("any", "secret"), ""), try(nil, "access_token=secret")} {
		if right != nil {
			t.Errorf("the right token: got %v", right)
		}
	}
	if log := f.log.String(); strings.Contains(log, "secret") || strings.Contains(log, "wrong") {
		t.Errorf("the log has a token:\n%s", log)
	}
}

// PAUSE stops the images, and PLAY begins with the newest, with times that go on.
func TestPause(t *testing.T) {
	overBoth(t, func(t *testing.T, over gortsplib.Protocol) {
		f := start(t, nil)
		data := small(t, 3)
		p := f.publisher("cam1")
		begin := time.Now()
		f.publish(p, data[0], begin)
		v := f.player("cam1", over)
		first := v.next()
		if _, err := v.Pause(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is no viewer", func() bool { return len(f.viewers("cam1")) == 0 })
		repeated := time.Since(begin) > 1900*time.Millisecond // The first image may have come again later than the next was captured.
		f.publish(p, data[1], begin.Add(time.Second))
		f.publish(p, data[2], begin.Add(2*time.Second))
		if _, err := v.Play(nil); err != nil {
			t.Fatal(err)
		}
		for got := v.next(); ; got = v.next() {
			if bytes.Equal(scanOf(got.jpeg), scanOf(data[0])) { // It was on its way.
				continue
			}
			if !bytes.Equal(scanOf(got.jpeg), scanOf(data[2])) || got.stamp-first.stamp != 180000 && !repeated {
				t.Errorf("after the pause: got time stamp %d after the first, want the newest image, 180000 after", got.stamp-first.stamp)
			}
			break
		}
	})
}

// Viewers of a lost source see the image that says so, and the source's again when it is back.
func TestLossAndReturn(t *testing.T) {
	f := start(t, func(c *config.Config) { c.Live.OfflineAfter = config.Duration(50 * time.Millisecond) })
	data := small(t, 2)
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	v := f.player("cam1", tcp)
	p.Close()
	for r := v.next(); bytes.Equal(scanOf(r.jpeg), scanOf(data[0])); r = v.next() {
	}
	back := f.publisher("cam1")
	f.publish(back, data[1], time.Now())
	for r := v.next(); !bytes.Equal(scanOf(r.jpeg), scanOf(data[1])); r = v.next() {
		f.publish(back, data[1], time.Now()) // On a busy machine it may be lost again before it is seen.
	}
}

// Images that RTP cannot carry end the session, with the reason in the log.
func TestBecomesUncarried(t *testing.T) {
	f := start(t, nil)
	p := f.publisher("cam1")
	f.publish(p, small(t, 1)[0], time.Now())
	v := f.player("cam1", tcp)
	v.next()
	f.publish(p, images(t, 64, 32, 1, pipeline.Output{Subsampling: jpeg.Sub444})[0], time.Now())
	if err := v.Wait(); err == nil {
		t.Error("the session has not ended")
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(f.log.String(), "got 4:4:4") })
}

// A server that stops sends what it has begun, and then ends the sessions.
func TestDrain(t *testing.T) {
	overBoth(t, func(t *testing.T, over gortsplib.Protocol) {
		f := start(t, nil)
		data := small(t, 1)
		f.publish(f.publisher("cam1"), data[0], time.Now())
		players := []*player{f.player("cam1", over), f.player("cam1", over)}
		for _, v := range players {
			v.next()
		}
		f.stop()
		for _, v := range players {
			if over == tcp {
				if err := v.Wait(); err == nil {
					t.Error("the session has not ended")
				}
			}
			v.Close()
			close(v.images)
			for r := range v.images {
				if !bytes.Equal(scanOf(r.jpeg), scanOf(data[0])) {
					t.Error("got a part of an image")
				}
			}
		}
		if c, err := net.Dial("tcp", f.addr); err == nil {
			c.Close()
			t.Error("the server still accepts connections")
		}
	})
}

// interleaved is the transport over the connection of RTSP.
const interleaved = "RTP/AVP/TCP;unicast;interleaved=0-1"

// raw begins to play by hand, and returns the connection.
func (f *fixture) raw(name, transport string) net.Conn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	session := ""
	for i, request := range []string{
		"SETUP " + f.url(name) + "/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: " + transport + "\r\n",
		"PLAY " + f.url(name) + " RTSP/1.0\r\nCSeq: 2\r\n",
	} {
		if i > 0 {
			request += "Session: " + session + "\r\n"
		}
		if _, err := c.Write([]byte(request + "\r\n")); err != nil {
			f.t.Fatal(err)
		}
		head := readHead(f.t, c)
		if !strings.HasPrefix(head, "RTSP/1.0 200 OK\r\n") {
			f.t.Fatalf("got %q", head)
		}
		_, session, _ = strings.Cut(head, "Session: ")
		session, _, _ = strings.Cut(session, ";")
	}
	return c
}

// readHead reads up to the empty line, byte by byte, so that nothing behind it is lost.
func readHead(t testing.TB, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	defer c.SetReadDeadline(time.Time{})
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, b...) {
		if _, err := c.Read(b); err != nil {
			t.Fatalf("after %q: %v", head, err)
		}
	}
	return string(head)
}

// A viewer that reads nothing is disconnected after live.stall, and costs the others nothing: they get all images.
func TestStall(t *testing.T) {
	patience.Grow(t, time.Second, stall)
}

func stall(t testing.TB, limit time.Duration) {
	f := start(t, func(c *config.Config) { c.Live.Stall = config.Duration(limit) })
	data := images(t, 640, 360, 2, pipeline.Output{Quality: 100})
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	f.raw("cam1", interleaved)
	v := f.player("cam1", tcp)
	v.next()
	n := 1
	eventually(t, "the viewer that stalls is disconnected", func() bool {
		f.publish(p, data[n%2], time.Now())
		for got := v.next(); !bytes.Equal(scanOf(got.jpeg), scanOf(data[n%2])); got = v.next() {
		}
		n++
		return len(f.viewers("cam1")) == 1
	})
	eventually(t, "the log says why", func() bool { return strings.Contains(f.log.String(), "live.stall") })
}

// A viewer that reads slowly gets whole images, and the newest each time: what it missed is not sent.
func TestSlowViewer(t *testing.T) {
	f := start(t, nil)
	data := images(t, 640, 360, 40, pipeline.Output{Quality: 100})
	p := f.publisher("cam1")
	f.publish(p, data[0], time.Now())
	c := f.raw("cam1", interleaved)
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	for _, jpeg := range data[1:] {
		f.publish(p, jpeg, time.Now())
	}
	last := -1
	seen := 0
	for last != len(data)-1 {
		scan := readScan(t, c)
		index := -1
		for i, jpeg := range data {
			if bytes.Equal(scan, scanOf(jpeg)) {
				index = i
			}
		}
		if index == last { // It came again.
			continue
		}
		if index < last {
			t.Fatalf("got image %d after %d", index, last)
		}
		last = index
		seen++
	}
	if seen == len(data) {
		t.Errorf("got all %d images, want fewer", seen)
	}
	t.Logf("%d of %d images", seen, len(data))
}

// readScan reads the packets of an image by hand, and returns its entropy-coded bytes.
func readScan(t testing.TB, c net.Conn) (scan []byte) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		packet, channel := readPacket(t, c)
		if channel != 0 {
			continue
		}
		payload := packet[12:]
		head := 8
		if len(scan) == 0 {
			head += 132
		}
		scan = append(scan, payload[head:]...)
		if packet[1]&0x80 != 0 {
			return scan
		}
	}
}

func readPacket(t testing.TB, c net.Conn) (packet []byte, channel byte) {
	t.Helper()
	var head [4]byte
	readFull(t, c, head[:])
	if head[0] != '$' {
		t.Fatalf("got % x, want a packet", head)
	}
	packet = make([]byte, int(head[2])<<8|int(head[3]))
	readFull(t, c, packet)
	return packet, head[1]
}

func readFull(t testing.TB, c net.Conn, p []byte) {
	t.Helper()
	for n := 0; n < len(p); {
		k, err := c.Read(p[n:])
		if n += k; err != nil {
			t.Fatal(err)
		}
	}
}

// TestAllocations: nothing is allocated for an image to a viewer, over TCP and over UDP.
func TestAllocations(t *testing.T) {
	for _, viewers := range []int{1, 20} {
		for _, over := range []gortsplib.Protocol{tcp, udp} {
			t.Run(fmt.Sprint(viewers, over), func(t *testing.T) {
				f := start(t, nil)
				data := images(t, 640, 360, 2, pipeline.Output{})
				p := f.publisher("cam1")
				f.publish(p, data[0], time.Now())
				seen := make(chan struct{}, 1000)
				for range viewers {
					f.sink("cam1", over, seen)
				}
				for range viewers {
					<-seen
				}
				n := 0
				const runs = 50
				began := time.Now()
				objects, bytes := alloctest.Measure(t, runs, func() {
					n++
					f.publish(p, data[n%2], time.Time{})
					for range viewers {
						<-seen
					}
				})
				allowed := uint64(runs * viewers / 10) // The runtime makes records of who waits, now and again.
				if over == udp {                       // gortsplib looks at such sessions once a second, each time with a new timer.
					allowed += uint64(4 * viewers * int(1+time.Since(began)/time.Second))
				}
				if objects > allowed {
					t.Errorf("%d images to viewers allocated %d objects of %d bytes together: want at most %d", runs*viewers, objects, bytes, allowed)
				}
				t.Logf("%d objects for %d images to viewers", objects, runs*viewers)
			})
		}
	}
}

// sink plays a stream and says when it was sent an image, without an allocation, until the test ends.
func (f *fixture) sink(name string, over gortsplib.Protocol, seen chan<- struct{}) {
	f.t.Helper()
	if over == udp {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { c.Close() })
		port := c.LocalAddr().(*net.UDPAddr).Port
		f.raw(name, fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port%65535+1))
		go func() {
			for packet := make([]byte, 2000); ; {
				if _, _, err := c.ReadFromUDPAddrPort(packet); err != nil {
					return
				}
				if packet[1] == 0x80|rtp.TypeJPEG {
					seen <- struct{}{}
				}
			}
		}()
		return
	}
	c := f.raw(name, interleaved)
	go func() {
		in := bufio.NewReaderSize(c, 64<<10)
		for {
			head, err := in.Peek(6)
			if err != nil {
				return
			}
			if head[1] == 0 && head[5] == 0x80|rtp.TypeJPEG {
				seen <- struct{}{}
			}
			if _, err := in.Discard(4 + int(head[2])<<8 + int(head[3])); err != nil {
				return
			}
		}
	}()
}
