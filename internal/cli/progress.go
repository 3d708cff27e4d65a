package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress is a bar on a terminal, or nothing elsewhere.
type Progress struct{ bar *progressbar.ProgressBar }

// NewProgress returns the progress of total frames, 0 when that is not known. It shows nothing when quiet, or when w is no terminal.
func NewProgress(w *os.File, total int, quiet bool) *Progress {
	if quiet || !isTerminal(w) {
		return &Progress{}
	}
	if total == 0 {
		total = -1 // a spinner
	}
	return &Progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("encoding"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("frames"),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(250*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true), // begins the clock
	)}
}

// Add counts n frames more.
func (p *Progress) Add(n int) {
	if p.bar != nil {
		p.bar.Add(n)
	}
}

// Close takes the bar off the terminal.
func (p *Progress) Close() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
