package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
)

// A program that has a few frames sends them in one call.
func ExampleClient_Encode() {
	c, err := client.Dial("127.0.0.1:50051", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.RGB24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fill},
	}
	batch := client.Batch{Spec: spec, Frames: [][]byte{make([]byte, 640*360*3)}}
	var response client.Response // keep it for further calls: its memory is used again
	if err := c.Encode(ctx, &batch, &response); err != nil {
		log.Fatal(err) // a *client.Error, with what to change, or when to come again
	}
	for i := range response.Images {
		if err := response.Images[i].Err; err != nil {
			log.Printf("frame %d: %v", i, err) // it alone was wrong
			continue
		}
		fmt.Printf("a JPEG of %d bytes\n", len(response.Images[i].Data)) // good until the next call with response
	}
}

// A program that has frames all the time sends batches on one stream, while the responses to those before come in.
func ExampleClient_EncodeStream() {
	c, err := client.Dial("127.0.0.1:50051", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	s, err := c.EncodeStream(context.Background())
	if err != nil {
		log.Fatal(err)
	}

	// A batch's frames belong to the stream until its response is there. So there are as many as may be on their way.
	spec := pipeline.Spec{
		Input:  frame.Desc{Format: frame.RGB24, Width: 640, Height: 360},
		Resize: pipeline.Resize{Width: 320, Height: 320, Mode: pipeline.Fill},
	}
	free := make(chan *client.Batch, 3)
	for range cap(free) {
		free <- &client.Batch{Spec: spec, Frames: [][]byte{make([]byte, 640*360*3)}}
	}
	sent := make(chan *client.Batch, cap(free))
	go func() {
		defer close(sent)
		for id := range uint64(100) {
			batch := <-free
			batch.ID = id
			// ... draw into batch.Frames ...
			if err := s.Send(batch); err != nil {
				return // Recv says why
			}
			sent <- batch
		}
		_ = s.CloseSend() // Recv says what is wrong
	}()

	var response client.Response
	for {
		err := s.Recv(&response)
		if err == io.EOF {
			return // the response to the last batch was the one before
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("batch %d: %d images\n", response.ID, len(response.Images))
		free <- <-sent
	}
}

// A program that makes frames publishes them as they are made, and rests while nobody watches.
func ExampleClient_Publish() {
	c, err := client.Dial("127.0.0.1:50051", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	spec := pipeline.Spec{Input: frame.Desc{Format: frame.RGB24, Width: 640, Height: 360}}
	p, err := c.Publish(context.Background(), "camera", spec, &client.PublishOptions{MaxFPS: 25})
	if err != nil {
		log.Fatal(err)
	}
	pixels := make([]byte, 640*360*3) // filled again and again: Send is done with it when it returns
	for range time.Tick(40 * time.Millisecond) {
		if p.Status().Viewers == 0 {
			if err := p.KeepAlive(); err != nil {
				log.Fatal(err)
			}
			continue
		}
		// ... draw into pixels ...
		if err := p.Send(pixels); err != nil {
			log.Fatal(err) // another publisher took the stream over, or the server is stopping
		}
	}
}

// A program that looks at images is given the newest each time, however long it took over the last.
func ExampleClient_Watch() {
	c, err := client.Dial("unix:/run/steadyframe.sock", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	w, err := c.Watch(context.Background(), "camera", &client.WatchOptions{InFlight: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	var image client.LiveImage // keep it: its memory is used again
	for {
		if err := w.Next(&image); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("image %d, %d bytes, %v old\n", image.Seq, len(image.Data), time.Since(image.Captured))
	}
}
