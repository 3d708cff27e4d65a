package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyframe/steadyframe/internal/mkv"
)

// recordingOf returns a recording of n images, 40 ms apart.
func recordingOf(n int) []byte {
	p := mkv.AppendHead(nil, mkv.Head{Width: 64, Height: 48})
	var blocks mkv.Blocks
	for i := range n {
		p = blocks.Append(p, mkv.Images, time.Duration(i)*40*time.Millisecond, 100)
		p = append(p, bytes.Repeat([]byte{byte(i)}, 100)...)
	}
	return p
}

// TestRecord: what comes is written whole; what breaks off is kept under another name; and nothing else is left.
func TestRecord(t *testing.T) {
	whole := recordingOf(5)
	send := func(p []byte, abort bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "video/x-matroska")
			_, _ = w.Write(p)
			_ = http.NewResponseController(w).Flush()
			if abort {
				panic(http.ErrAbortHandler)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		serve   http.HandlerFunc
		exists  bool
		images  int
		file    string // that is left
		wantErr string
	}{
		{name: "whole", serve: send(whole, false), images: 5, file: "out.mkv"},
		{name: "cut", serve: send(whole[:len(whole)-20], true), images: 4, file: "out.partial.mkv", wantErr: "the recording broke off after 0.2 s: the connection broke, or the server stopped; what came of it is"},
		{name: "cut early", serve: send(whole[:20], true), wantErr: "the connection broke"},
		{name: "no recording", serve: send([]byte("<html>"), false), wantErr: "the server sends no recording: got no Matroska"},
		{name: "another page", serve: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }, wantErr: "the server sends no recording: check the URL"},
		{name: "refused", serve: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"detail":"no stream cars; there are dogs"}`)
		}, wantErr: "the server does not record the stream (404 Not Found): no stream cars; there are dogs"},
		{name: "token", serve: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, wantErr: "--token"},
		{name: "exists", serve: send(whole, false), exists: true, file: "out.mkv", wantErr: "exists already"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.String()
				tt.serve(w, r)
			}))
			defer server.Close()
			target, err := ParseRecordTarget("cars", server.URL)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			r := Record{Target: target, For: 90 * time.Second, Out: filepath.Join(dir, "out.mkv")}
			if tt.exists {
				if err := os.WriteFile(r.Out, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := r.Run(t.Context())
			if tt.wantErr == "" && err != nil || tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)) {
				t.Errorf("got error %v, want %q", err, tt.wantErr)
			}
			if s.Images != tt.images || tt.images > 0 && (s.Path != filepath.Join(dir, tt.file) || s.Duration != time.Duration(tt.images)*40*time.Millisecond) {
				t.Errorf("got %+v, want %d images in %s", s, tt.images, tt.file)
			}
			if !tt.exists && asked != "/v1/streams/cars/record?seconds=1m30s" {
				t.Errorf("asked for %s", asked)
			}
			var left []string
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				left = append(left, e.Name())
			}
			if got := strings.Join(left, " "); got != tt.file {
				t.Errorf("got files %q, want %q", got, tt.file)
			}
		})
	}
}

// TestRecordInterrupted: without For, the user ends the recording, and that is its end; with it, it is an interruption, and what
// came is kept.
func TestRecordInterrupted(t *testing.T) {
	for _, length := range []time.Duration{0, time.Minute} {
		sent := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "video/x-matroska")
			_, _ = w.Write(recordingOf(5))
			_ = http.NewResponseController(w).Flush()
			close(sent)
			<-r.Context().Done()
		}))
		target, err := ParseRecordTarget(server.URL+"/stream/cars.mjpg", "")
		if err != nil || target.Stream != "cars" {
			t.Fatalf("got %+v, %v, want the stream cars", target, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		r := Record{Target: target, For: length, Out: filepath.Join(t.TempDir(), "out.mkv")}
		go func() {
			<-sent
			for { // until it is on the disk
				files, _ := filepath.Glob(filepath.Join(filepath.Dir(r.Out), ".steadyframe-*"))
				if len(files) == 1 {
					if i, err := os.Stat(files[0]); err == nil && i.Size() == int64(len(recordingOf(5))) {
						break
					}
				}
			}
			cancel(ErrInterrupted)
		}()
		s, err := r.Run(ctx)
		server.Close()
		want := map[bool]error{false: nil, true: ErrInterrupted}[length > 0]
		if s.Images != 5 || !errors.Is(err, want) || (want == nil) != (s.Path == r.Out) {
			t.Errorf("for %v: got %+v, %v, want 5 images, %v", length, s, err, want)
		}
		if _, err := os.Stat(s.Path); err != nil {
			t.Error(err)
		}
	}
}

// TestRecordRefuses: what cannot be meant, or reached, is said so before anything is written.
func TestRecordRefuses(t *testing.T) {
	target, err := ParseRecordTarget("cars", "unix:"+filepath.Join(t.TempDir(), "gone"))
	if err != nil {
		t.Fatal(err)
	}
	for out, want := range map[string]string{
		"cars.mp4": "output cars.mp4: only Matroska is written: name a file that ends in .mkv",
		"cars.mkv": "is it running? --server URL asks another",
	} {
		if _, err := (&Record{Target: target, Out: out}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", out, err, want)
		}
	}
}

func TestParseRecordTarget(t *testing.T) {
	for _, s := range []string{"two words", "http://host:8080", "http://host:8080/", "http://host/other/cars", "unix:/path", "http://host/v1/streams/"} {
		var usage *UsageError
		if target, err := ParseRecordTarget(s, "http://127.0.0.1:8080"); !errors.As(err, &usage) {
			t.Errorf("%q: got %+v, %v, want a UsageError", s, target, err)
		}
	}
	if _, err := ParseRecordTarget("rtsp://host/cars", ""); err == nil || strings.Contains(err.Error(), "--stream") || !strings.Contains(err.Error(), "or its URL") {
		t.Errorf("got %v, want it to say what a stream is called, and of no flag that there is not", err)
	}
	for s, want := range map[string]string{
		"cars":                                 "http://127.0.0.1:8080",
		"http://host:1/v1/streams/cars":        "http://host:1",
		"https://host/sub/v1/streams/cars":     "https://host/sub",
		"http://host/v1/streams/cars/record":   "http://host",
		"http://host/sub/stream/cars.mjpg?x=1": "http://host/sub",
	} {
		if target, err := ParseRecordTarget(s, "http://127.0.0.1:8080"); err != nil || target.Stream != "cars" || target.base.String() != want {
			t.Errorf("%q: got %+v, %v, want cars of %s", s, target, err, want)
		}
	}
}
