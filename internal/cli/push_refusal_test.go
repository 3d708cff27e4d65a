package cli

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/testkit/exttool"
	"github.com/steadyframe/steadyframe/pool/pooltest"
)

// endless is a stream that repeats data after a head, and never ends.
type endless struct {
	head, data []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	n := 0
	for n+len(e.data) <= len(p) {
		n += copy(p[n:], e.data)
	}
	if n == 0 {
		n = copy(p, e.data)
		e.head = e.data[n:]
	}
	return n, nil
}

// inputs returns one input of each kind, each with more frames than fit into the buffers on the way.
func inputs(t *testing.T) map[string]func() (Input, bool) {
	t.Helper()
	exttool.Require(t, "ffmpeg", "ffmpeg")
	clip := makeClip(t, "x.mkv", "-pix_fmt yuv420p -c:v ffv1 -vf scale=640:360,loop=-1:1 -frames:v 60")
	files := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(clip))))
	t.Cleanup(files.Close)
	var one bytes.Buffer
	if err := jpeg.Encode(&one, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for i := range 9 {
		writeFile(t, filepath.Join(folder, fmt.Sprintf("%d.jpg", i)), one.String())
	}
	y4m := append([]byte("FRAME\n"), make([]byte, 64*64*3/2)...)
	data, err := os.ReadFile(clip)
	if err != nil {
		t.Fatal(err)
	}
	raw := frame.Desc{Format: frame.BGR24, Width: 64, Height: 64}
	stdin := func(r io.Reader) Input { return Input{Path: "-", Stdin: r} }
	return map[string]func() (Input, bool){
		"file":        func() (Input, bool) { return Input{Path: clip}, true },
		"url":         func() (Input, bool) { return Input{Path: files.URL + "/x.mkv"}, false },
		"stdin-video": func() (Input, bool) { return stdin(bytes.NewReader(data)), false },
		"stdin-raw": func() (Input, bool) {
			in := stdin(&endless{data: make([]byte, 64*64*3)})
			in.Raw = raw
			return in, false
		},
		"stdin-y4m": func() (Input, bool) {
			return stdin(&endless{head: []byte("YUV4MPEG2 W64 H64 F25:1\n"), data: y4m}), false
		},
		"stdin-jpegs": func() (Input, bool) { return stdin(&endless{data: one.Bytes()}), false },
		"folder":      func() (Input, bool) { return Input{Path: folder}, true },
	}
}

// TestPushRefusals: for every kind of input and of refusal, the run ends at once and says what to do, and so do the
// input and what was to be told of it.
func TestPushRefusals(t *testing.T) {
	status := func(code int, detail string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"detail":%q}`, detail)
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) { // a publisher that is taken over
		io.CopyN(io.Discard, r.Body, 1000)
		status(http.StatusConflict, "another publisher took the stream over")(w, r)
	}
	plain := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewUnstartedServer(status(http.StatusOK, ""))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	rpc := grpc.NewServer()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go rpc.Serve(listener)
	t.Cleanup(rpc.Stop)
	ok := plain(status(http.StatusOK, ""))

	refusals := []struct{ name, url, want string }{
		{"401", plain(status(401, "no token")), "(401 Unauthorized): no token: give the server's token with --token"},
		{"403", plain(status(403, "not yours")), "(403 Forbidden): not yours: use a token that may publish this stream"},
		{"404", plain(http.NotFound), "(404 Not Found): 404 page not found: check the URL"},
		{"409", plain(status(409, "taken")), "(409 Conflict): taken: choose another name with --stream"},
		{"409-late", plain(late), "(409 Conflict): another publisher took the stream over"},
		{"413", plain(status(413, "too large")), "(413 Request Entity Too Large): too large: send smaller frames"},
		{"415", plain(status(415, "what is it")), "(415 Unsupported Media Type): what is it: give --format"},
		{"redirect", plain(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere/", http.StatusPermanentRedirect)
		}), "redirects to, https://elsewhere/"},
		{"grpc", "http://" + listener.Addr().String(), "(no HTTP/1.1 server): check the port: gRPC has another one than HTTP"},
		{"untrusted", secure.URL, "its certificate is not trusted"},
		{"no-https", strings.Replace(ok, "http://", "https://", 1), "(no HTTPS): use an http:// URL"},
	}
	for input, open := range inputs(t) {
		for _, tt := range refusals {
			t.Run(input+"/"+tt.name, func(t *testing.T) {
				target, err := ParsePushTarget(tt.url, "cam", "-")
				if err != nil {
					t.Fatal(err)
				}
				in, loop := open()
				source, err := OpenPush(t.Context(), in, loop, pooltest.New(t, nil))
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() {
					push := Push{Source: source, Targets: []*PushTarget{target}, FPS: 1000}
					_, err := push.Run(t.Context())
					source.Warning()
					source.Close()
					source.reading.Wait() // It may hold a frame.
					ended <- err
				}()
				select {
				case err = <-ended:
				case <-time.After(time.Minute):
					t.Fatal("the run did not end")
				}
				var refused *PushRefusedError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want a *PushRefusedError with %q", err, tt.want)
				}
			})
		}
	}
}

// TestPushTrust: --ca and --insecure make a server trusted.
func TestPushTrust(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	ca, empty := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "empty.pem")
	writeFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	writeFile(t, empty, "no certificate")
	tests := []struct {
		name, url, ca string
		insecure      bool
		want          string // of the error; "": none
	}{
		{"ca", server.URL, ca, false, ""},
		{"insecure", server.URL, "", true, ""},
		{"neither", server.URL, "", false, "not trusted"},
		{"empty", server.URL, empty, false, "has no certificate: want a PEM file"},
		{"missing", server.URL, ca + "x", false, "no such file"},
		{"http", "http://127.0.0.1:1", ca, false, "are for https:// URLs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, err := ParsePushTarget(tt.url, "cam", "-")
			if err != nil {
				t.Fatal(err)
			}
			if err = target.Trust(tt.ca, tt.insecure); err == nil {
				source := openPush(t, Input{Path: "-", Raw: bgr4x2, Stdin: strings.NewReader(strings.Repeat("a", 24))}, false)
				push := Push{Source: source, Targets: []*PushTarget{target}}
				_, err = push.Run(t.Context())
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
