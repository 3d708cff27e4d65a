package cluster

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/pause"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
	"github.com/steadyframe/steadyframe/lab/viewers"
	"github.com/steadyframe/steadyframe/pipeline"
)

const (
	width, height, fps = 1280, 720, 25
	frameTime          = time.Second / fps
	streamPath         = "/stream/cam.mjpg"
)

// node is a process of a cluster, which may be started again at the same addresses.
type node struct {
	*daemon.Server
	http, grpc, routes string
	name               string
}

func splitPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	return host, port, err
}

// startNodes starts so many nodes of one cluster; nats is a NATS server, empty for that of the nodes themselves.
func startNodes(t *testing.T, n int, nats string) []*node {
	t.Helper()
	var nodes []*node
	for i := range n {
		nodes = append(nodes, &node{name: string(rune('a' + i)), http: daemon.FreeAddress(t), grpc: daemon.FreeAddress(t), routes: daemon.FreeAddress(t)})
	}
	for i := range nodes {
		startNode(t, nodes, i, nats)
	}
	for _, n := range nodes {
		daemon.WaitFor(t, "the nodes to know each other", func() bool { return len(n.cluster(t).Nodes) == len(nodes) })
	}
	return nodes
}

func startNode(t *testing.T, nodes []*node, i int, nats string) {
	t.Helper()
	n := nodes[i]
	args := []string{"--http", n.http, "--grpc", n.grpc, "--set", "cluster.name=lab", "--set", "cluster.node=" + n.name, "--set", "live.max_viewers=2000", "--set", "limits.max_connections=2000"}
	if nats != "" {
		args = append(args, "--set", "cluster.nats=nats://"+nats)
	} else {
		var routes []string
		for _, o := range nodes {
			routes = append(routes, o.routes)
		}
		args = append(args, "--set", "cluster.listen="+n.routes, "--set", "cluster.routes="+strings.Join(routes, ","))
	}
	n.Server = daemon.Serve(t, program, nil, args...)
}

// clusterInfo is the part of GET /v1/cluster that is looked at.
type clusterInfo struct {
	Directory struct{ State string }
	Nodes     []struct{ Name, State string }
}

func (n *node) cluster(t *testing.T) (c clusterInfo) {
	t.Helper()
	n.GetJSON(t, "/v1/cluster", &c)
	return c
}

func (n *node) url() string { return "http://" + n.http + streamPath }

// clip writes some seconds of the video as raw frames.
func clip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.y4m")
	filter := fmt.Sprintf("scale=%d:%d,setpts=N/(%d*TB),fps=%d", width, height, fps, fps) // each frame once
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", *video, "-t", "4", "-vf", filter, "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

// push publishes the clip, at its own rate, in a process of its own, until kill.
func push(t *testing.T, clip string, to *node) (kill func()) {
	t.Helper()
	c := exec.Command(program, "push", "--loop", "--stream", "cam", clip, "http://"+to.http)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		c.Process.Kill()
		c.Wait()
	})
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("push: %s", log.Bytes())
		}
	})
	daemon.WaitFor(t, "the stream", func() bool { return to.Stream(t, "cam").State == "online" })
	return kill
}

// seen is an image that a watcher got.
type seen struct {
	at       time.Time
	captured time.Time
	online   bool
}

// watcher views a stream as a player does that connects again, to the next server.
type watcher struct {
	mu     sync.Mutex
	images []seen
}

func watch(t *testing.T, nodes ...*node) *watcher {
	w := &watcher{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	var urls []string
	for _, n := range nodes {
		urls = append(urls, n.url()+"?extra_headers=1")
	}
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			_ = w.view(ctx, urls[i%len(urls)])
			_ = pause.For(ctx, 50*time.Millisecond)
		}
	}()
	w.await(t, time.Now())
	return w
}

