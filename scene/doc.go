// Package scene pastes small frames, such as what a model generates, onto backgrounds that are known ahead, and makes JPEGs of the
// whole without encoding the backgrounds again.
//
// A [Scene] is made once by a [Builder], from background frames with the places where regions go:
//
//	b, err := scene.NewBuilder(&scene.Options{Quality: 75, Pool: p})
//	...
//	for _, f := range frames {
//		err = b.Add(scene.Background{Frame: f, Places: []scene.Place{{Rect: pipeline.Rect{X: 860, Y: 300, Width: 200, Height: 200}}}})
//		...
//	}
//	s, err := b.Scene()
//	...
//	out, err := s.Compose(&scene.Image{Index: n, Regions: []scene.Region{{Frame: patch}}})
//
// Each background is coded when it is added, in restart segments of some MCUs (ITU-T T.81, E.1.4). [Scene.Compose] resizes
// and converts the regions, lays them on the background under their masks, and codes the segments that they touch. The
// bytes of all other segments are copied. An image without regions is the coded background. The result is, byte for byte, the
// JPEG that coding the whole composed image with the same restart interval gives.
//
// What is composed is an image of 8-bit R, G and B:
//
//	round((m*region + (255-m)*below) / 255)
//
// with the mask m of each pixel, 255 without one, and the region resized to its rectangle and rounded to 8 bits. Regions
// are laid on in their order.
//
// A scene holds the coded backgrounds and the pixels of their touched segments, in buffers of the pool, admitted against
// its budget. It never changes. Any number of goroutines may compose images of it. In steady state nothing is
// allocated for an image but the buffer of the result, which comes from the pool.
package scene
