package viewers

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// streamer serves a stream of JPEGs, about 20 a second, until the caller goes, or limit of them.
func streamer(t *testing.T, limit int) (url string, size int) {
	t.Helper()
	var image1 bytes.Buffer
	if err := jpeg.Encode(&image1, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" || r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "no such stream", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=next")
		next := time.NewTicker(50 * time.Millisecond)
		defer next.Stop()
		for i := 0; limit == 0 || i < limit; i++ {
			select {
			case <-next.C:
			case <-r.Context().Done():
				return
			}
			fmt.Fprintf(w, "--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %.6f\r\n\r\n%s\r\n", image1.Len(), float64(time.Now().UnixMicro())/1e6, image1.Bytes())
			w.(http.Flusher).Flush()
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/stream", image1.Len()
}

// TestRun: all viewers read, those that count see images, and the others their bytes.
func TestRun(t *testing.T) {
	url, size := streamer(t, 0)
	o := Options{URLs: []string{url, url}, Viewers: countedShare + 1, Token: "secret"}
	if runtime.GOOS == "linux" {
		o.PID = os.Getpid()
	}
	var r Result
	var err error
	for o.Duration = 500 * time.Millisecond; o.Duration < time.Minute; o.Duration *= 2 { // A busy machine may need longer for all to get something.
		if r, err = Run(context.Background(), o); err == nil && r.Evenness > 0 {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Viewers != o.Viewers || r.Counted != 2 || r.Least < 1 || r.Most < r.Least {
		t.Errorf("got %d viewers of which %d count, with %d to %d images; want %d, 2, and 1 or more", r.Viewers, r.Counted, r.Least, r.Most, o.Viewers)
	}
	if least := int64(r.Least * size); r.Bytes < least || r.Evenness <= 0 || r.Evenness > 1 {
		t.Errorf("got %d bytes, evenness %v, want at least the %d of the slowest viewer that counts, and more than 0", r.Bytes, r.Evenness, least)
	}
	if r.Dated < r.Least || r.AgeP50 < 0 || r.AgeP99 < r.AgeP50 || r.AgeMost < r.AgeP99 || r.AgeMost > 60e3 {
		t.Errorf("got the ages %v, %v and %v ms of %d images, want some of each viewer that counts", r.AgeP50, r.AgeP99, r.AgeMost, r.Dated)
	}
	if o.PID != 0 && (r.CPU <= 0 || r.RSS < 1<<20) {
		t.Errorf("got %v s of processor time and %d bytes of memory of this process", r.CPU, r.RSS)
	}
	if s := r.String(); !strings.Contains(s, "51 viewers") {
		t.Errorf("got %q, want the number of viewers in it", s)
	}
}

// TestRunProblems: what is wrong is said, and nothing hangs.
func TestRunProblems(t *testing.T) {
	endless, _ := streamer(t, 0)
	short, _ := streamer(t, 3)
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"not a URL", Options{URLs: []string{"cam"}, Viewers: 1}, `"cam"`},
		{"nobody listens", Options{URLs: []string{"http://127.0.0.1:1/x"}, Viewers: 1}, "viewer 1 of 1"},
		{"no URL", Options{Viewers: 1}, "no URL"},
		{"refused", Options{URLs: []string{endless}, Viewers: 1}, "404"},
		{"ends", Options{URLs: []string{short}, Viewers: 2, Token: "secret", Duration: time.Hour}, "the stream ended"},
		{"no process", Options{URLs: []string{endless}, Viewers: 1, Token: "secret", PID: 1 << 30}, "process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Run(context.Background(), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s in it", err, tt.want)
			}
		})
	}
}
