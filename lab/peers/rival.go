package main

import "errors"

// encoder turns frames of one workload into JPEGs. It is for one goroutine.
type encoder interface {
	// Encode returns the JPEG of a frame, which is good until the next call. It borrows the frame.
	Encode(frame []byte) ([]byte, error)
	Close()
}

// rival is one way to do the work.
type rival struct {
	name string
	what string // what it does, for the report
	c    bool   // whether it is one of the C pipelines that ours is held against
	area bool   // whether it can take means over areas
	onto bool   // whether it can paste onto a background
	open func(w *workload) (encoder, error)
}

// errNoWay is why a rival does not take part in a workload: it has no way to read such frames.
var errNoWay = errors.New("peers: no way to do this workload")

// rivals are all that take part, ours first.
func rivals() []rival {
	return []rival{
		{name: "steadyframe", what: "package pipeline, a batch of one frame at a time", area: true, onto: true, open: openOurs},
		{name: "steadyframe-avx2", what: "ours, with kernels up to AVX2 where the processor has AVX-512", area: true, open: openLower},
		{name: "go", what: "golang.org/x/image/draw ApproxBiLinear, image/jpeg", open: openStandard},
		{name: "libyuv+turbo", what: "libyuv to J420 and I420Scale, libjpeg-turbo from planes", c: true, area: true, onto: true, open: openLibyuv},
		{name: "turbo", what: "libjpeg-turbo from BGR, where nothing is resized", c: true, open: openTurbo},
		{name: "opencv", what: "cv::resize, cv::imencode", c: true, area: true, onto: true, open: openOpenCV},
		{name: "ffmpeg", what: "libswscale bilinear, libavcodec mjpeg of about the same size", c: true, open: openLibav},
		{name: "gstreamer", what: "appsrc ! videoscale ! videoconvert ! jpegenc ! appsink", c: true, open: openGStreamer},
		{name: "libvips", what: "vips_resize linear, vips_jpegsave_buffer", c: true, open: openVips},
	}
}
