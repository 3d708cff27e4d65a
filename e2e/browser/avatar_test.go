package browser

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAvatar: the example's head talks on the page. Where its sound is loud the mouth is open, in silence images are those of the
// scene's backgrounds, in their order, and outside of the mouth's place they always are.
func TestAvatar(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	testAvatar(t, s, buildAvatar(t), "-grpc", s.grpc, "-http", s.url(""))
}

// buildAvatar returns the path of the example's program.
func buildAvatar(t *testing.T) string {
	t.Helper()
	avatar := filepath.Join(t.TempDir(), "avatar")
	build := exec.Command("go", "build", "-o", avatar, "./examples/avatar")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return avatar
}

// testAvatar runs a program that publishes the stream avatar of the scene avatar, and looks at both. It tries three times: where a
// busy machine holds the server up for more than half a second, sound that it could not read before is late.
func testAvatar(t *testing.T, s *server, program string, args ...string) {
	t.Helper()
	var wrong []string
	for range 3 {
		seen := seeAvatar(t, s, exec.Command(program, args...))
		if wrong = seen.check(); wrong == nil {
			t.Logf("%d images", len(seen.Images))
			return
		}
		t.Logf("%d images, %q", len(seen.Images), wrong)
	}
	t.Error("got it wrong three times")
}

// seeAvatar returns what is seen of the program, which it ends.
func seeAvatar(t *testing.T, s *server, cmd *exec.Cmd) avatarSeen {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait() // It was killed.
		if t.Failed() {
			t.Logf("it said: %s", said.Bytes())
		}
	}()
	page := open(t, s.url("/#/stream/avatar"), 800, 600)
	page.allow("willReadFrequently") // of the test, which reads pixels
	page.await("an image on the page", "document.querySelector('.stage .screen[data-seq]')")
	page.do(lookAtAvatar)
	page.await("a round of speech and silence", "seen.failed || seen.images.length && seen.images.at(-1).time - seen.images[0].time > 5.4e6")
	seen := eval[avatarSeen](page, "seen")
	if seen.Failed != "" {
		t.Fatal(seen.Failed)
	}
	return seen
}

// avatarSeen is what lookAtAvatar has seen. Times are in microseconds.
type avatarSeen struct {
	Failed string
	Images []struct {
		Time       float64
		Background int     // which it is outside of the mouth's place, -1: none
		Mouth      float64 // its mean difference from that in the mouth's place, in levels
	}
	Sound []struct {
		Time float64
		Loud []float64 // for each 10 ms, the largest sample
	}
}

// backgrounds is how many the example's scene has, in a loop, at 25 a second.
const backgrounds = 50

// check returns what is wrong with what was seen, nil for nothing.
func (seen *avatarSeen) check() (wrong []string) {
	first, open, closed := seen.Images[0], 0, 0
	for _, m := range seen.Images {
		if m.Background < 0 {
			return []string{"got an image that is no background outside of the mouth's place"}
		}
		index := (first.Background + int(math.Round((m.Time-first.Time)/40_000))) % backgrounds
		if m.Background != index {
			wrong = append(wrong, fmt.Sprintf("%.0f us after the first image, of background %d, got background %d, want %d", m.Time-first.Time, first.Background, m.Background, index))
		}
		before, ok := seen.loud(m.Time - 100_000)
		at, ok2 := seen.loud(m.Time + 20_000)
		after, ok3 := seen.loud(m.Time + 120_000)
		switch {
		case !ok || !ok2 || !ok3: // its sound was before that of the test, or comes later
		case max(before, at, after) == 0:
			closed++
			if m.Mouth > 0 {
				wrong = append(wrong, fmt.Sprintf("got a mouth that differs by %.2f levels from its background in silence, want 0", m.Mouth))
			}
		case at > 0.5:
			open++
			if m.Mouth < 1 {
				wrong = append(wrong, fmt.Sprintf("got a mouth that differs by %.2f levels from its background where sound is %.2f loud, want an open one", m.Mouth, at))
			}
		}
	}
	if open == 0 || closed == 0 {
		wrong = append(wrong, fmt.Sprintf("got %d images with loud sound and %d in silence, want both", open, closed))
	}
	return wrong
}

// loud returns how loud the sound is within 50 ms around a time: the largest sample of full scale 1. It is not ok where there is none.
func (seen *avatarSeen) loud(at float64) (loudest float64, ok bool) {
	for _, s := range seen.Sound {
		for i, v := range s.Loud {
			if d := s.Time + 10_000*float64(i) - at; d > -30_000 && d < 20_000 {
				loudest, ok = max(loudest, v), true
			}
		}
	}
	return loudest, ok
}

// lookAtAvatar watches the stream and listens to it, over a WebSocket of its own, and notes in seen what it sees and hears. It
// compares with the backgrounds as the server makes them of the index alone. Where the mouth's place is, wherever the head has moved
// to, with the blocks of pixels that it touches, is place.
const lookAtAvatar = `
	window.seen = { images: [], sound: [], failed: '' };
	const place = { x: 232, y: 136, width: 176, height: 160 };
	const pixels = async (blob) => {
		const bitmap = await createImageBitmap(blob);
		const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
		canvas.getContext('2d').drawImage(bitmap, 0, 0);
		return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
	};
	// hashes outside of the place, and the place's pixels
	const parts = ({ width, data }) => {
		const words = new Uint32Array(data.buffer), inside = [];
		let outside = 1;
		for (let i = 0; i < words.length; i++) {
			const x = i % width - place.x, y = Math.floor(i / width) - place.y;
			if (x < 0 || y < 0 || x >= place.width || y >= place.height) outside = Math.imul(outside ^ words[i], 16777619);
			else inside.push(data[4 * i], data[4 * i + 1], data[4 * i + 2]);
		}
		return { outside, inside };
	};
	const look = async () => {
		const backgrounds = new Map();
		for (let index = 0; index < 50; index++) {
			const response = await fetch('v1/encode?scene=avatar&index=' + index, { method: 'POST' });
			const { outside, inside } = parts(await pixels(await response.blob()));
			backgrounds.set(outside, { index, inside });
		}
		const socket = new WebSocket(new URL('ws', document.baseURI.replace('http', 'ws')), 'steadyframe.v1');
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => ['watch', 'listen'].forEach((op) => socket.send(JSON.stringify({ op, stream: op === 'watch' ? 'avatar' : undefined, id: 1 })));
		socket.onmessage = ({ data }) => {
			if (typeof data !== 'string') note(data, socket, backgrounds).catch((error) => (seen.failed ||= String(error)));
		};
	};
	const note = async (data, socket, backgrounds) => {
		const view = new DataView(data), head = view.getUint16(2), time = Number(view.getBigUint64(16));
		if (view.getUint8(1) & 8) {
			const rate = view.getUint32(32), samples = new Int16Array(data.slice(head)), loud = [];
			for (let i = 0; i < samples.length; i += rate / 100) loud.push(Math.max(...samples.subarray(i, i + rate / 100).map(Math.abs)) / 32768);
			seen.sound.push({ time, loud });
			return;
		}
		if (view.getUint8(1) & 1) return socket.send(data.slice(4, 16)); // a busy machine held the program up
		const { outside, inside } = parts(await pixels(new Blob([data.slice(head)], { type: 'image/jpeg' })));
		const background = backgrounds.get(outside);
		let mouth = 0;
		if (background) inside.forEach((v, i) => (mouth += Math.abs(v - background.inside[i]) / inside.length));
		seen.images.push({ time, background: background ? background.index : -1, mouth });
		socket.send(data.slice(4, 16));
	};
	look().catch((error) => (seen.failed = String(error)));
`
