package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// PushBar is the progress of a Push: a line on a terminal, nothing elsewhere, and notices between. Its methods may be
// called from any goroutine.
type PushBar struct {
	w   io.Writer
	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil when w is no terminal
}

// NewPushBar returns the progress of total frames, 0 when that is not known, on w.
func NewPushBar(w *os.File, total int, quiet bool) *PushBar {
	b := &PushBar{w: w}
	if quiet {
		b.w = io.Discard
	}
	if quiet || !isTerminal(w) {
		return b
	}
	if total == 0 {
		total = -1 // a spinner
	}
	b.bar = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("pushing"),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(total < 0),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(progressInterval/2),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true), // begins the clock
	)
	return b
}

// Show shows how the Push goes.
func (b *PushBar) Show(p PushProgress) {
	if b.bar == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.Describe(p.String())
	b.bar.Set(p.Frames)
}

// Notice prints a line that stays.
func (b *PushBar) Notice(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Clear()
	}
	fmt.Fprintln(b.w, "steadyframe: "+text)
}

// Close takes the line off the terminal.
func (b *PushBar) Close() {
	if b.bar != nil {
		b.bar.Clear()
	}
}
