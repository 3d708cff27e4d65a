// This example shows how to:
//
//  1. load the backgrounds of a talking head as a scene, once;
//  2. have the features of its speech computed, with a window for each image, as models for lip sync take them;
//  3. send a piece of sound and what has changed of the image, 25 times a second: the mouth, or, in silence, nothing.
//
// Start a server before (steadyframe serve, or make run), and look at its page. The head talks until Ctrl-C.
//
//	go run ./examples/avatar [-sound speech.wav]
//
// head.go and voice.go stand for a person who was recorded, a model, and speech.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

const (
	fps   = 25
	rate  = 16000          // of the sound, samples a second
	piece = 2 * rate / fps // bytes of sound that belong to an image
	slack = 200 * time.Millisecond
)

func main() {
	var a avatar
	flag.StringVar(&a.name, "stream", "avatar", "name of the live stream, and of the scene")
	flag.StringVar(&a.grpc, "grpc", "", "the server's gRPC API, if it is elsewhere: host:port")
	flag.StringVar(&a.ring, "ring", "", "the ring of a server on this machine: ring:/path (default: without -grpc, where servers have it)")
	flag.StringVar(&a.http, "http", "http://127.0.0.1:8080", "the server's HTTP API, whose page shows it")
	flag.IntVar(&a.images, "images", 0, "end after so many images; 0: talk until Ctrl-C")
	path := flag.String("sound", "", "what it says, over and over: any file that ffmpeg reads (default sound made in code)")
	flag.Parse()

	pcm := speech()
	if *path != "" {
		var err error
		if pcm, err = readSound(*path); err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := a.talk(ctx, pcm); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

// avatar is a head that talks.
type avatar struct {
	name             string // of its scene, and of its stream
	grpc, ring, http string // where the server is
	images           int    // after which it ends; 0: it goes on until its context ends
}

// dial returns a client: over shared memory where there is such a server on this machine.
func (a *avatar) dial() (*client.Client, error) {
	if a.grpc != "" && a.ring == "" {
		return client.Dial(a.grpc, nil)
	}
	return client.DialRing(a.ring, &client.RingOptions{GRPC: a.grpc})
}

// talk says pcm over and over.
func (a *avatar) talk(ctx context.Context, pcm []byte) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()

	// 1. From here on the server has every background as a JPEG. Yours may be a folder: os.DirFS("avatars/anna").
	if _, err := c.LoadScene(ctx, a.name, sceneFolder()); err != nil {
		return err
	}
	defer c.UnloadScene(context.WithoutCancel(ctx), a.name)

	// 2. The last windows of speech reach into the silence behind it.
	pcm = append(pcm, make([]byte, 13*piece-len(pcm)%piece)...)
	var windows client.Features // (images, bands, frames of features)
	spec := client.MelSpec{Preset: "wav2lip", Format: "s16le", Rate: rate, FPS: fps, Window: 16}
	if err := c.Mel(ctx, spec, pcm, &windows); err != nil {
		return err
	}

	// 3. Image n and piece n of the sound are for the same time.
	cam, err := c.Publish(ctx, a.name, pipeline.Spec{
		Scene: a.name,
		Input: frame.Desc{Format: frame.RGB24, Width: regionSide, Height: regionSide},
	}, nil)
	if err != nil {
		return err
	}
	fmt.Printf("look at %s/#/stream/%s (regions go by way of %s)\n", a.http, a.name, c.Via())
	begin := time.Now()
	sound, err := newSound(ctx, c, a.name, begin, pcm)
	if err != nil {
		return err
	}
	region, talking := make([]byte, 3*regionSide*regionSide), 0
	for n := 0; a.images == 0 || n < a.images; n++ {
		if time.Since(timeOf(begin, n)) > slack { // the machine was held up: go on with what is due
			n = int(time.Since(begin) * fps / time.Second)
		}
		select {
		case <-time.After(time.Until(timeOf(begin, n))):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := sound.send(n); err != nil {
			return err
		}
		image := client.SceneImage{Index: n} // the background alone
		if m := mouthOf(&windows, n%(len(pcm)/piece)); m.open == 0 {
			err = cam.SendImage(timeOf(begin, n), image)
		} else {
			drawMouth(region, n, m)
			image.Regions = 1
			err = cam.SendImage(timeOf(begin, n), image, region)
			talking++
		}
		if err != nil {
			return err
		}
	}
	if _, err := sound.publisher.Close(); err != nil {
		return err
	}
	status, err := cam.Close()
	fmt.Printf("%d images, %d of them with a region\n", status.Arrived, talking)
	return err
}

// timeOf returns the time of image n.
func timeOf(begin time.Time, n int) time.Time { return begin.Add(time.Duration(n) * time.Second / fps) }
