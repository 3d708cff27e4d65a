package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// attacker is who attacks, in a process of its own.
type attacker struct {
	attackOrder
	ctx context.Context // ends with the attack

	mu     sync.Mutex
	counts map[string]int
}

// n returns how many of something there are: full, or, in the short form, a tenth.
func (a *attacker) n(full int) int {
	if a.Short {
		return (full + 9) / 10
	}
	return full
}

// count counts one of what was done or seen.
func (a *attacker) count(what string) { a.add(what, 1) }

func (a *attacker) add(what string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[what] += n
}

// each runs f n times at the same time, and returns when all have returned. So long lies between two beginnings.
func (a *attacker) each(n int, between time.Duration, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
		if between > 0 && !a.pause(between) {
			break
		}
	}
	all.Wait()
}

// again runs f until the attack ends, and waits so long between.
func (a *attacker) again(between time.Duration, f func()) {
	for a.ctx.Err() == nil {
		f()
		a.pause(between)
	}
}

// pause waits, and returns false when the attack ended meanwhile.
func (a *attacker) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.ctx.Done():
		return false
	}
}

// connect opens a connection, which the end of the attack closes. With narrow the system takes as little as it can before the
// attacker reads.
func (a *attacker) connect(address string, narrow bool) (net.Conn, func(), error) {
	dialer := net.Dialer{}
	conn, err := dialer.DialContext(a.ctx, "tcp", address)
	if err != nil {
		a.count("connections refused")
		return nil, nil, err
	}
	if narrow {
		_ = conn.(*net.TCPConn).SetReadBuffer(2048)
	}
	stop := context.AfterFunc(a.ctx, func() { conn.Close() })
	a.count("connections")
	return conn, func() { stop(); conn.Close() }, nil
}

// ended reads conn until the server ends it, or the attack ends, and counts the first.
func (a *attacker) ended(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn) // The end is all that matters.
	if a.ctx.Err() == nil {
		a.count("connections ended by the server")
	}
}

// attackers is the process that attacks.
type attackers struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stderr  bytes.Buffer
	much    chan struct{} // closed when the attack has taken place
	over    chan struct{} // closed when nothing is left to do
	exited  chan struct{} // closed when the process has written all
	counted map[string]int
}

// startAttackers starts them. An attack that is nothing but the server's settings has none: what they count is nothing.
func startAttackers(t testing.TB, a *attack, s *served, short bool) *attackers {
	t.Helper()
	p := &attackers{much: make(chan struct{}), over: make(chan struct{}), exited: make(chan struct{})}
	if a.do == nil {
		close(p.much)
		close(p.over)
		close(p.exited)
		return p
	}
	order, err := json.Marshal(attackOrder{Name: a.name, HTTP: s.HTTP, GRPC: s.GRPC, RTSP: s.RTSP, Short: short})
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{os.Args[0]}
	if !short { // In the short form nothing depends on speed, and an attack must take place on a busy machine too.
		argv = append(lowest(), argv...)
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(os.Environ(), attackVariable+"="+string(order))
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		done := sync.OnceFunc(func() { close(p.over) })
		defer done()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			switch lines.Text() {
			case "enough":
				close(p.much)
			case "done":
				done()
			default:
				_ = json.Unmarshal(lines.Bytes(), &p.counted) // Without counts the attack has not taken place, which is judged.
			}
		}
	}()
	t.Cleanup(func() { p.end(t) })
	return p
}

// lowest returns the beginning of a command line by which a program takes no processor time that the server or its good clients want. A
// nice value says nothing where all of them have real-time priority, as by chrt: there whatever has none comes after them.
func lowest() []string {
	text, _ := os.ReadFile("/proc/self/stat") // none where it is not Linux
	_, rest, _ := bytes.Cut(text, []byte(") "))
	realTime := false
	if fields := bytes.Fields(rest); len(fields) > 38 { // proc(5): policy is field 41, and the rest begins with field 3
		const fifo, roundRobin = "1", "2"
		realTime = string(fields[38]) == fifo || string(fields[38]) == roundRobin
	}
	if chrt, err := exec.LookPath("chrt"); err == nil && realTime {
		return []string{chrt, "--other", "0"}
	}
	if nice, err := exec.LookPath("nice"); err == nil {
		return []string{nice, "-n", "40"} // as low as there is, whatever our own is
	}
	return nil
}

// enough reports whether the attack has taken place.
func (p *attackers) enough() bool { return closed(p.much) }

// done reports whether nothing is left to do.
func (p *attackers) done() bool { return closed(p.over) }

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// end ends the process.
func (p *attackers) end(t testing.TB) {
	t.Helper()
	if p.cmd == nil || p.cmd.ProcessState != nil {
		return
	}
	p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
	}
	<-p.exited
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the attackers: %v\n%s", err, p.stderr.Bytes())
	}
}

func (p *attackers) counts() map[string]int { return p.counted }

// heldProcesses returns the processes that a server's children have started, and these.
func heldProcesses(s *served) []int {
	pid := s.Cmd.Process.Pid
	return slices.DeleteFunc(processesWith("STEADYFRAME_CHILD="+strconv.Itoa(pid)+"-"), func(found int) bool { return found == pid })
}
