package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	api "github.com/steadyframe/steadyframe/api/steadyframe/v1"
	"github.com/steadyframe/steadyframe/client"
	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/testkit/oddjpeg"
	"github.com/steadyframe/steadyframe/pipeline"
	"github.com/steadyframe/steadyframe/pool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
	"github.com/steadyframe/steadyframe/scene"
)

// A request may end anywhere: its caller dies, its network does, another takes its stream over, the server stops. What was whole by
// then counts, and what was not never does: it becomes no image, no sound, no scene, and the memory that it was to fill is seen by
// nobody. The tests of this file try each way into the server with each way to end, at random places. Sources and the ring have theirs
// in packages live, ffmpeg, camera and ring.

// cutInput is the body of one request, and what is to become of it.
type cutInput struct {
	target  string // the method of gRPC, or path and query
	header  [][2]string
	prelude []byte   // comes before the units, always whole
	units   [][]byte // each is whole once all of it has come, but not before
	// begin is told how many whole units will come; nil: nobody wants to know.
	begin func(n int)
	// taken waits until what the first n units become is there. nil: nothing is, before the end.
	taken func(p *cutPeer, n int)
	// check is called after the end, with n whole units and some bytes of the next one.
	check func(p *cutPeer, n, bytes int, e cutEnd)
	// lenient returns whether an end of the body after some bytes of a unit may be as good as one between two units; nil: it may not.
	lenient func(bytes int) bool
	// says is what the error of such an end says otherwise.
	says string
}

// cutWay is a way into the server.
type cutWay struct {
	name  string
	over  []string // as in cutRequest
	other bool     // whether another publisher can take the stream over
	// open readies a server; the function that it returns makes an input, other than all before it.
	open func(t *testing.T, s *cutServer) func(rng *rand.Rand) cutInput
}

var (
	overGRPC  = []string{"grpc"}
	overHTTP  = []string{"http1", "http1-length", "http2", "http2-length"}
	piecewise = []string{"http1", "http2"}
)

var cutWays = []cutWay{
	{"grpc-publish", overGRPC, true, cutPublish(cutPixels, false)},
	{"grpc-publish-gzip", overGRPC, true, cutPublish(cutPixels, true)},
	{"grpc-publish-large", overGRPC, true, cutPublish(cutLarge, false)},
	{"grpc-publish-jpeg", overGRPC, true, cutPublish(cutJPEG, false)},
	{"grpc-publish-scene", overGRPC, true, cutPublish(cutScene, false)},
	{"grpc-publish-scene-gzip", overGRPC, true, cutPublish(cutScene, true)},
	{"publish", overHTTP, true, cutPost(cutPixels, "", nil, nil)},
	{"publish-large", piecewise, true, cutPost(cutLarge, "", nil, nil)},
	{"publish-lines", overHTTP, true, cutPost(cutPixels, "application/x-steadyframe-frames", nil, func(data []byte) []byte { return append([]byte("FRAME\n"), data...) })},
	{"publish-y4m", overHTTP, true, cutPost(cutY4M, "video/x-yuv4mpeg", []byte(y4mHead), func(data []byte) []byte { return append([]byte("FRAME\n"), data...) })},
	{"publish-jpeg", overHTTP, true, cutPost(cutJPEG, "image/jpeg", nil, nil)},
	{"publish-multipart", overHTTP, true, cutPost(cutJPEG, "multipart/x-mixed-replace; boundary=b", nil, cutPart)},
	{"publish-scene", overHTTP, true, cutPost(cutScene, "application/x-steadyframe-images", nil, nil)},
	{"grpc-encode-stream", overGRPC, false, cutEncodeStream(false)},
	{"grpc-encode-stream-gzip", overGRPC, false, cutEncodeStream(true)},
	{"grpc-encode", overGRPC, false, cutEncodeOnce},
	{"encode", overHTTP, false, cutEncode},
	{"encode-one", []string{"http1-length", "http2-length"}, false, cutEncodeImage},
	{"encode-large", []string{"http1-length", "http2-length"}, false, cutEncodeComing},
	{"grpc-mel-stream", overGRPC, false, cutMelStream(false)},
	{"grpc-mel-stream-gzip", overGRPC, false, cutMelStream(true)},
	{"grpc-mel", overGRPC, false, cutMelOnce},
	{"mel-stream", piecewise, false, cutMelPieces},
	{"mel-wav", overHTTP, false, cutMelWAV},
	{"grpc-sound", overGRPC, true, cutGRPCSound},
	{"sound", piecewise, true, cutSound(false)},
	{"sound-lines", piecewise, true, cutSound(true)},
	{"grpc-scene", overGRPC, false, cutLoadScene(false)},
	{"grpc-scene-gzip", overGRPC, false, cutLoadScene(true)},
	{"scene", overHTTP, false, cutPutScene},
}

