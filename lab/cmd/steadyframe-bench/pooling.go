package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/steadyframe/steadyframe/internal/cli"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/lab/pooling"
	"github.com/steadyframe/steadyframe/lab/report"
)

// benchPoolingCmd is steadyframe bench pooling.
type benchPoolingCmd struct {
	Options     []string       `group:"load" placeholder:"NAMES" help:"Where buffers come from, with commas: none, mutex, channel, syncpool-slice, syncpool-pointer, bytebufferpool, arena, pool. Default: all."`
	Modes       []pooling.Mode `group:"load" placeholder:"MODES" help:"flat (as fast as it goes), open (at --rate). Default: flat,open."`
	Size        pooling.Size   `group:"load" default:"w1" placeholder:"SIZE" help:"w1 (640x360 resized to 320x320) or w3 (1920x1080 as it is). Default: w1."`
	Rate        float64        `group:"load" default:"48" placeholder:"N" help:"Mode open: BATCHES per second; 48 batches of 25 are 1,200 frames per second. Default: 48."`
	Batch       int            `group:"load" default:"25" placeholder:"N" help:"Frames per batch. Default: 25."`
	Concurrency int            `group:"load" placeholder:"N" help:"Requests served at the same time. Default: one per processor, at most 8."`

	Rounds   int           `group:"run" placeholder:"N" help:"Turns of each option in each mode. Default: 5."`
	Duration time.Duration `group:"run" placeholder:"TIME" help:"How long a turn is measured. Default: 3s."`
	Quick    bool          `group:"run" help:"3 rounds of half a second: all options in both modes in less than 40 s, at size w1."`

	GOGC        string      `group:"memory" name:"gogc" placeholder:"N" help:"GOGC: how much garbage the collector leaves, in percent of the live heap, or off. Default: the environment's, else 100."`
	MemoryLimit memoryLimit `group:"memory" placeholder:"SIZE" help:"GOMEMLIMIT, such as 64MiB; or tight: 1.25 times what the option pool holds, for all options, as in a container. Default: the environment's, else none."`

	JSON   bool   `group:"output" name:"json" help:"Print the figures as one line of JSON on standard output."`
	Series bool   `group:"output" help:"Add latency curves and the heap over time to the JSON."`
	Report string `group:"output" type:"path" placeholder:"DIR" help:"Write a page with tables and plots to this folder."`
}

// Help is the longer text of steadyframe bench pooling --help.
func (benchPoolingCmd) Help() string {
	return `Measures what pooling of frame memory is worth on this machine. A request is a batch of frames; each frame is received into a
buffer, resized into a second and encoded into a third. The options differ in where those buffers come from and in nothing
else. Each option takes its turns in processes of its own, in interleaved rounds; the table shows medians of the rounds.

At 48 batches of 25 frames per second the three buffers of all frames are 1.4 GB/s. A batch's latency counts from when it was due
(mode open), or asked for (mode flat), until all its JPEGs are there. Each JPEG is compared with the right one, and the live heap
with the one before: an option that mixes up frames, leaks, or allocates what it should reuse is reported.

Exit code: 0; 1 when an option did any of that, or something failed; 2 when the command line is wrong; 130 when interrupted.

Examples:
  steadyframe bench pooling --quick
  steadyframe bench pooling --report out/
  steadyframe bench pooling --memory-limit tight --options none,syncpool-pointer,pool
  steadyframe bench pooling --size w3 --rate 4 --json`
}

// Rounds and time of a turn, usually and in a hurry: 8 options in 2 modes make 48 turns of which each takes 0.3 s beside.
const (
	usualRounds, usualDuration = 5, 3 * time.Second
	quickRounds, quickDuration = 3, 450 * time.Millisecond
)

// maxDefaultConcurrency keeps a machine of many processors from gigabytes of buffers that nobody asked for.
const maxDefaultConcurrency = 8

