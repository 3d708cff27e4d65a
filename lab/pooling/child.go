package pooling

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

// turnVariable is the environment variable that tells a child its turn, in JSON. Its standard input is the file of frames.
const turnVariable = "STEADYFRAME_BENCH_TURN"

// Child is what a process does that Config.Child starts: one turn, whose result it writes to out as JSON.
func Child(out io.Writer) error { return child(Options(), out) }

func child(known []Option, out io.Writer) error {
	text := os.Getenv(turnVariable)
	if text == "" {
		return fmt.Errorf("this command is started by steadyframe bench pooling, with its settings in %s", turnVariable)
	}
	var t turn
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("%s: %w", turnVariable, err)
	}
	options, err := optionsNamed(known, []string{t.Option})
	if err != nil {
		return err
	}
	hangs := time.AfterFunc(t.Limit, func() {
		fmt.Fprintf(os.Stderr, "no result after %v; its goroutines:\n", t.Limit)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1) // what else could be said of an error?
		os.Exit(1)
	})
	defer hangs.Stop()
	f, err := readFrames(t.Size.workload(), os.Stdin, t.Hashes)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(t.run(options[0], f))
}

// TurnError is a child that did not come to an end.
type TurnError struct {
	Option  string
	Mode    Mode
	Err     error  // how it ended
	Printed string // what it wrote to its standard error, the beginning of it
}

func (e *TurnError) Error() string {
	s := fmt.Sprintf("option %s, mode %s: %v", e.Option, e.Mode, e.Err)
	if e.Printed == "" {
		return s + "; it printed nothing"
	}
	return s + "; it printed:\n  " + strings.ReplaceAll(e.Printed, "\n", "\n  ")
}

// Unwrap returns how the child ended.
func (e *TurnError) Unwrap() error { return e.Err }

// childGrace is how much longer than its turn a child may take: to start, to warm up and to look at its heap, on a machine
// that has much else to do.
const childGrace = 2 * time.Minute

// killGrace is how long a child that hangs may take to say where.
const killGrace = 10 * time.Second

// start runs t in a process of its own and returns its result. The error is a *TurnError, or context.Cause(ctx), at whose end the
// child is killed; it is also when this process ends, on Linux however that comes.
func (c *Config) start(ctx context.Context, t turn, frames *os.File) (turnResult, error) {
	t.Limit = t.WarmUp + 2*t.Duration + c.grace
	settings, err := json.Marshal(t)
	if err != nil {
		return turnResult{}, err
	}
	limited, cancel := context.WithTimeout(ctx, t.Limit+killGrace)
	defer cancel()
	cmd := exec.CommandContext(limited, c.Child[0], c.Child[1:]...)
	cmd.Env = append(c.environment(), turnVariable+"="+string(settings))
	var stdout strings.Builder
	var stderr beginning
	cmd.Stdin, cmd.Stdout, cmd.Stderr = frames, &stdout, &stderr
	cmd.SysProcAttr = childAttributes()
	err = runLocked(cmd)
	var res turnResult
	switch {
	case ctx.Err() != nil:
		return turnResult{}, context.Cause(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("no result after %v", t.Limit+killGrace)
	case err == nil:
		if err = json.Unmarshal([]byte(stdout.String()), &res); err != nil {
			err = fmt.Errorf("its result %q: %w", stdout.String(), err)
		}
	}
	if err != nil {
		return turnResult{}, &TurnError{t.Option, t.Mode, err, stderr.String()}
	}
	return res, nil
}

// runLocked is cmd.Run on one thread: Linux kills a child when the thread ends that started it (prctl(2), PR_SET_PDEATHSIG).
func runLocked(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// environment returns the environment of children, with the collector's settings of c.
func (c *Config) environment() []string {
	env := os.Environ()
	if c.GOGC != "" {
		env = append(env, "GOGC="+c.GOGC)
	}
	if c.MemoryLimit > 0 {
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", c.MemoryLimit))
	}
	return env
}

// beginning keeps the first lines that are written to it: those in which a Go program says why it crashed.
type beginning struct {
	mu  sync.Mutex
	buf []byte
}

// beginningBytes and beginningLines bound a beginning: the stacks of a child that hangs should fit.
const beginningBytes, beginningLines = 8 << 10, 80

// Write is part of io.Writer. It never fails.
func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p[:min(len(p), beginningBytes-len(b.buf))]...)
	return len(p), nil
}

// String returns what was kept.
func (b *beginning) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(b.buf)), "\n")
	return strings.Join(lines[:min(len(lines), beginningLines)], "\n")
}
