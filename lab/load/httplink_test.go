package load

import (
	"bytes"
	"io"
	"net"
	"testing"
	"unsafe"
)

// written is a connection that remembers what is written to it.
type written struct {
	net.Conn
	bytes []byte
	large []*byte // where what was written in pieces larger than a connection's buffer began
}

func (w *written) Write(p []byte) (int, error) {
	w.bytes = append(w.bytes, p...)
	if len(p) > writeBytes {
		w.large = append(w.large, unsafe.SliceData(p))
	}
	return len(p), nil
}

// TestWrittenFromWhereTheyLie: large frames are not copied, small ones share writes, and both come whole and in order, also
// after net/http has read the beginning by itself.
func TestWrittenFromWhereTheyLie(t *testing.T) {
	const size = 3 * writeBytes
	memory := make([]byte, 4*size)
	for i := range memory {
		memory[i] = byte(i * 2654435761 >> 13)
	}
	large, small := memory[:size], memory[size:size+100]
	last := memory[2*size : 3*size]
	for _, tt := range []struct {
		name   string
		frames [][]byte
		read   int // before
		large  []*byte
	}{
		{"one", [][]byte{large}, 0, []*byte{&large[0]}},
		{"begun", [][]byte{large}, 3000, []*byte{&large[3000]}},
		{"several", [][]byte{large, last}, 0, []*byte{&large[0], &last[0]}},
		{"small", [][]byte{small, small, small}, 7, nil},
		{"small behind", [][]byte{large, small, last}, 0, []*byte{&large[0]}},
		{"none", nil, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := bytes.Join(tt.frames, nil)
			r := io.LimitReader(&body{frames: tt.frames}, int64(len(want)))
			if _, err := io.ReadFull(r, make([]byte, tt.read)); err != nil {
				t.Fatal(err)
			}
			w := &written{}
			n, err := (&bulkConn{Conn: w}).ReadFrom(r)
			if err != nil || n != int64(len(want)-tt.read) || !bytes.Equal(w.bytes, want[tt.read:]) {
				t.Errorf("got %d bytes, %d returned, %v, want the %d of the frames", len(w.bytes), n, err, len(want)-tt.read)
			}
			if len(w.large) != len(tt.large) {
				t.Fatalf("got %d writes of frames as they lie, want %d", len(w.large), len(tt.large))
			}
			for i, p := range tt.large {
				if w.large[i] != p {
					t.Errorf("write %d: got a copy, want the frame's own memory", i)
				}
			}
			if left, err := r.Read(make([]byte, 1)); left != 0 || err != io.EOF {
				t.Errorf("afterwards: got %d, %v, want io.EOF", left, err)
			}
		})
	}
}
