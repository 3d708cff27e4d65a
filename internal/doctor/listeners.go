package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// files compares how many files the process may open with how many connections the settings allow.
func (c *Checkup) files(context.Context) []Finding {
	most, ok := openFiles()
	if !ok {
		return nil
	}
	const others = 100 // the log, the ring, pipes of ffmpeg
	want := uint64(others)
	for _, l := range c.listened() {
		if l.address != config.Off {
			want += uint64(c.Config.Limits.MaxConnections)
		}
	}
	f := Finding{OK, "open files", fmt.Sprintf("%d at most, for limits.max_connections %d", most, c.Config.Limits.MaxConnections), ""}
	if most < want {
		f.Level = Change
		f.Advice = fmt.Sprintf("raise it to %d (ulimit -n, or LimitNOFILE= of systemd), or lower limits.max_connections: connections beyond it wait without an error", want)
	}
	return []Finding{f}
}

// ring tells whether memory can be shared with programs on this machine.
func (c *Checkup) ring(context.Context) []Finding {
	listen := c.Config.Ring.Listen
	switch {
	case listen == config.Off:
		return nil
	case !ring.Supported && listen == config.Auto:
		return []Finding{{Note, "ring", "needs Linux: programs on this machine use HTTP", ""}}
	case !ring.Supported:
		return []Finding{{Stop, "ring.listen", "got " + listen + ", and the ring needs Linux", "ring.listen: off"}}
	}
	m, err := ring.NewMemory(os.Getpagesize(), true)
	if err != nil {
		return []Finding{{Change, "ring", fmt.Sprintf("memory cannot be shared: %v", err), "allow memfd_create, or set ring.listen to off"}}
	}
	m.Close()
	where := strings.TrimPrefix(listen, "unix:")
	if listen == config.Auto {
		where = ring.DefaultPath()
		if err := ring.CheckDir(ring.DefaultDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return []Finding{{Change, "ring", fmt.Sprintf("no place for its socket: %v", err), "set ring.listen to unix:/path or off"}}
		}
	}
	return []Finding{{OK, "ring", "shared memory works (memfd); its socket is " + where, ""}}
}

// listened is an address of the settings.
type listened struct{ setting, address, flag string }

// listened returns the addresses that a server would listen at.
func (c *Checkup) listened() []listened {
	all := []listened{
		{"http.listen", c.Config.HTTP.Listen, "--http 127.0.0.1:8081"},
		{"grpc.listen", c.Config.GRPC.Listen, "--grpc 127.0.0.1:50052"},
		{"rtsp.listen", c.Config.RTSP.Listen, "--rtsp 127.0.0.1:8555"},
		{"admin.listen", c.Config.Admin.Listen, "--admin 127.0.0.1:9091"},
	}
	if cl := c.Config.Cluster; cl.Name != "" && cl.NATS == config.Embedded {
		all = append(all, listened{"cluster.listen", cl.Listen, "--set cluster.listen=127.0.0.1:6223"})
	}
	if strings.HasPrefix(c.Config.Ring.Listen, "unix:") {
		all = append(all, listened{"ring.listen", c.Config.Ring.Listen, "--set ring.listen=unix:/path"})
	}
	return all
}

// listeners opens each listener for a moment, and says who has those that are in use.
func (c *Checkup) listeners(ctx context.Context) (found []Finding) {
	running := c.Running(ctx)
	for _, l := range c.listened() {
		f := Finding{OK, l.setting, l.address, ""}
		if l.address == config.Off {
			continue
		}
		network, address := "tcp", l.address
		if path, ok := strings.CutPrefix(l.address, "unix:"); ok {
			network, address = "unix", path
		}
		err := tryToListen(network, address)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE):
			f.Text += " is in use by " + inUseBy(c.Root, network, address)
			f.Level, f.Advice = Stop, "another address: "+l.flag
			holder := Holder(c.Root, network, address)
			switch {
			case strings.HasPrefix(holder, "steadyframe ") || holder == "" && running:
				f.Level, f.Text, f.Advice = Note, l.address+": a server of Steadyframe listens there already; a second one needs another address", ""
			case strings.HasPrefix(holder, "systemd "):
				f.Level, f.Text, f.Advice = Note, l.address+": systemd listens there, for its service (a .socket unit)", ""
			}
		case errors.Is(err, fs.ErrNotExist):
			f.Level, f.Text, f.Advice = Stop, l.address+": the folder does not exist", "mkdir "+filepath.Dir(address)
		case errors.Is(err, fs.ErrPermission):
			f.Level, f.Text, f.Advice = Stop, l.address+": this user may not listen there", Permission(network)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			f.Level, f.Text, f.Advice = Stop, l.address+": this machine has no such address", "127.0.0.1 is this machine alone, 0.0.0.0 all its addresses"
		default:
			f.Level, f.Text = Stop, err.Error()
		}
		found = append(found, f)
	}
	return found
}

// Permission says what to do where a user may not listen at an address of that network.
func Permission(network string) string {
	if network == "unix" {
		return "a folder that this user may write to"
	}
	return "a port above 1023, or the right to use those below: setcap cap_net_bind_service=ep PROGRAM, AmbientCapabilities=CAP_NET_BIND_SERVICE in systemd's unit, or a .socket unit"
}

// tryToListen listens for a moment. A socket's file that is there already is left alone, and its server not disturbed.
func tryToListen(network, address string) error {
	if network == "unix" {
		if info, err := os.Stat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
			conn, err := net.Dial(network, address)
			if err != nil {
				return nil // A server that crashed left it: the next one replaces it.
			}
			_ = conn.Close()
			return syscall.EADDRINUSE
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// inUseBy returns who listens at an address.
func inUseBy(root fs.FS, network, address string) string {
	if holder := Holder(root, network, address); holder != "" {
		return holder
	}
	return "a program of another user"
}