// ends returns how a request over that can end.
func (w *cutWay) ends(over string) []cutEnd {
	ends := []cutEnd{cutReset, cutClose, cutHalf}
	if over != "http1-length" {
		ends = append(ends, cutEnding)
	}
	if !strings.HasPrefix(over, "http1") {
		ends = append(ends, cutCancel)
	}
	if over == "grpc" {
		ends = append(ends, cutDeadline)
	}
	if w.other {
		ends = append(ends, cutTaken)
	}
	return ends
}

// TestCutOff: each way into the server ends in each way, at random places, again and again.
func TestCutOff(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for i := range cutWays {
		w := &cutWays[i]
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := startCut(t, nil)
			input := w.open(t, s)
			for _, over := range w.over {
				for _, e := range w.ends(over) {
					seed := rand.Uint64()
					rng := rand.New(rand.NewPCG(seed, 0))
					for round := range rounds {
						s.cut(over, e, input(rng), rng)
						if t.Failed() {
							t.Fatalf("%s, %s, round %d of seed %d", over, e, round, seed)
						}
					}
				}
			}
			if n := s.Stats().Failed; n > 0 {
				t.Errorf("got %d frames that could not be encoded, want none", n)
			}
		})
	}
}

// TestCutOffByStop: the server stops while the rest of a unit has not come, and does not come.
func TestCutOffByStop(t *testing.T) {
	for i := range cutWays {
		w := &cutWays[i]
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			for _, over := range w.over {
				rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
				s := startCut(t, func(c *server.Config) { c.DrainTimeout = server.Duration(100 * time.Millisecond) })
				s.cut(over, cutStop, w.open(t, s)(rng), rng)
			}
		})
	}
}

// cutServer is a server with a checked pool, which fills what is released with a pattern.
type cutServer struct {
	*running
	t *testing.T
	c *client.Client
}

func startCut(t *testing.T, change func(*server.Config)) *cutServer {
	check := &pool.Check{Leaks: pool.LeaksOff, Report: func(m *pool.Misuse) { t.Errorf("misuse: %v", m) }}
	s := &cutServer{t: t}
	s.running = startWith(t, change, func(c server.Config, log *slog.Logger) (*server.Server, error) {
		return server.NewChecked(c, log, check)
	})
	t.Cleanup(func() {
		s.stop()
		for _, m := range s.Audit() {
			t.Errorf("after the drain: %v", m)
		}
	})
	s.c = s.dial(t)
	return s
}

// cut makes a request with some whole units of input and a part of the next, and ends it.
func (s *cutServer) cut(over string, e cutEnd, input cutInput, rng *rand.Rand) {
	t := s.t
	t.Helper()
	whole := 0
	if input.taken != nil && e != cutDeadline { // The deadline may pass before.
		whole = rng.IntN(len(input.units))
	}
	if e == cutTaken && whole == 0 { // It is the publisher from the first one on.
		whole = 1
	}
	unit := input.units[whole]
	part := rng.IntN(len(unit))
	switch rng.IntN(4) {
	case 0:
		part = 0
	case 1:
		part = min(len(unit)-1, 1+rng.IntN(8))
	case 2:
		part = len(unit) - 1 - min(len(unit)-1, rng.IntN(4))
	}
	length := len(input.prelude)
	for _, u := range input.units {
		length += len(u)
	}
	if e == cutDeadline {
		input.header = append(slices.Clone(input.header), [2]string{"grpc-timeout", "20m"})
	}
	before := s.Stats().OpenRequests
	method := "POST"
	if strings.HasPrefix(input.target, "/v1/scenes/") {
		method = "PUT"
	}
	p := newCutPeer(t, s.running, rng, cutRequest{over: over, method: method, target: input.target, header: input.header, length: length})
	if input.begin != nil {
		input.begin(whole)
	}
	p.send(input.prelude)
	for _, u := range input.units[:whole] {
		p.send(u)
	}
	if whole > 0 {
		input.taken(p, whole)
	}
	p.send(unit[:part])
	if over != "grpc" || len(input.prelude) > 0 || whole > 0 || part >= 5 { // A request that is not open yet could come after the check.
		eventually(t, "the request is open", func() bool { return s.Stats().OpenRequests > before || p.isOver() })
	}
	if rng.IntN(2) == 0 {
		p.arrived()
	}
	at := func() string {
		return fmt.Sprintf("%s, %s after %d units and %d of %d bytes: got status %q, %q, %.200q", over, e, whole, part, len(unit), p.status, p.said, p.body)
	}
	switch e {
	case cutTaken:
		s.takeOver(input.target)
	case cutStop:
		s.stop()
	default:
		p.end(e)
	}
	p.over(e)
	if e != cutStop {
		eventually(t, "the request has ended: "+at(), func() bool { return s.Stats().OpenRequests == before })
	}
	good := e == cutEnding && (part == 0 && whole > 0 || input.lenient != nil && input.lenient(part))
	long := strings.HasSuffix(over, "-length")
	switch {
	case p.served() && !good:
		t.Errorf("%s, want an error", at())
	case good && input.lenient == nil && !long && !p.served():
		t.Errorf("%s, want success", at())
	case e == cutEnding && !good && part > 0 && !long && !strings.Contains(p.said+string(p.body), input.says):
		t.Errorf("%s, want it to say %q", at(), input.says)
	case e == cutDeadline && p.status != "4" && p.said != " reset: CANCEL":
		t.Errorf("%s, want status 4, or a reset as grpc-go sends it", at())
	}
	input.check(p, whole, part, e)
	if t.Failed() {
		t.Log(at())
	}
}

