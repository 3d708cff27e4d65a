package live

import (
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/steadyframe/steadyframe/internal/tail"
)

// child is a process whose standard output is read. It is killed, with its group where there are any, by kill, by end,
// and on Linux by the end of this process, however that comes.
type child struct {
	cmd    *exec.Cmd
	stdout *os.File
	stderr tail.Writer
	ended  chan struct{} // closed when the process has ended
}

// stderrDelay is how long a process that has ended may leave its standard error open to others.
const stderrDelay = time.Second

// startChild starts the program at path; no shell sees args. The caller ends it.
func startChild(path string, args []string) (*child, error) {
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	c := &child{cmd: exec.Command(path, args...), stdout: stdout, ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.WaitDelay = theirs, &c.stderr, stderrDelay
	c.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	go func() {
		// Linux kills the child when the thread ends that started it (prctl(2), PR_SET_PDEATHSIG): this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait() // Why it ended, it says on its standard error.
			close(c.ended)
		}
	}()
	if err := <-started; err != nil {
		stdout.Close()
		return nil, err
	}
	return c, nil
}

// Read reads what the process writes.
func (c *child) Read(p []byte) (int, error) { return c.stdout.Read(p) }

// kill ends the process, if it has not ended yet. It may be called from any goroutine.
func (c *child) kill() {
	select {
	case <-c.ended:
	default:
		killChild(c.cmd.Process)
	}
}

// end kills the process and waits for that.
func (c *child) end() {
	c.kill()
	<-c.ended
	c.stdout.Close()
}

// lastLine returns the last line that the process wrote to its standard error, once it has ended.
func (c *child) lastLine() string {
	<-c.ended
	return c.stderr.LastLine()
}
