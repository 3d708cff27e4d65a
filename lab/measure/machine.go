package measure

import (
	"bytes"
	"os"
	"runtime"
	"strings"

	"github.com/steadyframe/steadyframe/pipeline"
)

// Machine is where and with what figures were measured: a figure without it is worth nothing.
type Machine struct {
	CPU        string `json:"cpu"`        // its name, as far as the system says
	Processors int    `json:"processors"` // that the process may use
	GOMAXPROCS int    `json:"gomaxprocs"`
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Kernels    string `json:"kernels"` // as pipeline.Kernels says
	Go         string `json:"go"`
	Version    string `json:"version"` // of this program, with its commit
	Command    string `json:"command"` // the command line
}

// Here returns the Machine that the process runs on. The version is the program's to know.
func Here(version string) Machine {
	return Machine{
		CPU: cpuName(), Processors: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Kernels: pipeline.DescribeKernels(), Go: runtime.Version(), Version: version, Command: commandLine(os.Args),
	}
}

// cpuName returns the processor's name from Linux's /proc/cpuinfo, "unknown" elsewhere.
func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// commandLine returns args as a shell takes them, the program by its name alone, and without what --token is: reports are shown
// to others.
func commandLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		if strings.HasPrefix(a, "--token=") {
			a = "--token=..."
		} else if i > 0 && args[i-1] == "--token" {
			a = "..."
		}
		if i == 0 {
			a = a[strings.LastIndexByte(a, '/')+1:]
		}
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words[i] = a
	}
	return strings.Join(words, " ")
}
