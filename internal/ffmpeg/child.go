package ffmpeg

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// child is a process whose standard output and standard error are read. When it ends, its descendants are killed: on Linux
// all of them, on other Unix systems those in its process group, elsewhere none. On Linux it is also killed when this
// process ends for any reason.
type child struct {
	cmd    *exec.Cmd
	mark   string // in the environment of the process and its descendants
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	extra  *os.File      // what the process writes to its file descriptor 3; nil without
	ended  chan struct{} // closed when the process and its descendants have ended
	exit   error         // how it ended; read it after ended is closed
}

// markName is the environment variable by which descendants are found.
const markName = "STEADYFRAME_CHILD"

// outputGrace is how long a Read waits for output after the process has ended. Everything it wrote is in the pipe by
// then; only a descendant that could not be killed can keep the pipe open.
const outputGrace = time.Second

// startChild starts the program at path; no shell sees args. With stdin the process reads what is written to
// child.stdin; with extra it has a file descriptor 3 to write to. The caller calls end.
func startChild(path string, args []string, stdin, extra bool) (_ *child, err error) {
	c := &child{
		cmd:   exec.Command(path, args...),
		mark:  fmt.Sprintf("%s=%d-%016x", markName, os.Getpid(), rand.Uint64()),
		ended: make(chan struct{}),
	}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			c.closePipes()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	var out, errs, in, third *os.File
	c.stdout, out = pipe()
	c.stderr, errs = pipe()
	if stdin {
		in, c.stdin = pipe()
	}
	if extra {
		c.extra, third = pipe()
	}
	for _, f := range []*os.File{out, errs, in, third} {
		if f != nil {
			theirs = append(theirs, f)
		}
	}
	if err != nil {
		return nil, err
	}
	growPipe(c.stdout)
	c.cmd.Stdout, c.cmd.Stderr = out, errs
	if in != nil {
		c.cmd.Stdin = in
	}
	if third != nil {
		c.cmd.ExtraFiles = []*os.File{third}
	}
	c.cmd.Env = append(os.Environ(), c.mark)
	c.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	go c.run(started)
	if err = <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// run starts the process, reports that, and waits for its end.
func (c *child) run(started chan<- error) {
	// Linux kills the child when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG), so this thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.exit = c.cmd.Wait()
	killDescendants(c.cmd.Process.Pid, c.mark)
	close(c.ended)
	// A Read that waits now must not wait for a descendant that keeps the pipe open.
	c.stdout.SetReadDeadline(time.Now().Add(outputGrace))
	c.stderr.SetReadDeadline(time.Now().Add(outputGrace))
	if c.extra != nil {
		c.extra.SetReadDeadline(time.Now().Add(outputGrace))
	}
}

// reader reads f, an output pipe of the process. Its end comes at the latest outputGrace after the end of the process.
func (c *child) reader(f *os.File) io.Reader { return &outputReader{c, f} }

type outputReader struct {
	c *child
	f *os.File
}

// Read is part of io.Reader.
func (r *outputReader) Read(p []byte) (int, error) {
	select {
	case <-r.c.ended:
		r.f.SetReadDeadline(time.Now().Add(outputGrace))
	default:
	}
	n, err := r.f.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}

// kill ends the process and its group, unless it has ended. Any goroutine may call it.
func (c *child) kill() {
	select {
	case <-c.ended:
	default:
		killGroup(c.cmd.Process)
	}
}

// end kills the process, waits for its end, and closes the pipes. Nothing may read them any more.
func (c *child) end() {
	c.kill()
	<-c.ended
	c.closePipes()
}

func (c *child) closePipes() {
	for _, f := range []*os.File{c.stdin, c.stdout, c.stderr, c.extra} {
		if f != nil {
			f.Close()
		}
	}
}
