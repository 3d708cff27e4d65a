package soak

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
)

// liveAttacks are those on live streams.
var liveAttacks = []attack{
	{
		name: "jpeg-bombs", about: "six streams of small JPEGs that take up to a gigabyte or minutes to decode, each resized and watched",
		needs: map[string]int{"JPEGs published": 5}, do: jpegBombs,
	},
	{
		name: "slow-viewers", about: "300 MJPEG viewers take a byte in five seconds each of a stream of JPEGs of 1.5 MB",
		needs: map[string]int{"connections": 30, "JPEGs published": 3}, do: slowViewers,
	},
	{
		name: "unfinished-jpeg", about: "four publishers send JPEGs of 256 MB that never end",
		needs: map[string]int{"bytes sent": 1 << 20}, do: unfinishedJPEGs,
	},
	{
		name: "pipe-holders", about: "eight sources whose ffmpeg starts processes that keep its pipe open",
		needs: map[string]int{"processes": 1}, serve: pipeHolders,
	},
}

// padded returns a JPEG of about so many bytes, which differs from that of any other n.
func padded(n, size int) []byte {
	small := oddjpeg.Image{Width: 64, Height: 64}.Bytes()
	comment := make([]byte, 65533)
	binary.BigEndian.PutUint64(comment, uint64(n))
	b := bytes.Clone(small[:2])
	for len(b) < size {
		b = append(append(b, 0xFF, 0xFE, 0xFF, 0xFF), comment...)
	}
	return append(b, small[2:]...)
}

// publish sends what next returns to a stream, again and again, until the attack ends. A publisher that the server has
// refused comes back.
func (a *attacker) publish(path string, between time.Duration, next func(n int) []byte) {
	n := 0
	a.again(100*time.Millisecond, func() {
		conn, closed, err := a.connect(a.HTTP, false)
		if err != nil {
			return
		}
		defer closed()
		var reading sync.WaitGroup
		defer reading.Wait()
		defer conn.Close()
		reading.Go(func() { a.ended(conn) })
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n", path, a.HTTP)
		for ; err == nil; n++ {
			data := next(n)
			_, err = fmt.Fprintf(conn, "%x\r\n", len(data))
			if err == nil {
				_, err = conn.Write(append(data, "\r\n"...))
			}
			if err == nil {
				a.count("JPEGs published")
				a.add("bytes sent", len(data))
				a.pause(between)
			}
		}
	})
}

// publishJPEGs publishes JPEGs of so many bytes, all different.
func (a *attacker) publishJPEGs(name string, size int, between time.Duration) {
	a.publish("/v1/streams/"+name, between, func(n int) []byte { return padded(n, size) })
}

// watch takes all images of a stream, until the attack ends.
func (a *attacker) watch(name string) {
	a.again(100*time.Millisecond, func() {
		request, err := http.NewRequestWithContext(a.ctx, http.MethodGet, "http://"+a.HTTP+"/stream/"+name+".mjpg", nil)
		if err != nil {
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body) // The end is all that matters.
	})
}

// jpegBombs publishes JPEGs that cost a decoder much. Those of a stream follow each other as the server takes them.
func jpegBombs(a *attacker) error {
	all3, all4 := []byte{0x11, 0x11, 0x11}, []byte{0x11, 0x11, 0x11, 0x11}
	bombs := []oddjpeg.Image{
		{Width: 7000, Height: 7000, Sampling: all3, Progressive: true},           // 19 bytes a pixel: 931 MB
		{Width: 4000, Height: 4000, Sampling: all4, Progressive: true, Adobe: 1}, // 28 bytes a pixel: 448 MB
		{Width: 2000, Height: 2000, Sampling: all4, Progressive: true, Adobe: 3}, // 112 MB
		{Width: 3000, Height: 3000, Sampling: all3, Progressive: true},           // 171 MB
		{Width: 6900, Height: 6900, Progressive: true, ACScans: 2000},            // minutes
		{Width: 6900, Height: 6900, Progressive: true, ACScans: 31},              // some ten seconds
	}
	if a.Short {
		bombs = bombs[2:4]
	}
	var all sync.WaitGroup
	for i, bomb := range bombs {
		name, data := fmt.Sprintf("bomb-%d", i), bomb.Bytes()
		all.Go(func() {
			a.publish("/v1/streams/"+name+"?resize=32x32", 20*time.Millisecond, func(int) []byte { return bytes.Clone(data) })
		})
		all.Go(func() { a.watch(name) })
	}
	all.Wait()
	return nil
}

// slowViewers pin JPEGs, each another one.
func slowViewers(a *attacker) error {
	var publisher sync.WaitGroup
	publisher.Go(func() { a.publishJPEGs("big", 3<<19, 30*time.Millisecond) })
	a.pause(500 * time.Millisecond)
	a.each(a.n(300), 40*time.Millisecond, func(int) {
		a.again(time.Second, func() {
			conn, closed, err := a.connect(a.HTTP, true)
			if err != nil {
				return
			}
			defer closed()
			_, err = fmt.Fprintf(conn, "GET /stream/big.mjpg HTTP/1.1\r\nHost: %s\r\n\r\n", a.HTTP)
			for err == nil {
				_, err = conn.Read(make([]byte, 1))
				a.pause(5 * time.Second)
			}
			if a.ctx.Err() == nil {
				a.count("connections ended by the server")
			}
		})
	})
	publisher.Wait()
	return nil
}

// unfinishedJPEGs grow until the server has enough of them.
func unfinishedJPEGs(a *attacker) error {
	segment := append([]byte{0xFF, 0xE5, 0xFF, 0xFF}, make([]byte, 65533)...)
	a.each(4, 0, func(i int) {
		a.again(100*time.Millisecond, func() {
			conn, closed, err := a.connect(a.HTTP, false)
			if err != nil {
				return
			}
			defer closed()
			_, err = fmt.Fprintf(conn, "POST /v1/streams/endless-%d HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n\xff\xd8", i, a.HTTP, 1<<40)
			for sent := 0; err == nil && sent < 255<<20; sent += len(segment) {
				_, err = conn.Write(segment)
				a.add("bytes sent", len(segment))
			}
			a.ended(conn)
		})
	})
	return nil
}

// pipeHolders starts the server with an ffmpeg that is a shell script: it leaves processes behind that keep its standard
// output open, within its process group and out of it.
func pipeHolders(t testing.TB, short bool) (environment, args []string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nsleep 1000 &\nsetsid sh -c 'sleep 1001 & sleep 1002 & wait' &\necho half a frame\n" +
		"[ $(($$ % 2)) = 0 ] && exec sleep 1003\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	n := 8
	if short {
		n = 1
	}
	for i := range n {
		args = append(args, "--stream", fmt.Sprintf("held-%d=rtsp://127.0.0.1:9/%d", i, i))
	}
	return []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}, args
}
