package scenedir

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// FuzzUpload: whatever files come, they are a scene or an error, within the budget, and nothing stays leased or admitted. A text is
// files: the length of a name, the name, two bytes of length, the data.
func FuzzUpload(f *testing.F) {
	text := func(files ...string) []byte {
		var b bytes.Buffer
		for i := 0; i < len(files); i += 2 {
			fmt.Fprintf(&b, "%c%s%c%c%s", len(files[i]), files[i], len(files[i+1])>>8, len(files[i+1])&255, files[i+1])
		}
		return b.Bytes()
	}
	raw := strings.Repeat("abc", 64)
	f.Add(text("scene.json", `{"size": "8x8", "movable": true}`, "rects.json", `{"all": ["4x4+1+1"]}`, "frames/1.bgr24", raw, "frames/2.rgb24", raw))
	f.Add(text("scene.json", `{"size": "32x16", "transparent": true}`, "rects.json", `{"frames": [[{"affine": [1,0,0,0,1,0], "region": "8x8", "mask": {"shape": "ellipse", "feather": 3}}], []]}`))
	f.Add(text("scene.json", `{"color": "#102030", "restart": 1}`))
	f.Add(text("masks/1.png", "\x89PNG", "frames/1.jpg", "\xff\xd8\xff\xd9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := pooltest.New(t, &pool.Options{Budget: 4 << 20})
		u := NewUpload(UploadOptions{Pool: p, MaxBytes: 1 << 20, MaxPixels: 1 << 16})
		defer u.Discard()
		for len(data) > 0 {
			n := min(int(data[0]), len(data)-1)
			name := string(data[1 : 1+n])
			data = data[1+n:]
			if len(data) < 2 {
				break
			}
			n = min(int(data[0])<<8+int(data[1]), len(data)-2)
			err := u.Add(context.Background(), name, data[2:2+n])
			data = data[2+n:]
			if err != nil {
				return
			}
		}
		if s := p.Stats(); s.Admitted > s.Budget {
			t.Fatalf("got %d bytes admitted of %d", s.Admitted, s.Budget)
		}
		if s, err := u.Scene(); err == nil {
			s.Close()
		}
	})
}