// view reads images until the stream ends.
func (w *watcher) view(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, params, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s", response.Status)
	}
	parts := multipart.NewReader(response.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, part); err != nil {
			return err
		}
		stamp, err := strconv.ParseFloat(part.Header.Get("X-Timestamp"), 64)
		if err != nil {
			return err
		}
		if part.Header.Get("X-Steadyframe-Repeat") == "true" {
			continue
		}
		w.mu.Lock()
		w.images = append(w.images, seen{time.Now(), time.UnixMicro(int64(stamp * 1e6)), part.Header.Get("X-Steadyframe-Online") == "true"})
		w.mu.Unlock()
	}
}

// since returns the images of the publisher that came since.
func (w *watcher) since(t time.Time) (images []seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range w.images {
		if i.online && i.at.After(t) {
			images = append(images, i)
		}
	}
	return images
}

// await waits for an image that was captured after a time, and returns when it came.
func (w *watcher) await(t *testing.T, after time.Time) (came time.Time) {
	t.Helper()
	daemon.WaitFor(t, "an image", func() bool {
		images := w.since(after)
		i := slices.IndexFunc(images, func(i seen) bool { return i.captured.After(after) })
		if i >= 0 {
			came = images[i].at
		}
		return i >= 0
	})
	return came
}

// gap returns the longest time without an image, and the greatest age of one, from a time on until now.
func (w *watcher) gap(from time.Time) (gap, age time.Duration) {
	last := from
	for _, i := range w.since(from) {
		gap, age, last = max(gap, i.at.Sub(last)), max(age, i.at.Sub(i.captured)), i.at
	}
	return max(gap, time.Since(last)), age
}

// judge prints a figure, and fails t where it is not good.
func judge(t *testing.T, good bool, format string, args ...any) {
	t.Helper()
	verdict := "PASS"
	if !good {
		verdict = "FAIL"
		t.Fail()
	}
	fmt.Printf("%s  %s\n", verdict, fmt.Sprintf(format, args...))
}

func needVideo(t *testing.T) string {
	t.Helper()
	if *video == "" {
		t.Skip("scripts/check-cluster runs it")
	}
	return clip(t)
}

