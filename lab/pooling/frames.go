package pooling

import (
	"fmt"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"

	"github.com/steadyframe/steadyframe/internal/synth"
)

// frames are the frames that requests receive, one after the other and again, and what must come of them.
type frames struct {
	size   int      // bytes of one
	data   []byte   // all
	hashes []uint64 // of the JPEG that each must give
}

// input returns frame n, counted on and on.
func (f *frames) input(n int) []byte {
	i := n % len(f.hashes)
	return f.data[i*f.size:][:f.size]
}

// want returns the hash of the JPEG of frame n.
func (f *frames) want(n int) uint64 { return f.hashes[n%len(f.hashes)] }

// The corner of a frame that carries its number.
const indexWidth, indexHeight = 64, 32

// renderFrames calls each with all frames of a workload and the hash of what each gives, made without any pooling: an
// animated scene with the number of the frame in a corner, so that no two are the same. A frame is lent until each returns.
func renderFrames(w workload, each func(in []byte, hash uint64) error) error {
	scene := synth.New(w.input.Width, w.input.Height, 1)
	m := newEncoder(w)
	in := make([]byte, w.sizes[inputBuffer])
	image := in
	if w.resizes() {
		image = make([]byte, w.sizes[imageBuffer])
	}
	f := wrap(w.input, in)
	for n := range w.frames {
		scene.Render(&f, n)
		index := synth.Index(indexWidth, indexHeight, n)
		for y := range indexHeight {
			row := f.Row(0, y)
			for x := range indexWidth {
				row[3*x+2], row[3*x+1], row[3*x] = index(x, y)
			}
		}
		if w.resizes() {
			m.resize(image, in)
		}
		if err := each(in, xxhash.Sum64(m.encode(nil, image))); err != nil {
			return err
		}
	}
	return nil
}

// writeFrames makes a file of all frames of a workload and returns it with the hashes. The caller ends it with removeFile.
func writeFrames(w workload) (*os.File, []uint64, error) {
	f, err := anonymousFile()
	if err != nil {
		return nil, nil, fmt.Errorf("a file for the frames: %w", err)
	}
	var hashes []uint64
	err = renderFrames(w, func(in []byte, hash uint64) error {
		hashes = append(hashes, hash)
		_, err := f.Write(in)
		return err
	})
	if err != nil {
		removeFile(f)
		return nil, nil, fmt.Errorf("a file for the frames: %w", err)
	}
	return f, hashes, nil
}

// readFrames returns the frames of a file that writeFrames made. Where the system allows, they are no part of the Go heap:
// what a server receives is not its own either, and memory that is always there would set the pace of the collector.
func readFrames(w workload, f *os.File, hashes []uint64) (*frames, error) {
	size := w.sizes[inputBuffer]
	data, err := mapFile(f, size*len(hashes))
	if err != nil {
		return nil, fmt.Errorf("the file of the frames: %w", err)
	}
	_ = xxhash.Sum64(data) // all of it is mapped now, and no page faults in later
	return &frames{size: size, data: data, hashes: hashes}, nil
}

// readAll is mapFile by reading.
func readAll(f *os.File, n int) ([]byte, error) {
	data := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(n)), data)
	return data, err
}
