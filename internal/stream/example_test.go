package stream_test

import (
	"context"
	"fmt"

	"github.com/steadyframe/steadyframe/internal/stream"
	"github.com/steadyframe/steadyframe/pool"
)

// This example shows:
//  1. a publisher, which hands each JPEG over once, in a buffer of a pool;
//  2. a viewer, which receives images when it is ready;
//  3. that the newest wins: a viewer never sees the images that came while it was busy.
func Example() {
	memory := pool.New(nil)
	hub := stream.New(stream.Options{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go hub.Run(ctx) // watches for lost and expired streams, and closes the Hub when ctx ends

	// 1.
	publisher, err := hub.Publish("cam1", stream.PublisherOptions{Source: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	publish := func(jpeg string) {
		buf, err := memory.Get(len(jpeg))
		if err != nil {
			fmt.Println(err)
			return
		}
		copy(buf.Bytes(), jpeg)
		if err := publisher.Publish(stream.Image{Buf: buf, Width: 640, Height: 360}); err != nil { // takes buf
			fmt.Println(err)
		}
	}

	// 2.
	viewer, err := hub.View("cam1", stream.ViewerOptions{Transport: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func() {
		image, err := viewer.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer image.Release()
		fmt.Printf("image %d: %s\n", image.Seq, image.Buf.Bytes())
		viewer.Delivered(&image)
	}
	publish("a JPEG")
	show()

	// 3.
	publish("the next")
	publish("one more")
	publish("the newest")
	show()

	info, _ := hub.Info("cam1")
	fmt.Printf("%s is %s: %d published, %d dropped by viewer %d\n",
		info.Name, info.State, info.Published, info.Viewers[0].Dropped, info.Viewers[0].ID)
	viewer.Close()
	publisher.Close()
	// Output:
	// image 1: a JPEG
	// image 4: the newest
	// cam1 is online: 4 published, 2 dropped by viewer 1
}
