package scene_test

import (
	"fmt"
	"log"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// This example shows how to:
//
//  1. make a scene of two backgrounds, with the place of a region on each,
//  2. compose an image with a region, which a model made as planar floats,
//  3. show the background alone in silence.
func Example() {
	b, err := scene.NewBuilder(&scene.Options{Quality: 75})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Discard()
	for n := range 2 {
		wall, err := frame.WrapBytes(frame.Desc{Format: frame.BGR24, Width: 1280, Height: 720}, make([]byte, 1280*720*3))
		if err != nil {
			log.Fatal(err)
		}
		mouth := scene.Place{
			Rect: pipeline.Rect{X: 540 + n, Y: 210, Width: 200, Height: 200},
			Mask: &scene.Mask{Feather: 12},
		}
		if err := b.Add(scene.Background{Frame: wall, Places: []scene.Place{mouth}}); err != nil {
			log.Fatal(err)
		}
	}
	s, err := b.Scene()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	patch, err := frame.WrapBytes(frame.Desc{Format: frame.BGRF32P, Width: 320, Height: 320}, make([]byte, 320*320*12))
	if err != nil {
		log.Fatal(err)
	}
	for index, regions := range [][]scene.Region{{{Frame: patch}}, nil} {
		image, err := s.Compose(&scene.Image{Index: index, Regions: regions})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(index, len(image.JPEG()) > 0)
		image.Release()
	}
	// Output:
	// 0 true
	// 1 true
}