// One stream, all viewers on one node, and then on two others: images are hardly older there, each node gets one copy, and none encodes.
func TestFigureViewers(t *testing.T) {
	clip := needVideo(t)
	var one, three []viewers.Result
	measure := func(nodes ...*node) viewers.Result {
		t.Helper()
		var urls []string
		for _, n := range nodes {
			urls = append(urls, n.url())
		}
		r, err := viewers.Run(t.Context(), viewers.Options{URLs: urls, Viewers: *viewing, Duration: *seconds})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	nodes := startNodes(t, 3, "")
	push(t, clip, nodes[0])
	for range *rounds {
		r := measure(nodes[0])
		fmt.Printf("one node:    %s\n", r)
		one = append(one, r)

		var copies []uint64
		var published uint64
		counting := make(chan struct{})
		go func() { // while viewers are there
			defer close(counting)
			daemon.WaitFor(t, "the edges", func() bool { return len(nodes[0].Stream(t, "cam").Viewers) == 2 })
			before := nodes[0].Stream(t, "cam")
			_ = pause.For(t.Context(), *seconds/2)
			after := nodes[0].Stream(t, "cam")
			published = after.Published - before.Published
			for i := range min(len(before.Viewers), len(after.Viewers)) {
				copies = append(copies, after.Viewers[i].Delivered-before.Viewers[i].Delivered)
			}
		}()
		r = measure(nodes[1], nodes[2])
		<-counting
		fmt.Printf("three nodes: %s\n", r)
		three = append(three, r)
		most := uint64(0)
		for _, n := range copies {
			most = max(most, n)
		}
		judge(t, len(copies) == 2 && published > 0 && most <= published+2, "copies: for %d images the node of the publisher sent %v to two nodes with %d viewers", published, copies, *viewing)
		daemon.WaitFor(t, "the edges to leave", func() bool { return len(nodes[0].Stream(t, "cam").Viewers) == 0 })
	}
	for _, n := range nodes[1:] {
		encoded := n.Stats(t).Frames.OK
		judge(t, encoded == 0, "node %s encoded %d frames", n.name, encoded)
	}
	median := func(results []viewers.Result, of func(viewers.Result) float64) float64 {
		var values []float64
		for _, r := range results {
			values = append(values, of(r))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	p50 := func(r viewers.Result) float64 { return r.AgeP50 }
	p99 := func(r viewers.Result) float64 { return r.AgeP99 }
	more := median(three, p99) - median(one, p99)
	judge(t, more <= 2*frameTime.Seconds()*1e3, "age of images, medians of %d rounds: one node P50 %.1f ms, P99 %.1f; over a hop P50 %.1f, P99 %.1f: %.1f ms more at P99, want at most %d",
		*rounds, median(one, p50), median(one, p99), median(three, p50), median(three, p99), more, 2*frameTime.Milliseconds())
}

// The publisher is killed, and another one begins on another node: viewers of all nodes see it, and never an old image.
func TestFigurePublisherLost(t *testing.T) {
	clip := needVideo(t)
	nodes := startNodes(t, 3, "")
	kill := push(t, clip, nodes[0])
	var watchers []*watcher
	for _, n := range nodes {
		watchers = append(watchers, watch(t, n))
	}
	killed := time.Now()
	kill()
	_ = pause.For(t.Context(), 2*time.Second)
	again := time.Now()
	push(t, clip, nodes[1])
	for i, w := range watchers {
		came := w.await(t, again)
		_, age := w.gap(killed)
		judge(t, came.Sub(again) < 2*time.Second && age < time.Second, "publisher killed, another one on node b 2 s later: on node %s its first image %d ms after it began; oldest image that was shown as live: %d ms",
			nodes[i].name, came.Sub(again).Milliseconds(), age.Milliseconds())
	}
}

// A second publisher begins on another node while the first one still runs: it takes over.
func TestFigureTakeover(t *testing.T) {
	clip := needVideo(t)
	nodes := startNodes(t, 3, "")
	push(t, clip, nodes[0])
	w := watch(t, nodes[2])
	from := time.Now()
	push(t, clip, nodes[1])
	daemon.WaitFor(t, "the takeover", func() bool { return nodes[2].origin(t) == "b" && nodes[0].origin(t) == "b" })
	took := time.Since(from)
	w.await(t, time.Now())
	gap, age := w.gap(from)
	judge(t, gap < 2*time.Second && age < time.Second, "takeover by a publisher on another node: known after %d ms; a viewer of a third node had no image for %d ms at most, and none older than %d ms",
		took.Milliseconds(), gap.Milliseconds(), age.Milliseconds())
}

// origin returns the node that has the stream's publisher, as this one knows it.
func (n *node) origin(t *testing.T) string {
	t.Helper()
	var info struct{ Node string }
	n.GetJSON(t, "/v1/streams/cam", &info)
	if info.Node == "" {
		return n.name
	}
	return info.Node
}

// NATS, a process of its own, is killed: images go on, nodes say that they hear nothing, and hear again when it is back.
func TestFigureNATSLost(t *testing.T) {
	clip := needVideo(t)
	address := daemon.FreeAddress(t)
	kill := startNATS(t, address)
	nodes := startNodes(t, 3, address)
	push(t, clip, nodes[0])
	w := watch(t, nodes[1])
	from := time.Now()
	kill()
	for _, n := range nodes {
		daemon.WaitFor(t, "the directory to freeze", func() bool { return n.cluster(t).Directory.State == "frozen" })
	}
	frozen := time.Since(from)
	late := watch(t, nodes[2]) // A viewer that comes now finds the stream.
	found := late.await(t, time.Now())
	_ = pause.For(t.Context(), 5*time.Second) // longer than entries last
	gap, age := w.gap(from)
	judge(t, gap < time.Second && age < time.Second, "NATS killed: nodes say so after %d ms; a viewer had no image for %d ms at most, none older than %d ms; a new viewer of another node got images (%v)",
		frozen.Milliseconds(), gap.Milliseconds(), age.Milliseconds(), !found.IsZero())
	from = time.Now()
	startNATS(t, address)
	for _, n := range nodes {
		daemon.WaitFor(t, "the directory to connect", func() bool { c := n.cluster(t); return c.Directory.State == "connected" && len(c.Nodes) == 3 })
	}
	gap, _ = w.gap(from)
	judge(t, gap < time.Second, "NATS back: all nodes connected after %d ms; a viewer had no image for %d ms at most", time.Since(from).Milliseconds(), gap.Milliseconds())
}

func startNATS(t *testing.T, address string) (kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), natsVariable+"="+address)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		c.Process.Kill()
		c.Wait()
	})
	t.Cleanup(kill)
	daemon.WaitFor(t, "NATS", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return kill
}

