package doctor

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Holder returns which program listens at an address of tcp or unix, as "nginx (process 812)", by the /proc below root. It is empty
// where that cannot be known: none listens, it is another user's, or this is not Linux.
func Holder(root fs.FS, network, address string) string {
	var inodes []string
	if network == "unix" {
		inodes = unixInodes(root, address)
	} else {
		inodes = tcpInodes(root, address)
	}
	if len(inodes) == 0 {
		return ""
	}
	processes, err := fs.ReadDir(root, "proc")
	if err != nil {
		return ""
	}
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		open, err := fs.ReadDir(root, "proc/"+p.Name()+"/fd")
		if err != nil {
			continue // another user's, or it has just ended
		}
		for _, fd := range open {
			target, err := fs.ReadLink(root, "proc/"+p.Name()+"/fd/"+fd.Name())
			if err == nil && slices.Contains(inodes, strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")) {
				name, _ := fs.ReadFile(root, "proc/"+p.Name()+"/comm")
				return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), p.Name())
			}
		}
	}
	return ""
}

// tcpInodes returns the inodes of the sockets that keep others from listening at address.
func tcpInodes(root fs.FS, address string) (inodes []string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	want, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	wanted, err := netip.ParseAddr(host)
	all := err != nil || wanted.IsUnspecified()
	const listening = "0A" // TCP_LISTEN of the kernel's net/tcp_states.h
	for _, table := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		text, err := fs.ReadFile(root, table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line) // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
			if len(fields) < 10 || fields[3] != listening {
				continue
			}
			ip, port, ok := socketAddress(fields[1])
			if ok && uint64(port) == want && (all || ip.IsUnspecified() || ip == wanted.Unmap()) {
				inodes = append(inodes, fields[9])
			}
		}
	}
	return inodes
}

// socketAddress reads an address of /proc/net/tcp: the bytes of each word of 32 bits in reverse, as a little-endian machine has
// them, and the port.
func socketAddress(text string) (netip.Addr, uint16, bool) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	ip, ok := netip.AddrFromSlice(raw)
	return ip.Unmap(), uint16(p), ok
}

// unixInodes returns the inodes of sockets with that path.
func unixInodes(root fs.FS, path string) (inodes []string) {
	text, err := fs.ReadFile(root, "proc/net/unix")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // Num RefCount Protocol Flags Type St Inode Path
		if len(fields) == 8 && fields[7] == path {
			inodes = append(inodes, fields[6])
		}
	}
	return inodes
}