// takeOver makes another the publisher of the stream that a target is about.
func (s *cutServer) takeOver(target string) {
	s.t.Helper()
	if target == "PublishSound" || strings.Contains(target, "/sound?") {
		p, err := s.c.PublishSound(timeout(s.t), "cam", client.SoundFormat{Rate: 16000}, time.Time{})
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := p.Close(); err != nil {
			s.t.Error(err)
		}
		return
	}
	if _, err := publish(s.t, s.c, "cam", small).Close(); err != nil {
		s.t.Error(err)
	}
}

// cutAudience watches the stream cam: every image must be one that is allowed.
type cutAudience struct {
	s       *cutServer
	mu      sync.Mutex
	changed *sync.Cond
	allowed map[string]bool // by their bytes; whether it was seen
	strange bool            // whether an image was seen that is not allowed
	gone    bool
}

// watchCut makes the stream cam, and watches it until the test ends.
func watchCut(s *cutServer) *cutAudience {
	s.t.Helper()
	a := &cutAudience{s: s, allowed: map[string]bool{}}
	a.changed = sync.NewCond(&a.mu)
	p := publish(s.t, s.c, "cam", small)
	w := watch(s.t, s.c, "cam", nil)
	if _, err := p.Close(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		var image client.LiveImage
		for {
			err := w.Next(&image)
			a.mu.Lock()
			if _, ok := a.allowed[string(image.Data)]; err == nil && !image.Offline {
				a.strange = a.strange || !ok
				a.allowed[string(image.Data)] = true
			}
			a.gone = err != nil
			a.changed.Broadcast()
			a.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return a
}

// allow says what may be seen from now on.
func (a *cutAudience) allow(images [][]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, image := range images {
		a.allowed[string(image)] = false
	}
}

// await waits until an image was seen.
func (a *cutAudience) await(image []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.allowed[string(image)] && !a.gone && !a.strange {
		a.changed.Wait()
	}
}

// counts returns how many frames have come, and how many of them became what.
func (a *cutAudience) counts() (arrived, accounted, failed uint64) {
	a.s.t.Helper()
	list, err := a.s.c.ListStreams(timeout(a.s.t))
	if err != nil || len(list) != 1 {
		a.s.t.Fatalf("got %v, %v, want one stream", list, err)
	}
	i := &list[0]
	d := &i.Dropped
	return i.Arrived, i.Published + i.Same + d.Newer + d.Capped + d.Unseen + d.NoMemory + d.Failed, d.Failed
}

// of completes an input, whose units are seen as images.
func (a *cutAudience) of(in cutInput, images [][]byte) cutInput {
	before, _, _ := a.counts()
	in.taken = func(_ *cutPeer, n int) { a.await(images[n-1]) }
	in.begin = func(n int) { a.allow(images[:n]) }
	in.check = func(_ *cutPeer, n, _ int, e cutEnd) {
		if e != cutStop {
			var arrived, accounted, failed uint64
			eventually(a.s.t, "each frame is accounted for", func() bool {
				arrived, accounted, failed = a.counts()
				return accounted == arrived
			})
			if arrived-before != uint64(n) || failed > 0 {
				a.s.t.Errorf("got %d more frames, and %d that failed, want %d and 0", arrived-before, failed, n)
			}
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.strange {
			a.s.t.Error("a viewer got an image of no frame that was sent")
		}
	}
	return in
}

// cutKind is what the frames of a stream are.
type cutKind int

const (
	cutPixels cutKind = iota
	cutLarge          // more than flow control lets through at once
	cutY4M
	cutJPEG
	cutScene
)

const y4mHead = "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n"

// spec returns the Spec that a publisher says.
func (k cutKind) spec(t testing.TB) pipeline.Spec {
	switch k {
	case cutPixels:
		return pipeline.Spec{Input: frame.Desc{Format: frame.BGR24, Width: 64, Height: 48}}
	case cutLarge:
		return pipeline.Spec{Input: frame.Desc{Format: frame.BGRA, Width: 320, Height: 240}}
	case cutY4M:
		y, err := ingest.NewY4M(strings.NewReader(y4mHead), pooltest.New(t, nil), ingest.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return pipeline.Spec{Input: y.Desc()}
	case cutScene:
		return ofScene("anna")
	}
	return pipeline.Spec{}
}

// cutFrame is a frame that is sent, or of a scene its two regions, and the image that it becomes.
type cutFrame struct {
	frames [][]byte
	index  int
	image  []byte
}

// feed readies s for frames of a kind, and returns a function that makes n new ones each time.
func (k cutKind) feed(t *testing.T, s *cutServer) func(rng *rand.Rand, n int) []cutFrame {
	spec := k.spec(t)
	if k == cutJPEG {
		small := oddjpeg.Image{Width: 64, Height: 48}.Bytes()
		return func(rng *rand.Rand, n int) []cutFrame {
			out := make([]cutFrame, n)
			for i := range out {
				comment := noise(rng, 100+rng.IntN(5000))
				data := append(binary.BigEndian.AppendUint16(append(bytes.Clone(small[:2]), 0xFF, 0xFE), uint16(2+len(comment))), comment...)
				data = append(data, small[2:]...)
				out[i] = cutFrame{frames: [][]byte{data}, image: data}
			}
			return out
		}
	}
	size, err := spec.Input.Size()
	if err != nil {
		t.Fatal(err)
	}
	if k == cutScene {
		files := annas(t, `{"size": "160x96", "walk": "loop"}`)
		s.loadHTTP(t, "anna", files)
		lib := library(t, files, scene.Options{Walk: scene.Loop})
		return func(rng *rand.Rand, n int) []cutFrame {
			out := make([]cutFrame, n)
			for i := range out {
				f := cutFrame{frames: [][]byte{noise(rng, size), noise(rng, size)}, index: rng.IntN(10)}
				f.image = []byte(composed(t, lib, f.index, nil, f.frames...)[0])
				out[i] = f
			}
			return out
		}
	}
	return func(rng *rand.Rand, n int) []cutFrame {
		frames := make([][]byte, n)
		for i := range frames {
			frames[i] = noise(rng, size)
		}
		images := encodeDirectly(t, spec, frames)
		out := make([]cutFrame, n)
		for i := range out {
			out[i] = cutFrame{frames: frames[i : i+1], image: images[i]}
		}
		return out
	}
}

// noise returns n random bytes.
func noise(rng *rand.Rand, n int) []byte {
	p := make([]byte, 0, n+8)
	for len(p) < n {
		p = binary.LittleEndian.AppendUint64(p, rng.Uint64())
	}
	return p[:n]
}

// cutUnits is how many units an input has.
const cutUnits = 3

// inMessages returns each message as gRPC frames it, compressed or not, and the header that says so.
func inMessages(t testing.TB, zip bool, messages ...proto.Message) (units [][]byte, header [][2]string) {
	for _, m := range messages {
		if !zip {
			units = append(units, inFrames(t, m))
			continue
		}
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		units = append(units, append(binary.BigEndian.AppendUint32([]byte{1}, uint32(b.Len())), b.Bytes()...))
	}
	if zip {
		header = [][2]string{{"grpc-encoding", "gzip"}}
	}
	return units, header
}

const cutInside = "the call ended inside a message"

// cutPublish is Publish.
func cutPublish(k cutKind, zip bool) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		more := k.feed(t, s)
		a := watchCut(s)
		first := &api.PublishRequest{Stream: "cam"}
		if spec := k.spec(t); spec != (pipeline.Spec{}) {
			first.Spec = specMessage(t, spec)
		}
		return func(rng *rand.Rand) cutInput {
			in := cutInput{target: "Publish", says: cutInside}
			var messages []proto.Message
			alone := rng.IntN(2) == 0 // The description comes before the first frame, or with it.
			var images [][]byte
			for i, f := range more(rng, cutUnits) {
				m := &api.PublishRequest{Frames: f.frames}
				if i == 0 && !alone {
					m.Stream, m.Spec = first.Stream, first.Spec
				}
				if k == cutScene {
					m.Images = []*api.SceneImage{{Index: proto.Uint64(uint64(f.index)), Regions: 2}}
				}
				messages, images = append(messages, m), append(images, f.image)
			}
			in.units, in.header = inMessages(t, zip, messages...)
			if alone {
				before, _ := inMessages(t, zip, first)
				in.prelude = before[0]
			}
			in = a.of(in, images)
			if alone {
				in.lenient = func(bytes int) bool { return bytes == 0 } // a publisher without a frame
			}
			return in
		}
	}
}

// cutPart is a part of a multipart stream.
func cutPart(data []byte) []byte {
	return append(fmt.Appendf(nil, "\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(data)), data...)
}

// cutPost is POST /v1/streams/cam, with a body of that type. in puts a frame into it; nil: it is there as it is.
func cutPost(k cutKind, contentType string, prelude []byte, in func([]byte) []byte) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		more := k.feed(t, s)
		a := watchCut(s)
		target := "/v1/streams/cam"
		switch k {
		case cutPixels, cutLarge:
			target += "?" + query(t, k.spec(t))
		case cutScene:
			target += "?scene=anna&format=rgb24&size=24x20"
		}
		return func(rng *rand.Rand) cutInput {
			input := cutInput{target: target, prelude: prelude, says: "ends inside"}
			if contentType != "" {
				input.header = [][2]string{{"Content-Type", contentType}}
			}
			var images [][]byte
			for _, f := range more(rng, cutUnits) {
				data := bytes.Join(f.frames, nil)
				switch {
				case k == cutScene:
					data = append(fmt.Appendf(nil, "IMAGE index=%d regions=2\n", f.index), data...)
				case in != nil:
					data = in(data)
				}
				input.units, images = append(input.units, data), append(images, f.image)
			}
			if strings.HasPrefix(contentType, "multipart") {
				head := bytes.Index(input.units[0], []byte("\r\n\r\n")) + 4
				input.lenient = func(bytes int) bool { return bytes <= head+3 } // as servers of MJPEG end, which send the head before they have an image
			}
			return a.of(input, images)
		}
	}
}

// cutEncodeStream is EncodeStream.
func cutEncodeStream(zip bool) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		more := cutPixels.feed(t, s)
		spec := specMessage(t, cutPixels.spec(t))
		return func(rng *rand.Rand) cutInput {
			in := cutInput{target: "EncodeStream", says: cutInside, lenient: func(bytes int) bool { return bytes == 0 }} // It may have no batch.
			frames := more(rng, 2*cutUnits)
			var messages []proto.Message
			for i := range cutUnits {
				m := &api.EncodeRequest{Id: uint64(i + 1), Frames: [][]byte{frames[2*i].frames[0], frames[2*i+1].frames[0]}}
				if i == 0 {
					m.Spec = spec
				}
				messages = append(messages, m)
			}
			in.units, in.header = inMessages(t, zip, messages...)
			in.taken = func(p *cutPeer, n int) { p.await(func() bool { return len(p.messages()) >= n }) }
			in.check = func(p *cutPeer, n, _ int, _ cutEnd) {
				got := p.messages()
				if len(got) != n {
					t.Fatalf("got %d responses, want %d", len(got), n)
				}
				for i, data := range got {
					var response api.EncodeResponse
					if err := proto.Unmarshal(data, &response); err != nil || response.Id != uint64(i+1) {
						t.Fatalf("got response %d, %v, want %d", response.Id, err, i+1)
					}
					checkImages(t, stockImages(t, &response), [][]byte{frames[2*i].image, frames[2*i+1].image})
				}
			}
			return in
		}
	}
}

