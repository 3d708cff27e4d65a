package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/synth"
	"github.com/steadyframe/steadyframe/pipeline"
)

// usualQuality is that of JPEGs where none is asked for, in the scale of libjpeg.
const usualQuality = 75

// workload is one kind of work: frames of one geometry that become JPEGs of 4:2:0.
type workload struct {
	name          string
	in            frame.Desc
	width, height int     // of the images
	quality       int     // of the images, in the scale of libjpeg
	noise         int     // that was added to the frames, as ffmpeg counts
	area          bool    // resized to means over areas: among the rivals for those that can
	onto          *pasted // frames are pasted onto a background; nil: they are the whole image
	still         bool    // a twentieth of a frame is not as in the one before; ours may know that
	frames        [][]byte
}

// workloads are all of them, in the order they are run. The sizes are those that people have: a model's, a webcam's, a camera's.
func workloads(quality int) []*workload {
	all := geometries()
	for _, w := range all {
		w.quality = quality
	}
	return all
}

func geometries() []*workload {
	bgr := func(w, h, width, height int) *workload {
		return &workload{name: fmt.Sprintf("bgr24 %dx%d -> %dx%d", w, h, width, height), in: frame.Desc{Format: frame.BGR24, Width: w, Height: h}, width: width, height: height}
	}
	area := func(w, h, width, height int) *workload {
		shrunk := bgr(w, h, width, height)
		shrunk.name, shrunk.area = shrunk.name+" area", true
		return shrunk
	}
	return []*workload{
		bgr(640, 360, 320, 320), // W1
		bgr(640, 360, 640, 360),
		bgr(1280, 720, 1280, 720),
		bgr(1920, 1080, 1920, 1080), // W3
		bgr(1280, 720, 640, 360),
		bgr(1280, 720, 320, 320),
		bgr(1920, 1080, 640, 360),
		bgr(1920, 1080, 320, 320),
		area(1920, 1080, 640, 360),
		area(1280, 720, 640, 360),
		{ // W4
			name: "bgr24 1920x1080, 95 % as before", in: frame.Desc{Format: frame.BGR24, Width: 1920, Height: 1080}, width: 1920, height: 1080, still: true,
		},
		{name: "bgrf32p 320x320 -> 320x320", in: frame.Desc{Format: frame.BGRF32P, Width: 320, Height: 320}, width: 320, height: 320},
		{ // W2
			name: "bgrf32p 320x320 pasted as 200x200 onto 1920x1080", in: frame.Desc{Format: frame.BGRF32P, Width: 320, Height: 320}, width: 1920, height: 1080,
			onto: &pasted{rect: pipeline.Rect{X: 860, Y: 300, Width: 200, Height: 200}},
		},
		{
			name: "bgr24 256x256 pasted as 400x400 with a mask onto 1920x1080", in: frame.Desc{Format: frame.BGR24, Width: 256, Height: 256}, width: 1920, height: 1080,
			onto: &pasted{rect: pipeline.Rect{X: 760, Y: 250, Width: 400, Height: 400}, mask: lowerHalf(400, 40)},
		},
	}
}

// resizes reports whether images are of another size than frames.
func (w *workload) resizes() bool { return w.width != w.in.Width || w.height != w.in.Height }

// spec is the workload for our pipeline.
func (w *workload) spec() pipeline.Spec {
	s := pipeline.Spec{Input: w.in, Output: pipeline.Output{Quality: w.quality}}
	if w.resizes() {
		s.Resize = pipeline.Resize{Width: w.width, Height: w.height}
		if w.area {
			s.Resize.Filter = pipeline.Area
		}
	}
	if w.still {
		s.Output.Reuse = pipeline.ReuseSegments
	}
	return s
}

// frameBytes bounds the frames of a workload: more than a processor's caches, so that a frame comes from memory as a
// real one does, and not so much that it is not to be had.
const frameBytes = 256 << 20

// load makes n frames: of the clip, scaled by ffmpeg, or painted when there is none, with noise of a strength that ffmpeg adds.
func (w *workload) load(clip string, noise, n int) error {
	if w.onto != nil {
		background := &workload{in: frame.Desc{Format: frame.BGR24, Width: w.width, Height: w.height}}
		if err := background.load(clip, noise, 1); err != nil {
			return err
		}
		w.onto.background = background.frames[0]
	}
	w.noise = noise
	size, err := w.in.Size()
	if err != nil {
		return err
	}
	n = max(min(n, frameBytes/size), 2)
	source := frame.Desc{Format: frame.BGR24, Width: w.in.Width, Height: w.in.Height}
	raw, err := source.Size()
	if err != nil {
		return err
	}
	data := make([]byte, 0, n*raw)
	if clip != "" {
		data, err = exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", clip, "-frames:v", strconv.Itoa(n),
			"-vf", fmt.Sprintf("scale=%d:%d:flags=lanczos%s", source.Width, source.Height, noiseFilter(noise)), "-f", "rawvideo", "-pix_fmt", "bgr24", "-").Output()
		if err != nil {
			return fmt.Errorf("peers: ffmpeg cannot read %s: %w", clip, err)
		}
		if len(data) < raw {
			return fmt.Errorf("peers: %s: got %d bytes, want a frame of %d or more", clip, len(data), raw)
		}
	} else {
		data = data[:cap(data)]
		scene := synth.New(source.Width, source.Height, 1)
		for i := range n {
			f, err := frame.WrapBytes(source, data[i*raw:][:raw])
			if err != nil {
				return err
			}
			scene.Render(&f, 5*i)
		}
		if noise > 0 {
			if data, err = addNoise(data, source, noise); err != nil {
				return err
			}
		}
	}
	w.frames = nil
	for len(data) >= raw {
		w.frames = append(w.frames, w.fromBGR(data[:raw:raw]))
		data = data[raw:]
	}
	if w.still {
		w.keepStill()
	}
	return nil
}

// noiseFilter returns what adds noise behind other filters of ffmpeg: on planes of 4:2:0, as a camera's has it.
func noiseFilter(strength int) string {
	if strength == 0 {
		return ""
	}
	return fmt.Sprintf(",format=yuv420p,noise=alls=%d", strength)
}

// addNoise returns frames with noise.
func addNoise(data []byte, d frame.Desc, strength int) ([]byte, error) {
	c := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", fmt.Sprintf("%dx%d", d.Width, d.Height), "-i", "-",
		"-vf", "null"+noiseFilter(strength), "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
	c.Stdin = bytes.NewReader(data)
	noisy, err := c.Output()
	if err != nil || len(noisy) != len(data) {
		return nil, fmt.Errorf("peers: ffmpeg cannot add noise: got %d bytes and %v, want %d", len(noisy), err, len(data))
	}
	return noisy, nil
}

// keepStill makes all frames as the first but for a rectangle in the middle, of 5 % of the pixels.
func (w *workload) keepStill() {
	width, height := w.width/5, w.height/4
	stride, left, top := 3*w.width, (w.width-width)/2, (w.height-height)/2
	for i, f := range w.frames[1:] {
		whole := bytes.Clone(w.frames[0])
		for y := top; y < top+height; y++ {
			at := y*stride + 3*left
			copy(whole[at:at+3*width], f[at:])
		}
		w.frames[i+1] = whole
	}
}

// fromBGR returns the frame of the workload's format that a packed one of the same size is.
func (w *workload) fromBGR(packed []byte) []byte {
	if w.in.Format == frame.BGR24 {
		return packed
	}
	return planesOfFloats(packed)
}
