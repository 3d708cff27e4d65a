package doctor

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// machine returns a Checkup of a machine with these files.
func machine(files map[string]string) *Checkup {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return &Checkup{Config: config.Default(), Root: root, Getenv: func(string) string { return "" }}
}

// want fails t unless there is one finding, of that level, with these texts.
func want(t *testing.T, found []Finding, level Level, texts ...string) {
	t.Helper()
	if len(found) != 1 || found[0].Level != level {
		t.Errorf("got %+v, want one finding of level %s", found, level)
		return
	}
	for _, text := range texts {
		if !strings.Contains(found[0].Text+"\n"+found[0].Advice, text) {
			t.Errorf("got %+v, want %q in it", found[0], text)
		}
	}
}

// The limit of memory is that of the narrowest control group around the process, or of the machine.
func TestMemory(t *testing.T) {
	const plenty = "MemTotal:       16384000 kB\nMemAvailable:   15000000 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		level Level
		texts []string
	}{
		{"plenty", map[string]string{"proc/meminfo": plenty}, OK, []string{"up to 608MiB", "512MiB", "the machine has 16000MiB"}},
		{"nothing known", nil, OK, []string{"up to 608MiB"}},
		{"small machine", map[string]string{"proc/meminfo": "MemTotal: 524288 kB\nMemAvailable: 400000 kB\n"}, Change, []string{"the machine has 512MiB", "limits.memory_budget to 426MiB"}},
		{"busy machine", map[string]string{"proc/meminfo": "MemTotal: 16384000 kB\nMemAvailable: 400000 kB\n"}, Note, []string{"others leave 390MiB now"}},
		{"group", map[string]string{"proc/meminfo": plenty, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "268435456\n"},
			Change, []string{"the control group has 256MiB", "limits.memory_budget to 199MiB"}},
		{"group of a container", map[string]string{"proc/meminfo": plenty, "proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/memory.max": "2147483648\n"}, OK, []string{"the control group has 2GiB"}},
		{"version 1", map[string]string{"proc/meminfo": plenty, "proc/self/cgroup": "5:memory:/docker/1\n4:cpu,cpuacct:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n"}, Change, []string{"the control group has 64MiB", "limits.memory_budget to 28MiB"}},
		{"version 1 without", map[string]string{"proc/meminfo": plenty, "proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, OK, nil},
		{"hopeless", map[string]string{"proc/meminfo": plenty, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "16777216\n"}, Change, []string{"give it more"}},
		{"nonsense", map[string]string{"proc/meminfo": "MemTotal\n: :\n", "proc/self/cgroup": "::\nx\n0::\n", "sys/fs/cgroup/memory.max": "\n"}, OK, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { want(t, machine(tt.files).memory(t.Context()), tt.level, tt.texts...) })
	}
	for _, most := range []int64{100 << 20, 512 << 20, 3 << 30} { // The advice is one that can be followed.
		if bound := server.HeapLimit(budgetFor(most)); bound > most || bound < most-3<<20 {
			t.Errorf("the budget for %d bytes: the process takes %d", most, bound)
		}
	}
}

// A quota of processors is that of the narrowest group.
func TestQuota(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"none", nil, 0},
		{"max", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 0},
		{"half", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 0.5},
		{"version 1", map[string]string{"proc/self/cgroup": "4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "150000\n", "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n"}, 1.5},
		{"version 1 without", map[string]string{"proc/self/cgroup": "4:cpu,cpuacct:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 0},
	} {
		if got := machine(tt.files).quota(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The processor's name is its vendor's, and settings that slow it down are named.
func TestProcessor(t *testing.T) {
	c := machine(map[string]string{"proc/cpuinfo": "processor\t: 0\nmodel name\t: A Processor of 3 GHz\n\nprocessor\t: 1\nmodel name\t: B\n"})
	c.Getenv = func(key string) string { return map[string]string{"GODEBUG": "cpu.avx2=off"}[key] }
	want(t, c.processor(t.Context()), Change, "A Processor of 3 GHz; kernels: ", "GODEBUG")
	if got := machine(map[string]string{"proc/cpuinfo": "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"}).processorName(); !strings.HasSuffix(got, "vendor 0x41, part 0xd0c") {
		t.Errorf("got %q", got)
	}
	c = machine(nil)
	c.Config.Workers = 1024
	want(t, c.processors(t.Context()), Change, "workers: got 1024")
}

// A slow clock is named, where there is one.
func TestClock(t *testing.T) {
	want(t, machine(map[string]string{"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n"}).clock(t.Context()), Change, "hpet")
}

// Streams that ffmpeg reads need it, others do not.
func TestFFmpegIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := machine(nil)
	want(t, c.ffmpeg(t.Context()), Note, "not found")
	c.Config.Streams = config.Streams{"a": {Source: "testsrc"}, "b": {Source: "http://camera/1"}, "c": {}}
	want(t, c.ffmpeg(t.Context()), Note, "not found")
	c.Config.Streams["d"] = config.Stream{Source: "rtsp://camera/1"}
	want(t, c.ffmpeg(t.Context()), Change, "stay offline: d", "apt-get install ffmpeg")
	if err := os.WriteFile(os.Getenv("PATH")+"/ffmpeg", []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, c.ffmpeg(t.Context()), Change, "does not run")
}

// A file that others read is no place for a token.
func TestSettingsOthersRead(t *testing.T) {
	c := machine(nil)
	c.File = t.TempDir() + "/steadyframe.yaml"
	for _, tt := range []struct {
		text  string
		mode  os.FileMode
		level Level
	}{
		{"auth: {token: secret}\n", 0o644, Change}, {"auth: {token: secret}\n", 0o600, OK}, {"log: {level: warn}\n", 0o644, OK},
	} {
		if err := os.WriteFile(c.File, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.File, tt.mode); err != nil {
			t.Fatal(err)
		}
		want(t, c.settings(t.Context()), tt.level, c.File)
	}
}

// Files of tokens and keys can be read by the server, and keys by nobody else.
func TestKeysOthersRead(t *testing.T) {
	c := machine(nil)
	c.Config.Auth.LinkKeys = t.TempDir() + "/keys"
	want(t, c.settings(t.Context()), Stop, "no such file")
	for mode, level := range map[os.FileMode]Level{0o644: Change, 0o640: OK, 0o600: OK} {
		if err := os.WriteFile(c.Config.Auth.LinkKeys, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.Config.Auth.LinkKeys, mode); err != nil {
			t.Fatal(err)
		}
		want(t, c.settings(t.Context()), level, c.Config.Auth.LinkKeys)
	}
}

// Holder reads the tables of the kernel, as they are on a little-endian machine.
func TestHolder(t *testing.T) {
	root := fstest.MapFS{
		"proc/net/tcp": {Data: []byte("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
			"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0\n" +
			"   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 112 1 0 100 0 0 10 0\n" +
			"   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 113 1 0 100 0 0 10 0\n")},
		"proc/net/tcp6": {Data: []byte("  sl  local_address\n" +
			"   0: 00000000000000000000000001000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 114 1 0 100 0 0 10 0\n")},
		"proc/net/unix": {Data: []byte("Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 115 /run/x.sock\n")},
		"proc/812/comm": {Data: []byte("nginx\n")}, "proc/812/fd/4": {Data: []byte("socket:[111]"), Mode: fs.ModeSymlink}, "proc/812/fd/5": {Data: []byte("socket:[113]"), Mode: fs.ModeSymlink},
		"proc/9/comm": {Data: []byte("caddy\n")}, "proc/9/fd/3": {Data: []byte("socket:[114]"), Mode: fs.ModeSymlink}, "proc/9/fd/0": {Data: []byte("/dev/null"), Mode: fs.ModeSymlink},
		"proc/10/comm": {Data: []byte("other\n")}, "proc/10/fd/3": {Data: []byte("socket:[112]"), Mode: fs.ModeSymlink}, "proc/10/fd/1": {Data: []byte("socket:[115]"), Mode: fs.ModeSymlink},
	}
	for _, tt := range []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:8080", "nginx (process 812)"},
		{"tcp", "localhost:8080", "nginx (process 812)"},
		{"tcp", "0.0.0.0:8080", "nginx (process 812)"},
		{"tcp", ":8080", "nginx (process 812)"},
		{"tcp", "192.0.2.1:8080", ""},
		{"tcp", "192.0.2.1:80", "nginx (process 812)"},
		{"tcp", "127.0.0.1:8081", ""}, // a connection's end
		{"tcp", "[::1]:9090", "caddy (process 9)"},
		{"tcp", "nonsense", ""},
		{"unix", "/run/x.sock", "other (process 10)"},
		{"unix", "/run/y.sock", ""},
	} {
		if got := Holder(root, tt.network, tt.address); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.network, tt.address, got, tt.want)
		}
	}
	if got := Holder(fstest.MapFS{}, "tcp", "127.0.0.1:80"); got != "" {
		t.Errorf("without /proc: got %q", got)
	}
}

// On this machine, this process is found.
func TestHolderIsThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("this system has no /proc/net/tcp")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := Holder(os.DirFS("/"), "tcp", l.Addr().String()); !strings.HasSuffix(got, "(process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("got %q, want this process, %d", got, os.Getpid())
	}
}

// What is written says what it comes to.
func TestWrite(t *testing.T) {
	for _, tt := range []struct {
		found []Finding
		want  string
	}{
		{nil, "\nNothing keeps a server from starting.\n"},
		{[]Finding{{Change, "ffmpeg", "not found", "install it"}}, "change  ffmpeg         not found\n                       -> install it\n\nNothing keeps a server from starting. One thing could be better.\n"},
		{[]Finding{{Stop, "tls.cert", "none", ""}, {Change, "a", "b", ""}, {Change, "c", "d", ""}}, "STOPS   tls.cert       none\nchange  a              b\nchange  c              d\n\nA server does not start with these settings here. 2 things could be better.\n"},
	} {
		var b bytes.Buffer
		if err := Write(&b, tt.found); err != nil || b.String() != tt.want {
			t.Errorf("got %q, %v, want %q", b.String(), err, tt.want)
		}
	}
}