// once completes an input of one unit, of which nothing may become anything.
func once(t *testing.T, in cutInput) cutInput {
	in.check = func(p *cutPeer, _, _ int, _ cutEnd) {
		if strings.HasPrefix(in.target, "/") {
			if p.status != "" && p.status[0] == '2' {
				t.Errorf("got status %s, want none of success", p.status)
			}
			return
		}
		if got := p.messages(); len(got) > 0 {
			t.Errorf("got %d responses, want none", len(got))
		}
	}
	return in
}

// cutEncodeOnce is Encode.
func cutEncodeOnce(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
	more := cutPixels.feed(t, s)
	return func(rng *rand.Rand) cutInput {
		frames := more(rng, 2)
		in := cutInput{target: "Encode", says: cutInside}
		in.units, in.header = inMessages(t, rng.IntN(2) == 0, &api.EncodeRequest{Spec: specMessage(t, cutPixels.spec(t)), Frames: [][]byte{frames[0].frames[0], frames[1].frames[0]}})
		return once(t, in)
	}
}

// cutEncode is POST /v1/encode of several frames.
func cutEncode(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
	more := cutPixels.feed(t, s)
	return func(rng *rand.Rand) cutInput {
		in := cutInput{target: "/v1/encode?" + query(t, cutPixels.spec(t)), header: [][2]string{{"Accept", "video/x-motion-jpeg"}, {"TE", "trailers"}}, says: "ends inside"}
		images := [][]byte{nil}
		for _, f := range more(rng, cutUnits) {
			in.units, images = append(in.units, f.frames[0]), append(images, append(bytes.Clone(images[len(images)-1]), f.image...))
		}
		in.taken = func(p *cutPeer, n int) { p.await(func() bool { return len(p.body) >= len(images[n]) }) }
		in.check = func(p *cutPeer, n, _ int, _ cutEnd) {
			if got := p.body; n == 0 && p.status == "200" || n > 0 && !bytes.Equal(got, images[n]) {
				t.Errorf("got status %s with %d bytes, want those of %d images", p.status, len(got), n)
			}
		}
		return in
	}
}

