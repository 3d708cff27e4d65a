package rtsp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

// udpPair are the sockets that RTP and RTCP go through over UDP, of all sessions.
type udpPair struct {
	rtp, rtcp *udpSocket
	count     func(bytes int) // what is sent
	opened    int             // of open
}

// udpSocket is one of them. What comes in is not looked into: gortsplib only has to know that something came.
type udpSocket struct {
	*net.UDPConn
	reports bool // whether reports are expected; what comes in otherwise is dropped
}

// pairTries is how many pairs of ports are tried where any will do.
const pairTries = 100

// listenUDP opens the sockets that rtsp.udp asks for, on the host of at, or returns nil where it is off.
func listenUDP(setting string, at net.Addr) (*udpPair, error) {
	tcp, ok := at.(*net.TCPAddr)
	if setting == config.Off || !ok {
		return nil, nil
	}
	if setting != config.Any {
		port, err := strconv.Atoi(setting)
		if err != nil {
			return nil, fmt.Errorf("server: rtsp.udp: %w", err)
		}
		p, err := openPair(tcp, port)
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("server: rtsp.udp: port %d or %d is in use by another program: %w", port, port+1, err)
		}
		if err != nil {
			return nil, fmt.Errorf("server: rtsp.udp: %w", err)
		}
		return p, nil
	}
	for try := 1; ; try++ {
		first, err := net.ListenUDP("udp", &net.UDPAddr{IP: tcp.IP, Zone: tcp.Zone})
		if err != nil {
			return nil, fmt.Errorf("server: rtsp.udp: %w", err)
		}
		port := first.LocalAddr().(*net.UDPAddr).Port &^ 1
		_ = first.Close() // It was only to find a port.
		p, err := openPair(tcp, port)
		if err == nil {
			return p, nil
		}
		if try == pairTries {
			return nil, fmt.Errorf("server: rtsp.udp: no two ports next to each other are free: %w", err)
		}
	}
}

// openPair opens a port and the next one.
func openPair(at *net.TCPAddr, port int) (*udpPair, error) {
	first, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Zone: at.Zone, Port: port})
	if err != nil {
		return nil, err
	}
	second, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Zone: at.Zone, Port: port + 1})
	if err != nil {
		_ = first.Close() // It was not used.
		return nil, err
	}
	return &udpPair{rtp: &udpSocket{UDPConn: first}, rtcp: &udpSocket{UDPConn: second, reports: true}}, nil
}

// open is gortsplib's way to get the sockets: that of RTP first.
func (p *udpPair) open(string, string) (net.PacketConn, error) {
	p.opened++
	if p.opened == 1 {
		return p.rtp, nil
	}
	return p.rtcp, nil
}

// send sends a packet.
func (p *udpPair) send(s *udpSocket, packet []byte, to netip.AddrPort) error {
	n, err := s.WriteToUDPAddrPort(packet, to)
	p.count(n)
	return err
}

func (p *udpPair) close() {
	_ = p.rtp.Close() // They are closed in any case.
	_ = p.rtcp.Close()
}

// address returns the address of s.
func (s *udpSocket) address() string { return s.LocalAddr().String() }

// emptyReport is the shortest report of a receiver (RFC 3550, 6.4.2).
var emptyReport = [8]byte{0x80, 201, 0, 1}

// ReadFrom is part of net.PacketConn. In place of any RTCP packet it returns an empty one.
func (s *udpSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(p)
		if err != nil {
			return 0, nil, err
		}
		if s.reports && n >= len(emptyReport) && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223 {
			return copy(p, emptyReport[:]), net.UDPAddrFromAddrPort(from), nil
		}
	}
}
