package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/pipeline"
)

// processor tells which processor this is, and which kernels run on it.
func (c *Checkup) processor(context.Context) []Finding {
	f := Finding{About: "processor", Text: fmt.Sprintf("%s; kernels: %s", c.processorName(), pipeline.DescribeKernels())}
	switch {
	case strings.Contains(c.Getenv("GODEBUG"), "cpu."):
		f.Level, f.Advice = Change, "GODEBUG switches instructions off: unset it, unless that is wanted"
	case strings.HasPrefix(pipeline.DescribeKernels(), "generic"):
		f.Level, f.Advice = Change, "kernels in plain Go take several times as long: use a processor with AVX2 (x86-64-v3) or NEON (arm64), and a virtual machine that passes it on"
	}
	return []Finding{f}
}

// processorName returns the name of the processor, as its vendor gives it where that is known.
func (c *Checkup) processorName() string {
	values := map[string]string{}
	for line := range c.lines("proc/cpuinfo") {
		if key, value, ok := strings.Cut(line, ":"); ok {
			if key = strings.TrimSpace(key); values[key] == "" {
				values[key] = strings.TrimSpace(value)
			}
		}
	}
	switch {
	case values["model name"] != "":
		return values["model name"]
	case values["CPU implementer"] != "": // arm64: numbers of Arm's lists
		return fmt.Sprintf("%s, vendor %s, part %s", runtime.GOARCH, values["CPU implementer"], values["CPU part"])
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// processors compares the threads that Go uses with the processors and with the quota of the control group.
func (c *Checkup) processors(context.Context) []Finding {
	n, procs := runtime.NumCPU(), runtime.GOMAXPROCS(0)
	f := Finding{About: "processors", Text: fmt.Sprintf("%d, of which Go uses %d", n, procs)}
	quota := c.quota()
	if quota > 0 {
		f.Text += fmt.Sprintf("; the control group has a quota of %.4g", quota)
	}
	workers := c.Config.Workers
	switch set := c.Getenv("GOMAXPROCS"); {
	case quota > 0 && float64(procs) > math.Max(2, math.Ceil(quota)):
		f.Level, f.Advice = Change, "with more threads than the quota the system stops all of them for up to 100 ms at a time: unset GOMAXPROCS, so that Go follows the quota"
	case set != "" && procs < n && quota == 0:
		f.Level, f.Advice = Change, "GOMAXPROCS="+set+" leaves processors unused: unset it, unless that is wanted"
	case workers > procs:
		f.Level, f.Advice = Change, fmt.Sprintf("workers: got %d, more than Go's threads, which gains nothing: 0 takes as many as there are", workers)
	}
	return []Finding{f}
}

// memory compares the bound on the process's memory with what the machine and the control group have.
func (c *Checkup) memory(context.Context) []Finding {
	budget := c.Config.Limits.MemoryBudget
	bound := server.HeapLimit(int64(budget))
	total, available := c.meminfo("MemTotal"), c.meminfo("MemAvailable")
	f := Finding{About: "memory", Text: fmt.Sprintf("up to %s, for limits.memory_budget %s", size(bound), budget)}
	most, whose := total, "the machine"
	if group := c.memoryMax(); group > 0 && (most == 0 || group < most) {
		most, whose = group, "the control group"
	}
	if most > 0 {
		f.Text += fmt.Sprintf("; %s has %s", whose, size(most))
	}
	switch fits := budgetFor(most); {
	case most > 0 && bound > most && fits < int64(config.MiB):
		f.Level, f.Advice = Change, "the kernel would end the server when it uses that: give it more"
	case most > 0 && bound > most:
		f.Level, f.Advice = Change, fmt.Sprintf("the kernel would end the server when it uses that: set limits.memory_budget to %s at most, or give it more", size(fits))
	case most == total && available > 0 && bound > available:
		f.Level, f.Text = Note, f.Text+fmt.Sprintf(", of which others leave %s now", size(available))
	}
	return []Finding{f}
}

// budgetFor returns the memory budget, in whole MiB, with which the process stays within so many bytes.
func budgetFor(bytes int64) int64 {
	return max(0, (bytes-server.HeapLimit(0))*8/9) &^ (1<<20 - 1)
}

// size is a number of bytes as a setting is written, to the MiB.
func size(bytes int64) config.Size { return config.Size(bytes &^ (1<<20 - 1)) }

// memoryMax returns how many bytes the control groups of this process let it use; 0 for no limit.
func (c *Checkup) memoryMax() (least int64) {
	for _, dir := range c.groups("memory") {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			n, err := strconv.ParseInt(c.word(path.Join(dir, name), 0), 10, 64)
			if err == nil && n < 1<<60 && (least == 0 || n < least) { // version 1 says none by a number near 2^63
				least = n
			}
		}
	}
	return least
}

// quota returns how many processors the control groups of this process let it use at a time; 0 for no limit.
func (c *Checkup) quota() (least float64) {
	for _, dir := range c.groups("cpu") {
		quota, period := c.word(path.Join(dir, "cpu.max"), 0), c.word(path.Join(dir, "cpu.max"), 1)
		if quota == "" {
			quota, period = c.word(path.Join(dir, "cpu.cfs_quota_us"), 0), c.word(path.Join(dir, "cpu.cfs_period_us"), 0)
		}
		q, err := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		if err == nil && err2 == nil && q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	return least
}

// groups returns the folders of this process's control groups, the innermost first, up to the root: those of version 2 and
// those of a controller of version 1.
func (c *Checkup) groups(controller string) (dirs []string) {
	for line := range c.lines("proc/self/cgroup") {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		root := "sys/fs/cgroup"
		if fields[1] != "" {
			if !slices.Contains(strings.Split(fields[1], ","), controller) {
				continue
			}
			root = path.Join(root, controller)
		}
		for at := path.Clean("/" + fields[2]); ; at = path.Dir(at) {
			dirs = append(dirs, path.Join(root, at))
			if at == "/" {
				break
			}
		}
	}
	return dirs
}

// meminfo returns a value of /proc/meminfo in bytes, 0 where it is not there.
func (c *Checkup) meminfo(key string) int64 {
	for line := range c.lines("proc/meminfo") {
		if name, rest, ok := strings.Cut(line, ":"); ok && name == key {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// clock tells whether the system's clock is right, and quick to read.
func (c *Checkup) clock(context.Context) []Finding {
	f := Finding{About: "clock", Text: "synchronized"}
	source := c.word("sys/devices/system/clocksource/clocksource0/current_clocksource", 0)
	switch known, synchronized := clockSynchronized(); {
	case slices.Contains([]string{"hpet", "acpi_pm", "jiffies", "refined-jiffies"}, source):
		f = Finding{Change, "clock", "the source is " + source + ", which takes microseconds to read: each frame asks for the time several times",
			"choose a faster one: /sys/devices/system/clocksource/clocksource0/available_clocksource"}
	case !known:
		return nil
	case !synchronized:
		f.Level, f.Text = Note, "not synchronized, as far as this process sees: the lag of publishers with clocks of their own (captured_us) is then wrong by as much"
	}
	return []Finding{f}
}

// lines returns the lines of a file below the root, none where it cannot be read.
func (c *Checkup) lines(name string) func(func(string) bool) {
	return func(yield func(string) bool) {
		f, err := c.Root.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// word returns the nth word of a file below the root, "" where there is none.
func (c *Checkup) word(name string, n int) string {
	text, err := fs.ReadFile(c.Root, name)
	words := strings.Fields(string(text))
	if err != nil || n >= len(words) {
		return ""
	}
	return words[n]
}