// cutEncodeImage is POST /v1/encode of a frame.
func cutEncodeImage(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
	more := cutPixels.feed(t, s)
	return func(rng *rand.Rand) cutInput {
		return once(t, cutInput{target: "/v1/encode?" + query(t, cutPixels.spec(t)), units: more(rng, 1)[0].frames})
	}
}

// cutEncodeComing is POST /v1/encode of a frame that is large enough to be encoded while it comes.
func cutEncodeComing(t *testing.T, _ *cutServer) func(*rand.Rand) cutInput {
	return func(rng *rand.Rand) cutInput {
		return once(t, cutInput{target: "/v1/encode?" + query(t, pipeline.Spec{Input: comingDesc}), units: [][]byte{noise(rng, 3*comingDesc.Width*comingDesc.Height)}})
	}
}

const cutPreset = "whisper80"

// cutPCM returns the units of a sound of 16000 samples a second, and its features up to the end of each.
func cutPCM(t *testing.T, rng *rand.Rand) (units [][]byte, features func(bytes int) []float32) {
	size := 2 * (800 + rng.IntN(4000))
	all := noise(rng, cutUnits*size)
	for i := range cutUnits {
		units = append(units, all[i*size:][:size])
	}
	return units, func(bytes int) []float32 {
		m := compileMel(t, cutPreset, 16000).Stream()
		defer m.Close()
		var samples []float32
		for p := all[:bytes&^1]; len(p) > 0; p = p[2:] {
			samples = append(samples, float32(int16(binary.LittleEndian.Uint16(p)))/(1<<15))
		}
		return m.Append(nil, samples)
	}
}

