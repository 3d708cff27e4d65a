// Command peers measures Steadyframe against other ways to turn raw frames into JPEGs, on the same frames, in one run,
// turn by turn. It needs cgo and the libraries that scripts/install-peers installs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", strings.TrimPrefix(err.Error(), "peers: "))
		os.Exit(1)
	}
}

// document is what --json writes.
type document struct {
	Time    string   `json:"time"`
	Command []string `json:"command"`
	Commit  string   `json:"commit"`
	CPU     string   `json:"cpu"`
	Go      string   `json:"go"`
	Input   string   `json:"input"`
	Results []result `json:"results"`
}

func run() error {
	clip := flag.String("clip", "", "a video for the frames, read by ffmpeg; without it they are painted")
	only := flag.String("only", "", "workloads whose names match this expression")
	who := flag.String("rivals", "", "rivals whose names match this expression, beside ours")
	cores := flag.Int("cores", 1, "processors to use, each with frames of its own")
	rounds := flag.Int("rounds", 9, "turns of each rival")
	turn := flag.Duration("turn", 400*time.Millisecond, "how long a turn is")
	cpuTime := flag.Bool("cpu-time", false, "count the processors' time, not the clock's: on a machine that others use, too")
	frames := flag.Int("frames", 120, "frames to go over, fewer of large ones")
	output := flag.String("json", "", "write the results to this file, too")
	flag.Parse()
	if flag.NArg() > 0 || *cores < 1 || *rounds < 1 || *frames < 1 {
		return fmt.Errorf("peers: got %q, --cores %d, --rounds %d and --frames %d, want flags alone, and 1 or more", flag.Args(), *cores, *rounds, *frames)
	}
	workloads, taking, err := choose(*only, *who)
	if err != nil {
		return err
	}
	if err := pin(*cores); err != nil {
		return err
	}
	doc := document{Time: time.Now().UTC().Format(time.RFC3339), Command: os.Args, Commit: commit, CPU: cpu(), Go: runtime.Version(), Input: *clip}
	if *clip == "" {
		doc.Input = "painted scenes"
	}
	fmt.Printf("%s, %s, commit %s, frames: %s\nMedians of %d rounds of %v; ours is: our rate over theirs, of the same round\n", doc.CPU, doc.Go, doc.Commit, doc.Input, *rounds, *turn)
	for _, w := range workloads {
		if err := w.load(*clip, *frames); err != nil {
			return err
		}
		c := &contest{workload: w, rivals: taking, cores: *cores, rounds: *rounds, turn: *turn, clock: clockOf(*cpuTime)}
		if err := c.run(); err != nil {
			return err
		}
		results := c.results()
		writeTable(os.Stdout, results)
		doc.Results = append(doc.Results, results...)
		w.frames = nil
	}
	if *output == "" {
		return nil
	}
	text, err := json.MarshalIndent(doc, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(*output, append(text, '\n'), 0o666)
}

// choose returns the workloads and rivals whose names match. Ours always takes part.
func choose(only, who string) ([]*workload, []rival, error) {
	names, err := regexp.Compile(only)
	if err != nil {
		return nil, nil, fmt.Errorf("peers: --only: %w", err)
	}
	others, err := regexp.Compile(who)
	if err != nil {
		return nil, nil, fmt.Errorf("peers: --rivals: %w", err)
	}
	var chosen []*workload
	var all []string
	for _, w := range workloads() {
		all = append(all, w.name)
		if names.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	if chosen == nil {
		return nil, nil, fmt.Errorf("peers: --only: got %q, want it to match some of %q", only, all)
	}
	var taking []rival
	for i, r := range rivals() {
		if i == 0 || others.MatchString(r.name) {
			taking = append(taking, r)
		}
	}
	return chosen, taking, nil
}

// commit is what is measured; scripts/bench-peers sets it.
var commit = "unknown"

// cpu returns the processor's name, "unknown" where it cannot be told.
func cpu() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(info); err == nil && m != nil {
		return string(m[1])
	}
	return "unknown"
}