// An edge is killed and comes back: its viewers connect to another node, those of others see nothing of it.
func TestFigureEdgeLost(t *testing.T) {
	clip := needVideo(t)
	nodes := startNodes(t, 3, "")
	push(t, clip, nodes[0])
	own, other := watch(t, nodes[1], nodes[2]), watch(t, nodes[2])
	from := time.Now()
	nodes[1].Kill()
	back := own.await(t, from)
	daemon.WaitFor(t, "the loss to be known", func() bool { return len(nodes[0].cluster(t).Nodes) == 2 })
	known := time.Since(from)
	gap, age := own.gap(from)
	otherGap, _ := other.gap(from)
	judge(t, gap < 2*time.Second && age < time.Second && otherGap < time.Second, "an edge killed: its viewer had images of another node after %d ms (%d ms without), none older than %d ms; a viewer of the other edge had none for %d ms at most; the loss was known after %d ms",
		back.Sub(from).Milliseconds(), gap.Milliseconds(), age.Milliseconds(), otherGap.Milliseconds(), known.Milliseconds())
	from = time.Now()
	startNode(t, nodes, 1, "")
	started := time.Now()
	again := watch(t, nodes[1])
	came := again.await(t, started)
	judge(t, came.Sub(started) < 5*time.Second, "the edge started again: ready after %d ms; a viewer there had the first image %d ms later", started.Sub(from).Milliseconds(), came.Sub(started).Milliseconds())
}

// The publisher's node is killed; its publisher, which connects again, begins on another one.
func TestFigureOriginLost(t *testing.T) {
	clip := needVideo(t)
	nodes := startNodes(t, 3, "")
	kill := push(t, clip, nodes[0])
	w := watch(t, nodes[2])
	from := time.Now()
	nodes[0].Kill()
	kill()
	push(t, clip, nodes[1])
	began := time.Now()
	came := w.await(t, began)
	_, age := w.gap(from)
	judge(t, came.Sub(began) < 2*time.Second && age < time.Second, "the publisher's node killed, its publisher on another one %d ms later: a viewer of a third node had images %d ms after that, none older than %d ms",
		began.Sub(from).Milliseconds(), came.Sub(began).Milliseconds(), age.Milliseconds())
}

// The publisher's node falls silent, as a machine without power does: it is given up, and a publisher on another node takes over.
func TestFigureNodeSilent(t *testing.T) {
	clip := needVideo(t)
	nodes := startNodes(t, 3, "")
	push(t, clip, nodes[0])
	w := watch(t, nodes[2])
	from := time.Now()
	nodes[0].Cmd.Process.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { nodes[0].Cmd.Process.Signal(syscall.SIGCONT); nodes[0].Kill() })
	daemon.WaitFor(t, "the loss to be known", func() bool { return len(nodes[2].cluster(t).Nodes) == 2 })
	known := time.Since(from)
	began := time.Now()
	push(t, clip, nodes[1])
	came := w.await(t, began)
	_, age := w.gap(from)
	judge(t, known < 6*time.Second && came.Sub(began) < 2*time.Second && age < time.Second, "the publisher's node silent: given up after %d ms; a publisher began on another one: a viewer of a third node had its images after %d ms, none older than %d ms",
		known.Milliseconds(), came.Sub(began).Milliseconds(), age.Milliseconds())
}