// cutMelStream is MelStream.
func cutMelStream(zip bool) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		return func(rng *rand.Rand) cutInput {
			in := cutInput{target: "MelStream", says: cutInside}
			pcm, features := cutPCM(t, rng)
			var messages []proto.Message
			for i, p := range pcm {
				m := &api.MelRequest{Pcm: p}
				if i == 0 {
					m.Spec = &api.MelSpec{Preset: cutPreset, Format: "s16le", Rate: 16000}
				}
				messages = append(messages, m)
			}
			in.units, in.header = inMessages(t, zip, messages...)
			in.taken = func(p *cutPeer, n int) { p.await(func() bool { return len(p.messages()) >= n }) }
			in.check = func(p *cutPeer, n, part int, e cutEnd) {
				got := p.messages()
				if e == cutEnding && part == 0 && n > 0 && len(got) == n+1 {
					got = got[:n] // The last has what reaches beyond the end.
				}
				var values []float32
				for _, data := range got {
					var response api.MelResponse
					if err := proto.Unmarshal(data, &response); err != nil {
						t.Fatal(err)
					}
					values = append(values, floats32(response.Features)...)
				}
				if want := features(n * len(pcm[0])); len(got) != n || !slices.Equal(values, want) {
					t.Errorf("got %d responses with %d values, want %d with %d", len(got), len(values), n, len(want))
				}
			}
			return in
		}
	}
}

// cutMelOnce is Mel.
func cutMelOnce(t *testing.T, _ *cutServer) func(*rand.Rand) cutInput {
	return func(rng *rand.Rand) cutInput {
		in := cutInput{target: "Mel", says: cutInside}
		in.units, in.header = inMessages(t, rng.IntN(2) == 0, &api.MelRequest{Pcm: noise(rng, 20000), Spec: &api.MelSpec{Preset: cutPreset, Format: "s16le", Rate: 16000}})
		return once(t, in)
	}
}

// cutMelPieces is POST /v1/mel of a stream: a sample is whole alone.
func cutMelPieces(t *testing.T, _ *cutServer) func(*rand.Rand) cutInput {
	return func(rng *rand.Rand) cutInput {
		in := cutInput{target: "/v1/mel?preset=" + cutPreset + "&output=f32&stream=true&format=s16le&rate=16000", header: [][2]string{{"TE", "trailers"}}, says: "ends inside a sample"}
		units, features := cutPCM(t, rng)
		in.units = units
		in.taken = func(p *cutPeer, n int) {
			p.await(func() bool { return len(p.body) >= 4*len(features(n*len(units[0]))) })
		}
		in.lenient = func(bytes int) bool { return bytes%2 == 0 }
		in.check = func(p *cutPeer, n, part int, e cutEnd) {
			if p.status != "200" || e == cutEnding && part%2 == 0 {
				return
			}
			got, want := floats32(p.body), features(n*len(units[0])+part)
			if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
				t.Errorf("got %d values, want a beginning of %d", len(got), len(want))
			}
		}
		return in
	}
}

// cutMelWAV is POST /v1/mel of a WAV file.
func cutMelWAV(t *testing.T, _ *cutServer) func(*rand.Rand) cutInput {
	return func(rng *rand.Rand) cutInput {
		pcm := noise(rng, 2*(1000+rng.IntN(9000)))
		return once(t, cutInput{target: "/v1/mel?preset=" + cutPreset + "&output=f32", units: [][]byte{append([]byte(wavHeader(16000, uint32(len(pcm)))), pcm...)}})
	}
}

// cutListener hears the sound of cam from the first unit on.
type cutListener struct {
	t     *testing.T
	s     *cutServer
	heard []byte
	ended chan struct{}
}

