package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// misuse is one way to use a server badly.
type misuse struct {
	name string
	// do does it, and returns what the server should not have done. What is random in it comes from m.random.
	do func(m *misuser) error
}

// misuses are all ways, by API.
var misuses = joined(httpMisuses, grpcMisuses, liveMisuses)

func joined(all ...[]misuse) (out []misuse) {
	for _, some := range all {
		out = append(out, some...)
	}
	return out
}

// misuser is who does it once. The same seed and number do the same, whenever.
type misuser struct {
	s       *served
	rings   *rings
	ctx     context.Context // ends with the faults
	random  *rand.Rand
	number  int
	longest time.Duration // that it may hold on to anything
}

// faults misuses the server so many times a second, one way after another in an order that follows from the seed.
type faults struct {
	s       *served
	rings   *rings
	seed    uint64
	rate    float64
	longest time.Duration
	log     io.Writer // gets a line for each; may be nil

	paused   atomic.Bool
	strained *atomic.Bool // then a server that is too busy to say what is wrong is right
	begun    time.Time
	end      context.CancelFunc
	all      sync.WaitGroup

	mu    sync.Mutex
	done  map[string]int
	wrong []string // what the server should not have done
}

// maxMisusers is how many there may be at the same time: less than limits.max_requests and limits.max_connections leave for
// those who do no harm.
const maxMisusers = 64

func startFaults(f *faults) {
	var ctx context.Context
	ctx, f.end = context.WithCancel(context.Background())
	f.done, f.begun = map[string]int{}, time.Now()
	f.all.Go(func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / f.rate))
		defer tick.Stop()
		places := make(chan struct{}, maxMisusers)
		for n := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if f.paused.Load() {
				continue
			}
			places <- struct{}{}
			which, number := f.choice(n), n
			n++
			f.all.Go(func() {
				f.misuse(ctx, which, number)
				<-places
			})
		}
	})
}

// choice returns what misuse n is. All ways come as often.
func (f *faults) choice(n int) *misuse {
	round, place := n/len(misuses), n%len(misuses)
	order := rand.New(rand.NewPCG(f.seed, uint64(round))).Perm(len(misuses))
	return &misuses[order[place]]
}

// misuse does it, and notes what came of it.
func (f *faults) misuse(ctx context.Context, which *misuse, n int) {
	begin := time.Now()
	strained := f.strained.Load()
	err := which.do(&misuser{f.s, f.rings, ctx, rand.New(rand.NewPCG(f.seed, 1<<32+uint64(n))), n, f.longest})
	strained = strained || f.strained.Load()
	if ctx.Err() != nil || errors.Is(err, errBusy) || strained && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done[which.name]++
	if err != nil && (len(f.wrong) < 100) {
		f.wrong = append(f.wrong, fmt.Sprintf("%s (number %d): %v", which.name, n, err))
	}
	if f.log != nil {
		fmt.Fprintf(f.log, "%9.3f s  %6d  %-24s %7.3f s  strained %-5v  %v\n",
			begin.Sub(f.begun).Seconds(), n, which.name, time.Since(begin).Seconds(), strained, err)
	}
}

// stop ends all.
func (f *faults) stop() {
	f.end()
	f.all.Wait()
}

// errBusy is a server that has no room to look at a request, which it may say at any time.
var errBusy = errors.New("the server is busy")

// between returns a random whole number from low to high.
func (m *misuser) between(low, high int) int { return low + m.random.IntN(high-low+1) }

// noise returns so many random bytes.
func (m *misuser) noise(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(m.random.Uint32())
	}
	return data
}

// hold waits for a random time, from a tenth of a second to the longest.
func (m *misuser) hold() {
	timer := time.NewTimer(time.Duration(m.between(100, max(100, int(m.longest.Milliseconds())))) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.ctx.Done():
	}
}

// connect opens a connection, which the end of the faults closes.
func (m *misuser) connect(address string) (conn net.Conn, closed func(), err error) {
	conn, err = net.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(m.ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// responseTime is how long any response of the server may take: an order above timeouts.queue.
const responseTime = 60 * time.Second

// exchange sends data on a connection of its own, and returns what comes back until the server ends the connection or
// has sent atMost bytes. That the server hangs up is no error.
func (m *misuser) exchange(address string, data []byte, atMost int) ([]byte, error) {
	conn, closed, err := m.connect(address)
	if err != nil {
		return nil, err
	}
	defer closed()
	_, _ = conn.Write(data) // The server may have hung up meanwhile.
	if err := conn.SetReadDeadline(time.Now().Add(responseTime)); err != nil {
		return nil, err
	}
	response, err := io.ReadAll(io.LimitReader(conn, int64(atMost)))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return response, fmt.Errorf("no end of the response within %v: %.100q", responseTime, response)
	}
	return response, nil
}

// wantRefused returns an error unless a response in HTTP/1 says that the request is wrong, or there is no room for it.
func wantRefused(response []byte) error {
	status := ""
	if fields := strings.Fields(string(response[:min(len(response), 40)])); len(fields) > 1 && bytes.HasPrefix(response, []byte("HTTP/1.")) {
		status = fields[1]
	}
	switch {
	case status == "429" || status == "503":
		return errBusy
	case strings.HasPrefix(status, "4"):
		return nil
	}
	return fmt.Errorf("got %.200q, want status 4xx", response)
}

// hungUp reports whether err is that the other side has ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// stallLongest is above timeouts.queue and timeouts.receive, 13 s together, so that a server has ended what stalled. What
// holds on for less need not have been ended.
const stallLongest = 15 * time.Second
