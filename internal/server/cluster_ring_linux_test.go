package server_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/clusterbus"
	"github.com/steadyframe/steadyframe/scene"
)

// TestAlphaOfAnotherNode: images with alpha of a stream on another node are seen with it, byte for byte, over gRPC and over the ring.
func TestAlphaOfAnotherNode(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "ring") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	bus := &clusterbus.Bus{}
	a := startNode(t, bus, "a", nil)
	b := startNode(t, bus, "b", func(c *server.Config) { c.Ring.Listen = "unix:" + path })
	a.loadHTTP(t, "clear", clears)
	p, err := a.c.Publish(timeout(t), "clear", ofScene("clear"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := makeFrames(t, patch, 1)
	want := composed(t, library(t, nil, scene.Options{Transparent: true}), 1, nil, f[0])
	stop, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for { // Images are made while somebody watches.
			if err := p.SendImage(time.Now(), client.SceneImage{Index: 1, Regions: 1}, f[0]); err != nil {
				sent <- err
				return
			}
			select {
			case <-stop:
				_, err := p.Close()
				sent <- err
				return
			case <-tick.C:
			}
		}
	}()
	b.knows(t, "clear")
	overRing, err := client.DialRing("ring:"+path, &client.RingOptions{GRPC: b.Addrs().GRPC})
	if err != nil {
		t.Fatal(err)
	}
	defer overRing.Close()
	for _, c := range []*client.Client{overRing, b.c} {
		w, err := c.Watch(timeout(t), "clear", nil)
		if err != nil {
			t.Fatalf("over the %s: %v", c.Via(), err)
		}
		var got client.LiveImage
		for string(got.Data) != want[0] || string(got.Alpha) != want[1] {
			if err := w.Next(&got); err != nil {
				t.Fatalf("over the %s: got another image than that of a, then %v", c.Via(), err)
			}
		}
		w.Close()
	}
	close(stop)
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