// listen begins to listen once p has brought sound.
func (l *cutListener) listen(p *cutPeer) {
	var in *client.Listener
	eventually(l.t, "the stream has sound", func() (ok bool) {
		var err error
		in, err = l.s.c.Listen(timeout(l.t), "cam")
		return err == nil || p.isOver()
	})
	if in == nil {
		l.t.Fatalf("got status %s, %s, %s", p.status, p.said, p.body)
	}
	l.ended = make(chan struct{})
	go func() {
		defer close(l.ended)
		defer in.Close()
		var piece client.LiveSound
		for in.Next(&piece) == nil {
			l.heard = append(l.heard, piece.PCM...)
		}
	}()
}

// of completes an input whose units are sound; whole returns what of it is whole.
func (l *cutListener) of(in cutInput, whole func(n, bytes int) []byte) cutInput {
	in.taken = func(p *cutPeer, _ int) { l.listen(p) }
	in.check = func(_ *cutPeer, n, part int, _ cutEnd) {
		if l.ended == nil {
			return
		}
		<-l.ended
		if !bytes.Contains(whole(n, part), l.heard) {
			l.t.Errorf("a listener got %d bytes that are no part of the %d that were sent", len(l.heard), len(whole(n, part)))
		}
	}
	return in
}

// cutGRPCSound is PublishSound.
func cutGRPCSound(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
	return func(rng *rand.Rand) cutInput {
		in := cutInput{target: "PublishSound", says: cutInside}
		pcm := noise(rng, cutUnits*1600)
		var messages []proto.Message
		for i := range cutUnits {
			m := &api.SoundRequest{Pcm: pcm[1600*i:][:1600]}
			if i == 0 {
				m.Stream, m.Rate = "cam", 16000
			}
			messages = append(messages, m)
		}
		in.units, in.header = inMessages(t, rng.IntN(2) == 0, messages...)
		l := &cutListener{t: t, s: s}
		return l.of(in, func(n, _ int) []byte { return pcm[:1600*n] })
	}
}

// cutSound is POST /v1/streams/cam/sound, where a sample is whole alone.
func cutSound(lines bool) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		return func(rng *rand.Rand) cutInput {
			in := cutInput{target: "/v1/streams/cam/sound?format=s16le&rate=16000", says: "ends inside a sample"}
			pcm := noise(rng, cutUnits*1600)
			head := ""
			if lines {
				head, in.says = "SOUND samples=800\n", ""
				in.header = [][2]string{{"Content-Type", "application/x-steadyframe-sound"}}
			} else {
				in.lenient = func(bytes int) bool { return bytes%2 == 0 }
			}
			for i := range cutUnits {
				in.units = append(in.units, append([]byte(head), pcm[1600*i:][:1600]...))
			}
			l := &cutListener{t: t, s: s}
			return l.of(in, func(n, part int) []byte { return pcm[:1600*n+max(part-len(head), 0)&^1] })
		}
	}
}

// cutSceneFiles are the files of a scene in the order in which they come.
func cutSceneFiles(t *testing.T) (names []string, data [][]byte) {
	files := annas(t, `{"size": "160x96", "walk": "loop"}`)
	for _, name := range []string{"scene.json", "rects.json", "frames/0.bgr24", "frames/1.bgr24", "frames/2.bgr24"} {
		names, data = append(names, name), append(data, files[name].Data)
	}
	return names, data
}

