package client_test

import (
	"context"
	"fmt"
	"log"
	"time"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
)

// A program that makes frames publishes them as they are made, and rests while nobody watches.
func ExampleClient_Publish() {
	c, err := client.Dial("127.0.0.1:50051", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	spec := &api.Spec{Input: &api.FrameDesc{Format: api.PixelFormat_PIXEL_FORMAT_RGB24, Width: 640, Height: 360}}
	p, err := c.Publish(context.Background(), "camera", spec, client.PublishOptions{MaxFPS: 25})
	if err != nil {
		log.Fatal(err)
	}
	frame := make([]byte, 640*360*3) // filled again and again: Send is done with it when it returns
	for range time.Tick(40 * time.Millisecond) {
		if p.Status().Viewers == 0 {
			if err := p.KeepAlive(); err != nil {
				log.Fatal(err)
			}
			continue
		}
		// ... draw into frame ...
		if err := p.Send(frame); err != nil {
			log.Fatal(err) // another publisher took the stream over, or the server is stopping
		}
	}
}

// A program that looks at pictures is given the newest each time, however long it took over the last.
func ExampleClient_Watch() {
	c, err := client.Dial("unix:/run/steadyframe.sock", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	w, err := c.Watch(context.Background(), "camera", client.WatchOptions{InFlight: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	var picture client.LivePicture // its memory is used again from picture to picture
	for {
		if err := w.Next(&picture); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("picture %d, %d bytes, %v old\n", picture.Seq, len(picture.Data), time.Since(picture.Captured))
	}
}