// All nodes are restarted, one after the other, as for an upgrade. Publisher and viewers connect to the next node by themselves.
func TestFigureRollingRestart(t *testing.T) {
	needVideo(t)
	nodes := startNodes(t, 3, "")
	publishAnywhere(t, nodes)
	var watchers []*watcher
	for i := range nodes {
		watchers = append(watchers, watch(t, slices.Concat(nodes[i:], nodes[:i])...))
	}
	for i, n := range nodes {
		from := time.Now()
		n.Terminate(t)
		down := time.Since(from)
		startNode(t, nodes, i, "")
		for _, o := range nodes {
			daemon.WaitFor(t, "the nodes to know each other", func() bool { return len(o.cluster(t).Nodes) == len(nodes) })
		}
		_ = pause.For(t.Context(), time.Second)
		for k, w := range watchers {
			w.await(t, time.Now())
			gap, age := w.gap(from)
			judge(t, gap < 2*time.Second && age < time.Second, "node %s restarted (ended after %d ms): viewer %d of %d had no image for %d ms at most, none older than %d ms",
				n.name, down.Milliseconds(), k+1, len(watchers), gap.Milliseconds(), age.Milliseconds())
		}
	}
}

// publishAnywhere publishes JPEGs on the first node, and when that ends, on the next one.
func publishAnywhere(t *testing.T, nodes []*node) {
	t.Helper()
	var images [][]byte
	for i := range fps {
		m := image.NewGray(image.Rect(0, 0, 640, 360))
		for n := range m.Pix {
			m.Pix[n] = byte(n/640 + n*i/7)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			t.Fatal(err)
		}
		images = append(images, b.Bytes())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	var urls []string
	for _, n := range nodes {
		urls = append(urls, "http://"+n.http+"/v1/streams/cam")
	}
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			publish(ctx, urls[i%len(urls)], images)
			_ = pause.For(ctx, 50*time.Millisecond)
		}
	}()
	daemon.WaitFor(t, "the stream", func() bool { return nodes[0].Stream(t, "cam").State == "online" })
}

// publish publishes images at their rate, until the server ends that.
func publish(ctx context.Context, url string, images [][]byte) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, w := io.Pipe()
	go func() {
		defer w.Close()
		next := time.NewTicker(frameTime)
		defer next.Stop()
		for i := 0; ; i++ {
			select {
			case <-next.C:
			case <-ctx.Done():
				return
			}
			if _, err := w.Write(images[i%len(images)]); err != nil {
				return
			}
		}
	}()
	defer body.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "video/x-motion-jpeg")
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
	}
}

// Batches over three nodes, one of which is killed and started again: none fails, and it gets batches again.
func TestFigureBatches(t *testing.T) {
	needVideo(t)
	nodes := startNodes(t, 3, "")
	var addresses []string
	for _, n := range nodes {
		addresses = append(addresses, n.grpc)
	}
	c, err := client.Dial("static:///"+strings.Join(addresses, ","), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var done, failed atomic.Int64
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			batch := client.Batch{Spec: pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 640, Height: 360}}}
			for range 8 {
				batch.Frames = append(batch.Frames, make([]byte, 640*360*3))
			}
			var r client.Response
			for ctx.Err() == nil {
				if err := c.Encode(ctx, &batch, &r); err == nil {
					done.Add(1)
				} else if ctx.Err() == nil {
					failed.Add(1)
					t.Log(err)
				}
			}
		})
	}
	daemon.WaitFor(t, "batches", func() bool { return done.Load() > 100 })
	nodes[1].Kill()
	_ = pause.For(t.Context(), *seconds/4)
	startNode(t, nodes, 1, "")
	from := time.Now()
	daemon.WaitFor(t, "batches on the node that came back", func() bool { return nodes[1].Stats(t).Frames.OK > 0 })
	back := time.Since(from)
	_ = pause.For(t.Context(), *seconds/4)
	cancel()
	working.Wait()
	judge(t, failed.Load() == 0, "batches over three nodes, one killed and started again: %d done, %d failed; it got some again after %d ms", done.Load(), failed.Load(), back.Milliseconds())
}