// loaded fails t if there is a scene, unless that is unloaded now because it was whole.
func (s *cutServer) loaded(whole bool) {
	s.t.Helper()
	list, err := s.c.ListScenes(timeout(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, i := range list {
		if !whole {
			s.t.Errorf("got scene %s with %d backgrounds, want none", i.Name, i.Backgrounds)
		}
		if _, err := s.c.UnloadScene(timeout(s.t), i.Name); err != nil {
			s.t.Fatal(err)
		}
	}
	eventually(s.t, "no memory is in use", func() bool { u := s.Stats().Pool; return u.InUse == 0 && u.Admitted == 0 })
}

// cutLoadScene is LoadScene.
func cutLoadScene(zip bool) func(*testing.T, *cutServer) func(*rand.Rand) cutInput {
	return func(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
		names, data := cutSceneFiles(t)
		return func(rng *rand.Rand) cutInput {
			in := cutInput{target: "LoadScene", says: cutInside}
			var messages []proto.Message
			for i, name := range names {
				m := &api.SceneFile{Name: name, Data: data[i]}
				if i == 0 {
					m.Scene = "anna"
				}
				messages = append(messages, m)
			}
			in.units, in.header = inMessages(t, zip, messages...)
			in.taken = func(*cutPeer, int) {}
			in.lenient = func(bytes int) bool { return bytes == 0 } // It may have enough files for a scene.
			in.check = func(_ *cutPeer, n, part int, e cutEnd) {
				if e != cutStop {
					s.loaded(e == cutEnding && part == 0 && n > 0)
				}
			}
			return in
		}
	}
}

// cutPutScene is PUT /v1/scenes/anna.
func cutPutScene(t *testing.T, s *cutServer) func(*rand.Rand) cutInput {
	tar := archive(t, annas(t, `{"size": "160x96", "walk": "loop"}`))
	files := len(tar) - 1024 // and two empty blocks, which end it
	return func(rng *rand.Rand) cutInput {
		if rng.IntN(2) == 0 { // It is cut between two blocks more often than by chance.
			at := 512 * rng.IntN(len(tar)/512)
			in := cutInput{target: "/v1/scenes/anna", prelude: tar[:at], units: [][]byte{tar[at:]}}
			return s.uploading(in, files, at)
		}
		return s.uploading(cutInput{target: "/v1/scenes/anna", units: [][]byte{tar}}, files, 0)
	}
}

// uploading completes an input of a tar whose files have so many bytes, and of whose bytes some are the prelude.
func (s *cutServer) uploading(in cutInput, files, before int) cutInput {
	in.lenient = func(bytes int) bool { return before+bytes > files }
	in.check = func(_ *cutPeer, _, part int, e cutEnd) {
		if e != cutStop {
			s.loaded(e == cutEnding && in.lenient(part))
		}
	}
	return in
}

// TestCutOffWebSocket: a viewer over WebSocket disconnects inside a message, in whose place nothing is done; and it is no violation of the
// protocol, which the log and the metrics would have.
func TestCutOffWebSocket(t *testing.T) {
	s := startCut(t, nil)
	var names []string
	for i := range cutUnits {
		names = append(names, fmt.Sprintf("cam%d", i))
		p := publish(t, s.c, names[i], small)
		defer p.Close()
		if err := p.Send(make([]byte, 32*24*3)); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 40 {
		for _, e := range []cutEnd{cutReset, cutClose, cutHalf} {
			p := newCutPeer(t, s.running, rng, cutRequest{over: "websocket", method: "GET", target: "/ws"})
			p.await(func() bool { return p.status == "101" })
			whole := rng.IntN(cutUnits)
			for i, name := range names[:whole] {
				p.write(cutMessage(rng, watchMessage(name, i)))
				p.await(func() bool { told, _ := p.told(); return len(told) > i })
			}
			unit := cutMessage(rng, watchMessage(names[whole], whole))
			part := rng.IntN(len(unit))
			p.write(unit[:part])
			p.end(e)
			p.over(e)
			eventually(t, "the viewer is gone", func() bool {
				list, err := s.c.ListStreams(timeout(t))
				return err == nil && !slices.ContainsFunc(list, func(i client.StreamInfo) bool { return len(i.Viewers) > 0 })
			})
			told, code := p.told()
			slices.Sort(told)
			if !slices.Equal(told, names[:whole]) || code != 0 {
				t.Errorf("seed %d, round %d, %s after %d messages and %d of %d bytes: got the states of %v, and close code %d; want %v and none", seed, round, e, whole, part, len(unit), told, code, names[:whole])
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, "level=WARN") {
		t.Errorf("seed %d: got warnings in the log:\n%s", seed, log)
	}
}

// watchMessage is the message of a viewer who wants a stream.
func watchMessage(name string, i int) []byte {
	return fmt.Appendf(nil, `{"op":"watch","stream":%q,"id":%d}`, name, i+1)
}

// cutMessage returns a text message in frames of a client, as many as chance has it; the last may be empty.
func cutMessage(rng *rand.Rand, text []byte) (frames []byte) {
	for first, last := true, false; !last; first = false {
		n := len(text)
		if rng.IntN(2) == 0 {
			n = rng.IntN(n + 1)
		}
		last = n == len(text) && rng.IntN(2) == 0
		var kind byte
		if first {
			kind = 1
		}
		if last {
			kind |= 0x80
		}
		mask := noise(rng, 4)
		frames = append(append(frames, kind, 0x80|byte(n)), mask...)
		for i, b := range text[:n] {
			frames = append(frames, b^mask[i%4])
		}
		text = text[n:]
	}
	return frames
}

// told returns of which streams a WebSocket has brought states, and the code of its end; 0: there is none. p.mu is held, or nothing
// more comes.
func (p *cutPeer) told() (names []string, code int) {
	for b := p.body; len(b) >= 2; {
		head, n := 2, int(b[1])
		switch n {
		case 126:
			head, n = 4, int(binary.BigEndian.Uint16(append(bytes.Clone(b), 0, 0)[2:]))
		case 127:
			head, n = 10, int(binary.BigEndian.Uint64(append(bytes.Clone(b), make([]byte, 8)...)[2:]))
		}
		if len(b) < head+n {
			return names, code
		}
		payload := b[head:][:n]
		switch b[0] {
		case 0x81:
			if _, rest, ok := strings.Cut(string(payload), `"stream":"`); ok {
				name, _, _ := strings.Cut(rest, `"`)
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		case 0x88:
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
		}
		b = b[head+n:]
	}
	return names, code
}
