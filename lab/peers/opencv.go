package main

/*
#cgo CXXFLAGS: -O2 -I/usr/include/opencv4
#cgo LDFLAGS: -lopencv_core -lopencv_imgproc -lopencv_imgcodecs
#include "opencv.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/steadyframe/steadyframe/frame"
)

// openCV is cv::resize and cv::imencode.
type openCV struct{ o *C.opencv }

func openOpenCV(w *workload) (encoder, error) {
	floats, area := C.int(0), C.int(0)
	if w.in.Format != frame.BGR24 {
		floats = 1
	}
	if w.area {
		area = 1
	}
	if p := w.onto; p != nil {
		var mask unsafe.Pointer
		if p.mask != nil {
			mask = unsafe.Pointer(&p.mask[0])
		}
		r := p.rect
		o := C.opencv_new(C.int(w.in.Width), C.int(w.in.Height), C.int(r.Width), C.int(r.Height), floats, area, C.int(w.quality))
		C.opencv_paste(o, unsafe.Pointer(&p.background[0]), C.int(w.width), C.int(w.height), C.int(r.X), C.int(r.Y), mask)
		return &openCV{o}, nil
	}
	return &openCV{C.opencv_new(C.int(w.in.Width), C.int(w.in.Height), C.int(w.width), C.int(w.height), floats, area, C.int(w.quality))}, nil
}

func (e *openCV) Encode(frame []byte) ([]byte, error) {
	var out *C.uchar
	n := C.opencv_encode(e.o, unsafe.Pointer(&frame[0]), &out)
	if n < 0 {
		return nil, errors.New("peers: OpenCV failed")
	}
	return unsafe.Slice((*byte)(out), int(n)), nil
}

func (e *openCV) Close() { C.opencv_free(e.o) }
