package browser

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAlpha: <steadyframe-view> shows a stream of a transparent scene over what is below it, also where the browser has no
// WebGL, and the page itself over a chessboard.
func TestAlpha(t *testing.T) {
	t.Parallel()
	s := serve(t, "127.0.0.1:0", "")
	loadScene(t, s, "disc", map[string]string{
		"scene.json": `{"size": "128x128", "transparent": true, "subsampling": "4:4:4", "quality": 95}`,
		"rects.json": `{"all": [{"rect": "64x64+32+32", "mask": {"shape": "ellipse", "feather": 8}}]}`,
	})
	body, pipe := io.Pipe()
	published := make(chan error, 1)
	go func() {
		response, err := http.Post(s.url("/v1/streams/disc?scene=disc&format=rgb24&size=64x64&fps=10"), "", body)
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("got %s", response.Status)
			}
		}
		published <- err
	}()
	ctx, end := context.WithCancel(t.Context())
	go func() {
		tick := time.NewTicker(time.Second / 10)
		defer tick.Stop()
		defer pipe.Close()
		for ctx.Err() == nil {
			if _, err := pipe.Write(bytes.Repeat([]byte{250, 100, 0}, 64*64)); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	page := open(t, s.url("/#/stream/disc"), 800, 600)
	page.await("an image over a chessboard", "document.querySelector('.stage .screen[data-seq] canvas.transparent')")

	page.do(`
		const script = document.head.appendChild(document.createElement('script'));
		script.type = 'module';
		script.src = 'assets/view.js';
		window.view = document.createElement('steadyframe-view');
		view.addEventListener('image', ({ detail }) => (window.seen = detail));
		view.addEventListener('state', ({ detail }) => (window.state = detail.state));
		view.setAttribute('stream', 'disc');
		document.body.prepend(view)`)
	page.allow("ReadPixels", "willReadFrequently") // of the test, which looks at single pixels
	page.await("an image in the view", "window.seen?.captured > 0 && window.state === 'online'")
	const pixels = `((canvas) => [[64, 64], [4, 4], [36, 64]].map(([x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]))`
	check := func(how string, got [][]int) {
		t.Helper()
		middle, corner, edge := got[0], got[1], got[2]
		for c, want := range []int{250, 100, 0, 255} {
			if d := middle[c] - want; d < -4 || d > 4 {
				t.Errorf("%s: in the middle got %v, want 250 100 0 255", how, middle)
				break
			}
		}
		if corner[3] != 0 {
			t.Errorf("%s: in the corner got %v, want alpha 0", how, corner)
		}
		if edge[3] < 20 || edge[3] > 235 || edge[0] < 220 {
			t.Errorf("%s: in the feathered edge got %v, want half of the color of the middle, not a darker one", how, edge)
		}
	}
	check("view", eval[[][]int](page, pixels+"(view.shadowRoot.querySelector('canvas'))"))
	for _, composer := range []string{"glComposer", "plainComposer"} {
		got := eval[[][]int](page, `Promise.all([import('./assets/alpha.js'), new Promise((ready) => {
			const socket = new WebSocket(new URL('ws', document.baseURI.replace('http', 'ws')), 'steadyframe.v1');
			socket.binaryType = 'arraybuffer';
			socket.onopen = () => socket.send('{"op":"watch","stream":"disc","id":1}');
			socket.onmessage = ({ data }) => data.byteLength && (ready(data), socket.close());
		})]).then(async ([m, data]) => {
			const compose = m.`+composer+`();
			if (!compose) return [];
			const view = new DataView(data), begin = view.getUint16(2), end = begin + view.getUint32(32);
			const bitmap = (...range) => createImageBitmap(new Blob([data.slice(...range)], { type: 'image/jpeg' }));
			const composed = compose(await bitmap(begin, end), await bitmap(end));
			const canvas = Object.assign(document.createElement('canvas'), { width: 128, height: 128 });
			canvas.getContext('2d').drawImage(composed, 0, 0);
			return `+pixels+`(canvas);
		})`)
		if len(got) == 0 {
			t.Logf("%s: the browser has none", composer)
			continue
		}
		check(composer, got)
	}

	page.do("view.setAttribute('stream', 'nobody')")
	page.await("the state of a stream that does not exist", "window.state === 'unknown'")
	page.do("view.remove()")
	end()
	if err := <-published; err != nil {
		t.Errorf("publishing: %v", err)
	}
}

// loadScene loads a scene into the server from the files of its folder, which need no order.
func loadScene(t *testing.T, s *server, name string, files map[string]string) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range []string{"scene.json", "rects.json"} {
		if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(files[file]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[file])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url("/v1/scenes/"+name), &archive)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(response.Body)
		t.Fatalf("loading scene %s: got %s %s", name, response.Status, text)
	}
}
