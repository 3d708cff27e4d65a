package server_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/scene"
)

// annas are the files of a scene of 160x96 with three backgrounds, each with two places, by name.
func annas(t testing.TB, settings string) fstest.MapFS {
	files := fstest.MapFS{
		"scene.json": {Data: []byte(settings)},
		"rects.json": {Data: []byte(`{"all": ["40x40+20+30", {"rect": "30x20+100+10", "mask": {"feather": 4}}]}`)},
	}
	for i, data := range makeFrames(t, background, 3) {
		files[fmt.Sprintf("frames/%d.bgr24", i)] = &fstest.MapFile{Data: data}
	}
	return files
}

// clears are the files of a transparent scene.
var clears = fstest.MapFS{
	"scene.json": {Data: []byte(`{"size": "160x96", "transparent": true}`)},
	"rects.json": {Data: []byte(`{"frames": [["40x40+20+30"], ["40x40+60+30"]]}`)},
}

var (
	background = frame.Desc{Format: frame.BGR24, Width: 160, Height: 96}
	patch      = frame.Desc{Format: frame.RGB24, Width: 24, Height: 20}
)

// ofScene is a Spec of regions.
func ofScene(name string) pipeline.Spec { return pipeline.Spec{Input: patch, Scene: name} }

// library returns the scene that files are, without a server.
func library(t testing.TB, files fstest.MapFS, o scene.Options) *scene.Scene {
	t.Helper()
	o.Width, o.Height = 160, 96
	b, err := scene.NewBuilder(&o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	places := []scene.Place{{Rect: pipeline.Rect{X: 20, Y: 30, Width: 40, Height: 40}}, {Rect: pipeline.Rect{X: 100, Y: 10, Width: 30, Height: 20}, Mask: &scene.Mask{Feather: 4}}}
	if o.Transparent {
		for _, x := range []int{20, 60} {
			places[0].Rect.X = x
			if err := b.Add(scene.Background{Places: places[:1:1]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := 0; !o.Transparent && i < 3; i++ {
		f, err := frame.WrapBytes(background, files[fmt.Sprintf("frames/%d.bgr24", i)].Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(scene.Background{Frame: f, Places: places}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Scene()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// composed returns what the library makes of an image: its JPEG and alpha.
func composed(t testing.TB, s *scene.Scene, index int, rects []pipeline.Rect, regions ...[]byte) [2]string {
	t.Helper()
	m := scene.Image{Index: index}
	for i, data := range regions {
		r := scene.Region{}
		if len(data) > 0 {
			f, err := frame.WrapBytes(patch, data)
			if err != nil {
				t.Fatal(err)
			}
			r.Frame = f
		}
		if i < len(rects) {
			r.Rect = rects[i]
		}
		m.Regions = append(m.Regions, r)
	}
	c, err := s.Compose(&m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	return [2]string{string(c.JPEG()), string(c.Alpha())}
}

// archive returns files as a tar, the settings first.
func archive(t testing.TB, files fstest.MapFS, order ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if len(order) == 0 {
		for _, pattern := range []string{"scene.json", "rects.json", "mask.png", "frames/*"} {
			names, err := fs.Glob(files, pattern)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, names...)
		}
	}
	for _, name := range append([]string{"frames/"}, order...) {
		h := &tar.Header{Name: "./" + name, Mode: 0o644, Typeflag: tar.TypeDir}
		if f := files[name]; f != nil {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(f.Data))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if f := files[name]; f != nil {
			if _, err := w.Write(f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// send sends a request of any method.
func (s *running) send(t testing.TB, method, path string, body io.Reader, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(timeout(t), method, scheme+"://"+s.Addrs().HTTP+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := newTransport()
	transport.DisableKeepAlives = true
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp, readAll(t, resp.Body)
}

// loadHTTP loads a scene and fails t when it is refused.
func (s *running) loadHTTP(t testing.TB, name string, files fstest.MapFS) {
	t.Helper()
	if resp, body := s.send(t, "PUT", "/v1/scenes/"+name, bytes.NewReader(archive(t, files))); resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT: got %s, %s", resp.Status, body)
	}
}

// composedOf returns the parts of a multipart response by image, each with the layers that it has.
func composedOf(t testing.TB, resp *http.Response, body []byte) (images [][2]string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "image/jpeg" {
		return [][2]string{{string(body), ""}}
	}
	if kind != "multipart/mixed" {
		t.Fatalf("got %s, %s, %s", resp.Status, kind, body)
	}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return images
		}
		if err != nil {
			t.Fatal(err)
		}
		data := string(readAll(t, p))
		if p.Header.Get("X-Steadyframe-Layer") == "alpha" {
			images[len(images)-1][1] = data
		} else {
			images = append(images, [2]string{data, ""})
		}
	}
}

func checkComposed(t testing.TB, what string, got, want [][2]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d images, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: image %d: got %d and %d bytes, want %d and %d, as the library", what, i, len(got[i][0]), len(got[i][1]), len(want[i][0]), len(want[i][1]))
		}
	}
}

// TestScenesOverHTTP: images are the library's, in every form of a body and of a response.
func TestScenesOverHTTP(t *testing.T) {
	s := start(t, nil)
	files := annas(t, `{"size": "160x96", "movable": true, "quality": 80}`)
	s.loadHTTP(t, "anna", files)
	lib := library(t, files, scene.Options{Movable: true, Quality: 80})
	f := makeFrames(t, patch, 4)
	const region = "scene=anna&format=rgb24&size=24x20"
	tests := []struct {
		name, query string
		body        io.Reader
		header      []string
		want        [][2]string
	}{
		{"one", region + "&index=4", bytes.NewReader(f[0]), nil, [][2]string{composed(t, lib, 4, nil, f[0])}},
		{"two places", region + "&regions=2", bytes.NewReader(bytes.Join(f[:2], nil)), nil, [][2]string{composed(t, lib, 0, nil, f[0], f[1])}},
		{"many", region + "&index=2", bytes.NewReader(bytes.Join(f, nil)), nil, [][2]string{
			composed(t, lib, 2, nil, f[0]), composed(t, lib, 3, nil, f[1]), composed(t, lib, 4, nil, f[2]), composed(t, lib, 5, nil, f[3])}},
		{"endless", region, endless{bytes.NewReader(bytes.Join(f[:2], nil))}, nil, [][2]string{composed(t, lib, 0, nil, f[0]), composed(t, lib, 1, nil, f[1])}},
		{"silence", "scene=anna&index=7", nil, nil, [][2]string{composed(t, lib, 7, nil)}},
		{"lines", region, strings.NewReader("IMAGE index=1\nIMAGE regions=1 rect=30x30-9+80\n" + string(f[0]) + "IMAGE regions=2\n" + string(f[1]) + string(f[2])),
			[]string{"Content-Type", "application/x-steadyframe-images"}, [][2]string{
				composed(t, lib, 1, nil), composed(t, lib, 2, []pipeline.Rect{{X: -9, Y: 80, Width: 30, Height: 30}}, f[0]), composed(t, lib, 3, nil, f[1], f[2])}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := s.send(t, "POST", "/v1/encode?"+tt.query, tt.body, tt.header...)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("got %s, %s", resp.Status, body)
			}
			checkComposed(t, "composed", composedOf(t, resp, body), tt.want)
		})
	}
	resp, body := s.send(t, "GET", "/v1/scenes", nil)
	var list struct{ Scenes []map[string]any }
	if err := json.Unmarshal(body, &list); err != nil || resp.StatusCode != http.StatusOK || len(list.Scenes) != 1 || list.Scenes[0]["name"] != "anna" || list.Scenes[0]["backgrounds"] != 3.0 {
		t.Errorf("list: got %s, %s, %v", resp.Status, body, err)
	}
	if resp, body := s.send(t, "DELETE", "/v1/scenes/anna", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("DELETE: got %s, %s", resp.Status, body)
	}
}

// TestTransparentScenes: each image is color and alpha, over HTTP, gRPC, and to viewers.
func TestTransparentScenes(t *testing.T) {
	s := start(t, nil)
	s.loadHTTP(t, "clear", clears)
	lib := library(t, nil, scene.Options{Transparent: true})
	f := makeFrames(t, patch, 2)
	want := [][2]string{composed(t, lib, 0, nil, f[0]), composed(t, lib, 1, nil, f[1])}
	if alpha, err := stdjpeg.Decode(strings.NewReader(want[0][1])); err != nil || alpha.ColorModel() == nil {
		t.Fatal(err)
	} else if _, gray := alpha.(*image.Gray); !gray {
		t.Errorf("alpha: got %T, want gray", alpha)
	}
	resp, body := s.send(t, "POST", "/v1/encode?scene=clear&format=rgb24&size=24x20", bytes.NewReader(bytes.Join(f, nil)))
	checkComposed(t, "HTTP", composedOf(t, resp, body), want)
	resp, body = s.send(t, "POST", "/v1/encode?scene=clear&format=rgb24&size=24x20", bytes.NewReader(f[0]))
	checkComposed(t, "HTTP, one", composedOf(t, resp, body), want[:1])
	_, body = s.send(t, "POST", "/v1/encode?scene=clear&format=rgb24&size=24x20", bytes.NewReader(f[0]), "Accept", "video/x-motion-jpeg")
	if string(body) != want[0][0]+want[0][1] {
		t.Errorf("HTTP, concatenated: got %d bytes, want %d", len(body), len(want[0][0]+want[0][1]))
	}
	own := s.dial(t)
	var r client.Response
	if err := own.Encode(timeout(t), &client.Batch{Spec: ofScene("clear"), Frames: f}, &r); err != nil {
		t.Fatal(err)
	}
	checkComposed(t, "gRPC", layersOf(t, &r), want)
}

// layersOf returns the images of a response.
func layersOf(t testing.TB, r *client.Response) (images [][2]string) {
	t.Helper()
	for i := range r.Images {
		if r.Images[i].Err != nil {
			t.Fatalf("image %d: %v", i, r.Images[i].Err)
		}
		images = append(images, [2]string{string(r.Images[i].Data), string(r.Images[i].Alpha)})
	}
	return images
}

// TestScenesOverGRPC: the same of our client and of a stock one, in one call and in a stream.
func TestScenesOverGRPC(t *testing.T) {
	s := start(t, nil)
	own, stock := s.dial(t), s.stock(t)
	files := annas(t, `{"size": "160x96", "movable": true}`)
	info, err := own.LoadScene(timeout(t), "anna", files)
	if err != nil || info.Name != "anna" || info.Backgrounds != 3 || info.Places != 2 || !info.Movable || info.Bytes <= 0 || time.Since(info.Loaded) > time.Hour {
		t.Fatalf("got %+v, %v", info, err)
	}
	lib := library(t, files, scene.Options{Movable: true})
	f := makeFrames(t, patch, 3)
	rects := []pipeline.Rect{{}, {X: -3, Y: 4, Width: 50, Height: 60}}
	b := &client.Batch{ID: 5, Spec: ofScene("anna"), Frames: [][]byte{f[0], f[1], nil, f[2]}, Images: []client.SceneImage{
		{Index: 4}, {Index: client.NextIndex, Regions: 2, Rects: rects}, {Index: client.NextIndex, Regions: 2}}}
	want := [][2]string{composed(t, lib, 4, nil), composed(t, lib, 5, rects, f[0], f[1]), composed(t, lib, 6, nil, nil, f[2])}
	var r client.Response
	if err := own.Encode(timeout(t), b, &r); err != nil {
		t.Fatal(err)
	}
	checkComposed(t, "own", layersOf(t, &r), want)

	message := &api.EncodeRequest{Spec: specMessage(t, b.Spec), Frames: b.Frames, Images: []*api.SceneImage{
		{Index: new(uint64(4))}, {Regions: 2, Rects: []*api.RegionRect{{}, {X: -3, Y: 4, Width: 50, Height: 60}}}, {Regions: 2}}}
	response, err := stock.Encode(timeout(t), message)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range response.GetPictures() {
		if string(p.GetData()) != want[i][0] || len(p.GetAlpha()) != 0 {
			t.Errorf("stock: image %d differs: %d, %s", i, p.GetCode(), p.GetMessage())
		}
	}
	stream, err := own.EncodeStream(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // Indices go on from batch to batch; a batch without images has one for each frame.
		next := &client.Batch{Frames: f[i : i+1]}
		if i == 0 {
			next.Spec = b.Spec
		}
		if err := stream.Send(next); err != nil {
			t.Fatal(err)
		}
		if err := stream.Recv(&r); err != nil {
			t.Fatal(err)
		}
		checkComposed(t, fmt.Sprint("stream ", i), layersOf(t, &r), [][2]string{composed(t, lib, i, nil, f[i])})
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if list, err := own.ListScenes(timeout(t)); err != nil || len(list) != 1 || list[0].Name != "anna" {
		t.Errorf("got %+v, %v", list, err)
	}
	if info, err := own.UnloadScene(timeout(t), "anna"); err != nil || !info.Unloaded {
		t.Errorf("got %+v, %v", info, err)
	}
	var e *client.Error
	if _, err := own.UnloadScene(timeout(t), "anna"); !asError(err, &e) || e.Code != codes.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
	if err := own.Encode(timeout(t), b, &r); !asError(err, &e) || e.Code != codes.NotFound || e.Field != "scene" {
		t.Errorf("got %v, want NotFound about scene", err)
	}
}

func asError(err error, e **client.Error) bool {
	var ok bool
	*e, ok = err.(*client.Error)
	return ok
}

// TestSceneRefusals over both APIs: what is wrong is said, and nothing is left of it.
func TestSceneRefusals(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.MaxPixels = 100_000; c.Limits.MaxScenes = 2 })
	own := s.dial(t)
	files := annas(t, `{"size": "160x96"}`)
	held := s.Stats().Pool.Admitted
	s.loadHTTP(t, "anna", files)
	f := makeFrames(t, patch, 2)
	images := []string{"Content-Type", "application/x-steadyframe-images"}
	for _, tt := range []struct {
		method, path, body string
		header             []string
		status             int
		want               string
	}{
		{"POST", "/v1/encode?scene=bob&index=1", "", nil, 404, "anna"},
		{"POST", "/v1/encode?scene=../x", "", nil, 400, "scene"},
		{"POST", "/v1/encode?index=1&format=rgb24&size=24x20", string(f[0]), nil, 400, "with scene alone"},
		{"POST", "/v1/encode?scene=anna&index=-1", "", nil, 400, "index"},
		{"POST", "/v1/encode?scene=anna&regions=17&format=rgb24&size=24x20", "", nil, 400, "0..16"},
		{"POST", "/v1/encode?scene=anna&regions=1", "x", nil, 400, "format"},
		{"POST", "/v1/encode?scene=anna&format=rgb24", "x", nil, 400, "size"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20&quality=80", string(f[0]), nil, 400, "output"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20&resize=8x8", string(f[0]), nil, 400, "resize"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=1000x1000", "x", nil, 413, "max_pixels"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20", "xyz", nil, 400, "whole number of images"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20&regions=3", string(bytes.Repeat(f[0], 3)), nil, 400, "no further place"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20", "IMAGE regions=1 rect=9x9+1+1\n" + string(f[0]), images, 400, "movable"},
		{"POST", "/v1/encode?scene=anna", "IMAGE regions=1\nxx", images, 400, "format and size"},
		{"POST", "/v1/encode?scene=anna", "HELLO\n", images, 400, "IMAGE"},
		{"POST", "/v1/encode?scene=anna&format=rgb24&size=24x20", "x", []string{"Content-Type", "image/jpeg"}, 415, "x-steadyframe-images"},
		{"PUT", "/v1/scenes/anna", "not a tar, whatever it is" + strings.Repeat("x", 600), nil, 400, "not a tar"},
		{"PUT", "/v1/scenes/anna", string(archive(t, files)[:2000]), nil, 400, "inside the tar"},
		{"PUT", "/v1/scenes/anna", string(archive(t, files, "frames/0.bgr24", "rects.json")), nil, 400, "want size"},
		{"PUT", "/v1/scenes/anna", string(archive(t, files)[:len(archive(t, files))-1024]), nil, 400, "between two files"},
		{"PUT", "/v1/scenes/.hidden", "", nil, 400, "dot"},
		{"PUT", "/v1/scenes/third", "", nil, 400, "no backgrounds"},
		{"DELETE", "/v1/scenes/bob", "", nil, 404, "anna"},
		{"POST", "/v1/streams/s?scene=bob", "IMAGE\n", images, 404, "anna"},
		{"POST", "/v1/streams/s?scene=anna&quality=3", "IMAGE\n", images, 400, "output"},
		{"POST", "/v1/streams/s?scene=anna&format=rgb24&size=24x20", "IMAGE regions=3\n", images, 400, "at most 2"},
	} {
		resp, body := s.send(t, tt.method, tt.path, strings.NewReader(tt.body), tt.header...)
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s %s: got %s, %s, want %d that says %q", tt.method, tt.path, resp.Status, body, tt.status, tt.want)
		}
	}
	var e *client.Error
	var r client.Response
	for _, tt := range []struct {
		name  string
		batch client.Batch
		want  string
	}{
		{"sum", client.Batch{Spec: ofScene("anna"), Frames: f, Images: []client.SceneImage{{Regions: 1}}}, "want as many as frames, 2"},
		{"nothing", client.Batch{Spec: ofScene("anna")}, "no frames"},
		{"output", client.Batch{Spec: pipeline.Spec{Input: patch, Scene: "anna", Output: pipeline.Output{Quality: 3}}, Frames: f}, "output"},
		{"many", client.Batch{Spec: ofScene("anna"), Images: make([]client.SceneImage, 65)}, "too many images"},
		{"no-scene", client.Batch{Spec: small, Images: []client.SceneImage{{}}}, "no frames"},
	} {
		if err := own.Encode(timeout(t), &tt.batch, &r); !asError(err, &e) || e.Code != codes.InvalidArgument || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want InvalidArgument that says %q", tt.name, err, tt.want)
		}
	}
	// An image that is wrong fails alone.
	wrong := client.Batch{Spec: ofScene("anna"), Frames: [][]byte{f[0], f[1][:9], f[0], f[0], f[0]}, Images: []client.SceneImage{
		{Regions: 1}, {Regions: 1}, {Regions: 3}, {Index: math.MaxInt}, {Rects: make([]pipeline.Rect, 1)}, {Index: 7}}}
	if err := own.Encode(timeout(t), &wrong, &r); err != nil {
		t.Fatal(err)
	}
	for i, fails := range []bool{false, true, true, false, true, false} {
		if (r.Images[i].Err != nil) != fails {
			t.Errorf("image %d: got %v, want an error: %t", i, r.Images[i].Err, fails)
		}
	}
	p, err := own.Publish(timeout(t), "s", ofScene("anna"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // The refusal comes when it comes.
		err = p.SendImage(time.Now(), client.SceneImage{Regions: 3}, f[0], f[0], f[1])
	}
	if !asError(err, &e) || e.Code != codes.InvalidArgument || !strings.Contains(err.Error(), "more than 2 frames") {
		t.Errorf("Publish: got %v, want InvalidArgument about 2 places", err)
	}
	stock := s.stock(t)
	for name, requests := range map[string][]*api.SceneFile{
		"first request has no scene": {{Name: "scene.json"}},
		"scene again":                {{Scene: "x"}, {Scene: "x"}},
		"no file of a scene":         {{Scene: "x", Name: "secret.txt"}},
		"no backgrounds":             {{Scene: "x"}},
		"want size":                  {{Scene: "x", Name: "frames/1.rgb24", Data: []byte("x")}},
		"names are 65":               {{Scene: strings.Repeat("x", 65)}},
	} {
		c, err := stock.LoadScene(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range requests {
			if err := c.Send(m); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		if _, err := c.CloseAndRecv(); err == nil || name != "names are 65" && !strings.Contains(err.Error(), name) {
			t.Errorf("LoadScene: got %v, want %q", err, name)
		}
	}
	if _, err := own.UnloadScene(timeout(t), "anna"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the memory is back", func() bool { return s.Stats().Pool.Admitted == held })
}

// TestSceneStreams: viewers of every kind see the composed images of streams that are published in every way, also in silence.
func TestSceneStreams(t *testing.T) {
	s := start(t, nil)
	own := s.dial(t)
	s.loadHTTP(t, "clear", clears)
	files := annas(t, `{"size": "160x96"}`)
	s.loadHTTP(t, "anna", files)
	lib, alphas := library(t, files, scene.Options{}), library(t, nil, scene.Options{Transparent: true})
	f := makeFrames(t, patch, 2)

	p, err := own.Publish(timeout(t), "speaks", ofScene("anna"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := own.Watch(timeout(t), "speaks", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var i client.LiveImage
	next := func(what string, want [2]string) {
		t.Helper()
		for {
			if err := w.Next(&i); err != nil {
				t.Fatal(err)
			}
			if string(i.Data) == want[0] && string(i.Alpha) == want[1] {
				if i.Width != 160 || i.Height != 96 || i.Offline {
					t.Errorf("%s: got %dx%d, offline %t", what, i.Width, i.Height, i.Offline)
				}
				return
			}
			if !i.Repeat {
				t.Fatalf("%s: got another image of %d and %d bytes", what, len(i.Data), len(i.Alpha))
			}
		}
	}
	send := func(m client.SceneImage, regions ...[]byte) {
		t.Helper()
		if err := p.SendImage(time.Now(), m, regions...); err != nil {
			t.Fatal(err)
		}
	}
	send(client.SceneImage{Index: 3, Regions: 2}, f[0], f[1])
	next("speech", composed(t, lib, 3, nil, f[0], f[1]))
	send(client.SceneImage{Index: client.NextIndex})
	next("silence", composed(t, lib, 4, nil))
	if err := p.Send(f[1]); err != nil {
		t.Fatal(err)
	}
	next("a frame alone", composed(t, lib, 5, nil, f[1]))
	if err := p.KeepAlive(); err != nil {
		t.Fatal(err)
	}
	send(client.SceneImage{Index: 0, Regions: 2}, nil, f[0])
	next("a place left out", composed(t, lib, 0, nil, nil, f[0]))
	if st, err := p.Close(); err != nil || st.Published != 4 || st.Arrived != 4 {
		t.Errorf("got %+v, %v, want 4 images", st, err)
	}
	w.Close()

	// Alpha, over gRPC and over a WebSocket; MJPEG and snapshots have the color.
	p, err = own.Publish(timeout(t), "floats", ofScene("clear"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = own.Watch(timeout(t), "floats", nil); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := composed(t, alphas, 1, nil, f[0])
	send(client.SceneImage{Index: 1, Regions: 1}, f[0])
	next("alpha", want)
	if resp, body := s.send(t, "GET", "/snapshot/floats.jpg", nil); string(body) != want[0] {
		t.Errorf("snapshot: got %s and %d bytes, want the color, %d bytes", resp.Status, len(body), len(want[0]))
	}
	checkPNG(t, s, "floats", want)
	head, data := s.webSocketImage(t, "floats")
	if head[1]&4 == 0 || binary.BigEndian.Uint16(head[2:]) != 36 {
		t.Fatalf("WebSocket: got head %x", head)
	}
	if n := binary.BigEndian.Uint32(head[32:]); string(data[:n]) != want[0] || string(data[n:]) != want[1] {
		t.Errorf("WebSocket: got %d and %d bytes, want %d and %d", n, len(data)-int(n), len(want[0]), len(want[1]))
	}
	if _, err := p.Close(); err != nil {
		t.Fatal(err)
	}

	// Over HTTP, with a line for each image.
	if w, err = own.Watch(timeout(t), "floats", nil); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	body, out := io.Pipe()
	var publishing sync.WaitGroup
	publishing.Go(func() {
		resp, data := s.send(t, "POST", "/v1/streams/floats?scene=clear&format=rgb24&size=24x20", body, "Content-Type", "application/x-steadyframe-images")
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(data), `"frames":2,"images":2`) {
			t.Errorf("got %s, %s", resp.Status, data)
		}
	})
	if err := w.Next(&i); err != nil { // the last of the publisher before
		t.Fatal(err)
	}
	fmt.Fprintf(out, "IMAGE index=0 regions=1\n%s", f[1])
	next("HTTP", composed(t, alphas, 0, nil, f[1]))
	fmt.Fprint(out, "IMAGE\n")
	next("HTTP, silence", composed(t, alphas, 1, nil))
	_ = out.Close()
	publishing.Wait()
}

// TestScenesOfSettings: they are loaded at the start, from folders, also what ffmpeg alone reads; a wrong one is an error that names it.
func TestScenesOfSettings(t *testing.T) {
	dir := t.TempDir()
	frames := filepath.Join(dir, "frames")
	if err := os.Mkdir(frames, 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(frames, "1.png"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *server.Config) { c.Scenes = map[string]string{"still": dir} })
	resp, body := s.send(t, "POST", "/v1/encode?scene=still", nil)
	if m, err := stdjpeg.Decode(bytes.NewReader(body)); err != nil || m.Bounds().Dx() != 64 {
		t.Errorf("got %s, %v, %q", resp.Status, err, body[:min(len(body), 200)])
	}
	c := server.Default()
	c.HTTP.Listen, c.GRPC.Listen, c.Admin.Listen, c.Ring.Listen = "127.0.0.1:0", "off", "off", "off"
	c.Scenes = map[string]string{"anna": filepath.Join(dir, "nothing")}
	if _, err := server.New(c, nil); err == nil || !strings.Contains(err.Error(), "scenes.anna") || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("got %v, want an error that names the scene and the folder", err)
	}
}

// TestSceneFromTar: what GNU tar makes of a folder, in the order that docs/scenes.md says, is a scene.
func TestSceneFromTar(t *testing.T) {
	exttool.Require(t, "tar", "tar")
	s := start(t, nil)
	dir := t.TempDir()
	for name, f := range annas(t, `{"size": "160x96"}`) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := exec.CommandContext(t.Context(), "tar", "-C", dir, "-c", "scene.json", "rects.json", "frames").Output()
	if err != nil {
		t.Fatal(err)
	}
	resp, body := s.send(t, "PUT", "/v1/scenes/anna", bytes.NewReader(data))
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"backgrounds":3`) {
		t.Errorf("got %s, %s", resp.Status, body)
	}
}

// webSocketImage returns the head and the data of the first image of a stream that a WebSocket gets.
func (s *running) webSocketImage(t *testing.T, name string) (head, data []byte) {
	t.Helper()
	transport := newTransport()
	defer transport.CloseIdleConnections()
	ws, _, err := websocket.Dial(timeout(t), strings.Replace(scheme, "http", "ws", 1)+"://"+s.Addrs().HTTP+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	if err := ws.Write(timeout(t), websocket.MessageText, []byte(`{"op":"watch","stream":"`+name+`","id":1}`)); err != nil {
		t.Fatal(err)
	}
	for {
		kind, message, err := ws.Read(timeout(t))
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.MessageBinary {
			n := binary.BigEndian.Uint16(message[2:])
			return message[:n], message[n:]
		}
	}
}

// TestScenesPage runs the commands of docs/scenes.md against a server.
func TestScenesPage(t *testing.T) {
	bash := exttool.Require(t, "bash", "bash")
	exttool.Require(t, "curl", "curl")
	if scheme != "http" {
		t.Skip("curl does not trust the test's certificate")
	}
	page, err := os.ReadFile("../../docs/scenes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## In the server")
	_, rest, _ = strings.Cut(rest, "```sh\n")
	script, _, found := strings.Cut(rest, "```")
	if !found || strings.Count(script, "localhost:8080") != 6 {
		t.Fatalf("the page's commands are not where they were: got\n%s", script)
	}
	s := start(t, nil)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range annas(t, `{"size": "160x96"}`) {
		write("avatars/anna/"+name, f.Data)
	}
	write("face.rgb", makeFrames(t, frame.Desc{Format: frame.RGB24, Width: 256, Height: 256}, 1)[0])
	run := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", strings.ReplaceAll(script, "localhost:8080", s.Addrs().HTTP))
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v in\n%s\n%s", err, script, out)
	}
	for _, want := range []string{`"stream":"anna","frames":2`, `"scenes":[{"name":"anna"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("got no %s in\n%s", want, out)
		}
	}
	for _, name := range []string{"speech.jpg", "silence.jpg"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil || m.Bounds().Dx() != 160 {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
}

// checkPNG holds the PNG snapshot of a stream to the JPEGs of its color and alpha: where something is seen, over any background
// both give the same.
func checkPNG(t testing.TB, s *running, name string, want [2]string) {
	t.Helper()
	color, err := stdjpeg.Decode(strings.NewReader(want[0]))
	if err != nil {
		t.Fatal(err)
	}
	alpha, err := stdjpeg.Decode(strings.NewReader(want[1]))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/snapshot/" + name + ".png", "/?action=snapshot&format=png&stream=" + name} {
		resp, body := s.send(t, "GET", path, nil)
		got, err := png.Decode(bytes.NewReader(body))
		if err != nil || resp.Header.Get("Content-Type") != "image/png" {
			t.Fatalf("%s: got %s, %s, %v", path, resp.Status, resp.Header.Get("Content-Type"), err)
		}
		if got.Bounds() != color.Bounds() {
			t.Fatalf("%s: got %v, want %v", path, got.Bounds(), color.Bounds())
		}
		seen := 0
		for y := range got.Bounds().Dy() {
			for x := range got.Bounds().Dx() {
				_, _, _, a := got.At(x, y).RGBA()
				w, _, _, _ := alpha.At(x, y).RGBA()
				if a>>8 != w>>8 {
					t.Fatalf("%s: alpha at %d,%d: got %d, want %d", path, x, y, a>>8, w>>8)
				}
				if a>>8 > 0 {
					seen++
				}
				r, g, b, _ := got.At(x, y).RGBA() // multiplied by alpha, as the JPEG's are
				wr, wg, wb, _ := color.At(x, y).RGBA()
				for c, v := range [][2]uint32{{r, wr}, {g, wg}, {b, wb}} {
					if most := min(v[1], a); max(v[0], most)-min(v[0], most) > 40<<8 { // Chroma is spread in another way.
						t.Fatalf("%s: sample %d at %d,%d: got %d, want %d", path, c, x, y, v[0]>>8, most>>8)
					}
				}
			}
		}
		if n := got.Bounds().Dx() * got.Bounds().Dy(); seen < 100 || seen > n/2 {
			t.Errorf("%s: got %d pixels of %d that are seen, want those of the region", path, seen, n)
		}
	}
	for path, status := range map[string]int{"/snapshot/" + name + ".gif": 404, "/snapshot/.png": 404, "/snapshot/nobody.png": 404} {
		if resp, _ := s.send(t, "GET", path, nil); resp.StatusCode != status {
			t.Errorf("%s: got %s, want %d", path, resp.Status, status)
		}
	}
}