// AfterApply fills in what was left out, and checks all.
func (c *benchPoolingCmd) AfterApply() error {
	rounds, duration := usualRounds, usualDuration
	if c.Quick {
		rounds, duration = quickRounds, quickDuration
		if c.Rounds != 0 || c.Duration != 0 {
			return errors.New("--quick sets --rounds and --duration: leave those out, or --quick")
		}
	}
	if c.Rounds == 0 {
		c.Rounds = rounds
	}
	if c.Duration == 0 {
		c.Duration = duration
	}
	if c.Concurrency == 0 {
		c.Concurrency = min(runtime.GOMAXPROCS(0), maxDefaultConcurrency)
	}
	if c.Series && !c.JSON {
		return errors.New("--series adds to --json: give both")
	}
	if err := c.config().Check(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

// config returns what to measure.
func (c *benchPoolingCmd) config() pooling.Config {
	return pooling.Config{
		Options: c.Options, Modes: c.Modes, Size: c.Size, Rounds: c.Rounds, Duration: c.Duration, Rate: c.Rate, Batch: c.Batch,
		Concurrency: c.Concurrency, GOGC: c.GOGC, MemoryLimit: int64(c.MemoryLimit.bytes), Tight: c.MemoryLimit.tight,
	}
}

// Run measures, and prints what came out.
func (c *benchPoolingCmd) Run(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if c.Report != "" { // in vain now rather than after minutes
		if err := report.Prepare(c.Report); err != nil {
			return err
		}
	}
	todo := c.config()
	todo.Child = []string{program, "pooling-turn"}
	bar := newTurnBar(os.Stderr)
	result, err := todo.Run(ctx, cli.Version(version), bar.show)
	bar.close()
	if err != nil {
		return err
	}
	page := result.Page() // of the series too, which print drops
	if err := c.print(result); err != nil {
		return err
	}
	if err := c.writeReport(page); err != nil {
		return err
	}
	if n := len(result.Findings); n > 0 {
		first := &result.Findings[0]
		return fmt.Errorf("findings: %d, the first of option %s in mode %s: %s", n, first.Option, first.Mode, first.Text)
	}
	return nil
}

// writeReport writes the page where one is wanted.
func (c *benchPoolingCmd) writeReport(page *report.Page) error {
	if c.Report == "" {
		return nil
	}
	if err := page.Write(c.Report); err != nil {
		return err
	}
	out := os.Stdout
	if c.JSON {
		out = os.Stderr
	}
	_, err := fmt.Fprintf(out, "report: %s\n", filepath.Join(c.Report, "index.html"))
	return err
}

// print prints the result on standard output.
func (c *benchPoolingCmd) print(result *pooling.Result) error {
	if !c.JSON {
		return result.WriteTable(os.Stdout)
	}
	if !c.Series {
		result.DropSeries()
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// benchTurnCmd is what steadyframe bench pooling starts for each turn.
type benchTurnCmd struct{}

// Run measures one turn.
func (benchTurnCmd) Run() error {
	signal.Reset(os.Interrupt, syscall.SIGTERM) // they end the process at once: it has nothing to put in order
	return pooling.Child(os.Stdout)
}

// memoryLimit is a flag's number of bytes, or the word tight.
type memoryLimit struct {
	bytes config.Size
	tight bool
}

// UnmarshalText sets m to what text says.
func (m *memoryLimit) UnmarshalText(text []byte) error {
	if string(text) == "tight" {
		*m = memoryLimit{tight: true}
		return nil
	}
	if err := m.bytes.UnmarshalText(text); err != nil || m.bytes == 0 {
		return fmt.Errorf("got %q, want a number of bytes such as 64MiB, or tight", text)
	}
	return nil
}

// turnBar shows on a terminal which turn is under way, and nothing elsewhere.
type turnBar struct {
	w   *os.File
	bar *progressbar.ProgressBar
}

func newTurnBar(w *os.File) *turnBar {
	if !term.IsTerminal(int(w.Fd())) {
		return &turnBar{}
	}
	return &turnBar{w: w}
}

// show shows that a turn begins.
func (t *turnBar) show(p pooling.Progress) {
	if t.w == nil {
		return
	}
	if t.bar == nil {
		t.bar = progressbar.NewOptions(p.Turns,
			progressbar.OptionSetWriter(t.w),
			progressbar.OptionShowCount(),
			progressbar.OptionSetItsString("turns"),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetRenderBlankState(true),
		)
	}
	t.bar.Describe(fmt.Sprintf("%-16s %s", p.Option, p.Mode))
	t.bar.Set(p.Turn - 1)
}

// close takes the bar off the terminal.
func (t *turnBar) close() {
	if t.bar != nil {
		t.bar.Clear()
	}
}
