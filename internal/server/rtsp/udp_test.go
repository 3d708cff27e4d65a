package rtsp

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// RTP and RTCP have two ports next to each other, an even one first: any, or those of the setting, unless another program has one.
func TestUDPPorts(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	p, err := listenUDP(config.Any, at)
	if err != nil {
		t.Fatal(err)
	}
	port := p.rtp.LocalAddr().(*net.UDPAddr).Port
	if next := p.rtcp.LocalAddr().(*net.UDPAddr).Port; port%2 != 0 || next != port+1 {
		t.Errorf("got ports %d and %d", port, next)
	}
	if _, err := listenUDP(strconv.Itoa(port), at); err == nil || !strings.Contains(err.Error(), "rtsp.udp: port "+strconv.Itoa(port)) {
		t.Errorf("a port in use: got %v", err)
	}
	p.rtp.Close() // Its socket of RTCP is still there.
	if _, err := listenUDP(strconv.Itoa(port), at); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the next port in use: got %v", err)
	}
	p.close()
	if off, err := listenUDP(config.Off, at); off != nil || err != nil {
		t.Errorf("off: got %v, %v", off, err)
	}
}
