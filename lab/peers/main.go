// Command peers measures Steadyframe against other ways to turn raw frames into JPEGs, on the same frames, in one run,
// turn by turn. It needs cgo and the libraries that scripts/bench-peers installs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/lab/measure"
	"github.com/steadyframe/steadyframe/lab/report"
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
	Noise   int      `json:"noise,omitempty"` // that was added to it: the strength of ffmpeg's filter
	Quality int      `json:"quality"`         // of the images, in the scale of libjpeg
	Library []string `json:"libraries"`       // what the rivals are made of, with versions
	Rounds  int      `json:"rounds"`
	TurnMS  int64    `json:"turn_ms"`
	CPUTime bool     `json:"cpu_time"` // whether times are the processors', not the clock's
	Results []result `json:"results"`
}

// options are the flags.
type options struct {
	clip, only, who string
	quality, noise  int
	newest          bool
	cores           string
	rounds          int
	turn            time.Duration
	cpuTime         bool
	frames          int
	output, report  string
}

func flags() (options, error) {
	var o options
	flag.CommandLine.Init("scripts/bench-peers", flag.ExitOnError)
	flag.StringVar(&o.clip, "clip", "", "a video for the frames, read by ffmpeg; without it they are painted")
	flag.IntVar(&o.quality, "quality", usualQuality, "quality of the JPEGs, 1 to 100, in the scale of libjpeg")
	flag.IntVar(&o.noise, "noise", 0, "add noise of this strength, 1 to 100, to the frames: ffmpeg's filter noise=alls=N; 14 is a camera in the dark")
	flag.BoolVar(&o.newest, "newest", false, "measure nothing unless libjpeg-turbo and libyuv are recent: lab/peers/README.md says how")
	flag.StringVar(&o.only, "only", "", "workloads whose names match this expression")
	flag.StringVar(&o.who, "rivals", "", "rivals whose names match this expression, beside ours")
	flag.StringVar(&o.cores, "cores", "1,all", "processors to use, each with frames of its own; several numbers one after the other")
	flag.IntVar(&o.rounds, "rounds", 9, "turns of each rival")
	flag.DurationVar(&o.turn, "turn", 400*time.Millisecond, "how long a turn is")
	flag.BoolVar(&o.cpuTime, "cpu-time", false, "count the processors' time, not the clock's: on a machine that others use, too")
	flag.IntVar(&o.frames, "frames", 120, "frames to go over, fewer of large ones")
	flag.StringVar(&o.output, "json", "", "write the results to this file, too")
	flag.StringVar(&o.report, "report", "", "write a page with plots, index.html, into this folder, too")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 || o.frames < 1 || o.turn <= 0 {
		return o, fmt.Errorf("peers: got %q, --rounds %d, --frames %d and --turn %v, want flags alone, and 1 or more", flag.Args(), o.rounds, o.frames, o.turn)
	}
	if o.quality < 1 || o.quality > 100 || o.noise < 0 || o.noise > 100 {
		return o, fmt.Errorf("peers: got --quality %d and --noise %d, want 1 to 100, and 0 to 100", o.quality, o.noise)
	}
	return o, nil
}

// coresOf returns the numbers of processors of a list such as 1,all, where all is what there is.
func coresOf(list string, all int) ([]int, error) {
	var out []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if word == "all" {
			n, err = all, nil
		}
		if err != nil || n < 1 || n > all {
			return nil, fmt.Errorf("peers: --cores: got %q, want numbers from 1 to %d, which this process may use, or all, such as 1,all", list, all)
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

func run() error {
	o, err := flags()
	if err != nil {
		return err
	}
	workloads, taking, err := choose(&o)
	if err != nil {
		return err
	}
	if o.newest {
		if err := checkNewest(); err != nil {
			return err
		}
	}
	own, err := ownProcessors()
	if err != nil {
		return err
	}
	cores, err := coresOf(o.cores, own.count())
	if err != nil {
		return err
	}
	if err := o.prepare(); err != nil {
		return err
	}
	doc := o.document()
	fmt.Printf("%s, %s, commit %s, frames: %s, quality %d\n%s\nMedians of %d rounds of %v; ours is: our rate over theirs, of the same round\n", doc.CPU, doc.Go, doc.Commit, doc.frames(), o.quality, strings.Join(doc.Library, "; "), o.rounds, o.turn)
	for _, w := range workloads {
		if err := w.load(o.clip, o.noise, o.frames); err != nil {
			return err
		}
		for _, n := range cores {
			if err := own.pin(n); err != nil {
				return err
			}
			c := &contest{workload: w, rivals: taking, cores: n, rounds: o.rounds, turn: o.turn, clock: clockOf(o.cpuTime)}
			if err := c.run(); err != nil {
				return err
			}
			results := c.results()
			writeTable(os.Stdout, results)
			doc.Results = append(doc.Results, results...)
		}
		w.frames = nil
	}
	return doc.write(o.output, o.report)
}

// prepare makes what the results go into: what cannot be written is said before anything is measured.
func (o *options) prepare() error {
	if o.output != "" {
		f, err := os.OpenFile(o.output, os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return fmt.Errorf("peers: --json: %w", err)
		}
		f.Close()
	}
	if o.report != "" {
		return report.Prepare(o.report)
	}
	return nil
}

// document returns what is known before anything is measured.
func (o *options) document() *document {
	machine := measure.Here(commit)
	doc := &document{
		Time: time.Now().UTC().Format(time.RFC3339), Command: append([]string{"scripts/bench-peers"}, os.Args[1:]...), Commit: commit, CPU: machine.CPU, Go: runtime.Version(), Input: o.clip,
		Noise: o.noise, Quality: o.quality, Library: libraries(), Rounds: o.rounds, TurnMS: o.turn.Milliseconds(), CPUTime: o.cpuTime,
	}
	if o.clip == "" {
		doc.Input = "painted scenes"
	}
	return doc
}

// frames says what the frames are.
func (d *document) frames() string {
	if d.Noise > 0 {
		return fmt.Sprintf("%s with noise=alls=%d", d.Input, d.Noise)
	}
	return d.Input
}

// write writes the results as JSON and as a page, each where it is asked for.
func (d *document) write(output, folder string) error {
	if output != "" {
		text, err := json.MarshalIndent(d, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(output, append(text, '\n'), 0o666); err != nil {
			return err
		}
	}
	if folder == "" {
		return nil
	}
	machine := measure.Here(d.Commit)
	if _, arguments, ok := strings.Cut(machine.Command, " "); ok {
		machine.Command = d.Command[0] + " " + arguments // what the reader is to type, not the program that it builds
	}
	if err := d.page(machine).Write(folder); err != nil {
		return err
	}
	fmt.Printf("\n%s\n", filepath.Join(folder, "index.html"))
	return nil
}

// choose returns the workloads and rivals whose names match. Ours always takes part.
func choose(o *options) ([]*workload, []rival, error) {
	names, err := regexp.Compile(o.only)
	if err != nil {
		return nil, nil, fmt.Errorf("peers: --only: %w", err)
	}
	others, err := regexp.Compile(o.who)
	if err != nil {
		return nil, nil, fmt.Errorf("peers: --rivals: %w", err)
	}
	var chosen []*workload
	var all []string
	for _, w := range workloads(o.quality) {
		all = append(all, w.name)
		if names.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	if chosen == nil {
		return nil, nil, fmt.Errorf("peers: --only: got %q, want it to match some of %q", o.only, all)
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
