//go:build linux

package ring

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ring"
	"github.com/steadyframe/steadyframe/pipeline"
)

// processorTime returns what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured runs f for each iteration, which has so many frames, and reports the processor time of both sides for a frame, and the
// median time of an iteration.
func measured(b *testing.B, frames int, f func()) {
	took := make([]time.Duration, 0, 1<<20)
	f()
	began := processorTime(b)
	for b.Loop() {
		start := time.Now()
		f()
		if len(took) < cap(took) {
			took = append(took, time.Since(start))
		}
	}
	used := processorTime(b) - began
	slices.Sort(took)
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*frames), "cpu-ns/frame")
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
}

// BenchmarkEncode: W1 through the ring, with client and server in this process and frames that are in their slots already, beside
// the library alone. docs/performance.md has figures.
func BenchmarkEncode(b *testing.B) {
	b.Run("way=library", benchmarkLibrary)
	for _, tt := range []struct{ slots, batch int }{{1, 1}, {2, 1}, {4, 1}, {1, 5}, {2, 25}} {
		b.Run(fmt.Sprintf("way=ring/slots=%d/batch=%d", tt.slots, tt.batch), func(b *testing.B) {
			r := start(b, nil)
			benchmarkClient(b, r.encoder(ring.Hello{Spec: w1, Slots: tt.slots, Batch: tt.batch}), tt.slots, tt.batch)
		})
	}
}

func benchmarkLibrary(b *testing.B) {
	p, err := pipeline.Compile(w1, nil)
	if err != nil {
		b.Fatal(err)
	}
	pixels := make([]byte, 640*360*3)
	smooth(pixels, 1)
	f, err := frame.WrapBytes(w1.Input, pixels)
	if err != nil {
		b.Fatal(err)
	}
	batch := pipeline.Batch{In: []frame.Frame{f}}
	defer batch.Release()
	measured(b, 1, func() {
		if err := p.Run(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	})
}

// benchmarkClient keeps all slots but one submitted, and returns how many frames it had encoded.
func benchmarkClient(b *testing.B, c *client, slots, batch int) (frames int) {
	for slot := range slots {
		for n := range batch {
			smooth(c.Frame(slot, n), 1)
		}
	}
	for slot := range slots - 1 {
		c.submit(slot, batch)
	}
	next := slots - 1
	measured(b, batch, func() {
		c.submit(next, batch)
		next = int(c.done().Slot)
		frames += batch
	})
	for range slots - 1 {
		c.done()
		frames += batch
	}
	return frames
}

// BenchmarkServer: W1 through the ring, with the server in a process of its own, whose processor time is counted apart, beside the
// library alone.
func BenchmarkServer(b *testing.B) {
	b.Run("way=library", benchmarkLibrary)
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "ring") // b.TempDir is too long for a socket
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	server := exec.CommandContext(b.Context(), program)
	server.Env = append(os.Environ(), childVariable+"="+childServer+" "+path)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	if _, err := out.Read(make([]byte, 16)); err != nil {
		b.Fatal(err)
	}
	for _, tt := range []struct{ slots, batch int }{{1, 1}, {2, 1}, {1, 5}, {2, 25}} {
		b.Run(fmt.Sprintf("way=ring/slots=%d/batch=%d", tt.slots, tt.batch), func(b *testing.B) {
			h := ring.Hello{Use: ring.Encode, Spec: w1, Slots: tt.slots, Batch: tt.batch}
			conn, err := ring.Dial(b.Context(), path, h)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			c := newClient(b, conn)
			began := processTime(b, server.Process.Pid)
			frames := benchmarkClient(b, c, tt.slots, tt.batch)
			used := processTime(b, server.Process.Pid) - began
			b.ReportMetric(float64(used.Nanoseconds())/float64(frames), "server-ns/frame")
		})
	}
}

// processTime returns what another process has used.
func processTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	var sum time.Duration
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // A thread has ended.
		}
		var ran int64
		if _, err := fmt.Sscan(string(data), &ran); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ran)
	}
	return sum
}
