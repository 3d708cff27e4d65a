// Package camera reads JPEGs from cameras over HTTP: multipart streams, JPEGs one after the other, and snapshots, which
// it polls. The response tells which of these a URL is. Videos are for ffmpeg.
//
// Credentials go to the camera alone, never to another host that it redirects to, and no error of this package shows a
// secret.
package camera

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/ingest"
	"github.com/steadyframe/steadyframe/internal/redact"
	"github.com/steadyframe/steadyframe/pool"
)

const (
	// DefaultEvery is the time from one request of a snapshot to the next where Options say none.
	DefaultEvery = time.Second
	// defaultPulse is Options.Pulse when it is 0.
	defaultPulse = time.Second
	// defaultSilence is Options.Silence when it is 0.
	defaultSilence = 30 * time.Second
	// sniffBytes is how much of a body decides its kind. Every camera sends more before it waits.
	sniffBytes = 16
	// maxBroken is how many parts may be corrupt before the first JPEG.
	maxBroken = 10
)

// Options say how to read a camera. The zero value works.
type Options struct {
	Every   time.Duration // from one request of a snapshot to the next; 0 means DefaultEvery
	Poll    bool          // request one image at a time also where the URL is a stream
	Once    bool          // read a snapshot once instead of polling it
	Pulse   time.Duration // how often Next returns while it waits to poll; 0 means each second
	Silence time.Duration // how long the camera may send no image; 0 means 30 s
	CAFile  string        // a PEM file of certificates to trust beside those of the system
	// Insecure accepts any certificate. Anyone who can intercept the connection gets the credentials.
	Insecure bool
	Limits   ingest.Limits
}

// ErrUnchanged is returned by Reader.Next while a snapshot is polled: the newest image is still current.
var ErrUnchanged = errors.New("camera: the image has not changed")

// VideoError says that the content of a URL is not JPEGs. ffmpeg may be able to read it.
type VideoError struct {
	ContentType string // of the response, "" for none
}

func (e *VideoError) Error() string {
	if e.ContentType == "" {
		return "camera: got content without a type, want JPEGs"
	}
	return fmt.Sprintf("camera: got %.80s, want JPEGs", e.ContentType)
}

// IsURL reports whether source is a URL for Open.
func IsURL(source string) bool {
	scheme, _, ok := strings.Cut(source, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// Reader reads the images of a camera. It is for one goroutine, but for Close.
type Reader struct {
	client  *client
	pool    *pool.Pool
	options Options
	ctx     context.Context
	cancel  context.CancelCauseFunc

	response *response // nil between two requests
	jpegs    *ingest.JPEGReader
	single   bool // the response is one image
	file     bool // the response has a length

	polling bool
	due     time.Time // when to poll
	etag    string
	changed string // Last-Modified
	images  int    // read whole
	broken  int    // not read, before the first whole one
}

// Open requests rawURL and detects the kind of its content. Images are in memory from p, which it borrows. The Reader
// ends with ctx; the caller closes it. The error is a *VideoError if the content is not JPEGs. No error shows secrets.
func Open(ctx context.Context, rawURL string, p *pool.Pool, o Options) (*Reader, error) {
	o.Silence, o.Pulse = cmp.Or(o.Silence, defaultSilence), cmp.Or(o.Pulse, defaultPulse)
	c, err := newClient(rawURL, o)
	if err != nil {
		return nil, err
	}
	r := &Reader{client: c, pool: p, options: o, polling: o.Poll}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.options.Every = cmp.Or(o.Every, DefaultEvery)
	r.due = time.Now().Add(r.options.Every)
	if err := r.request(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Polls reports whether the URL is polled. For a snapshot this may become true only after the first image, when the
// response ends.
func (r *Reader) Polls() bool { return r.polling }

// Ends reports whether the content is a file of several images: unlike a camera's, it has a known length.
func (r *Reader) Ends() bool { return r.file && !r.polling }

// Close ends the Reader and a Next that waits.
func (r *Reader) Close() error {
	r.cancel(context.Canceled)
	r.client.transport.CloseIdleConnections()
	return nil
}

// Next returns the next image; the caller releases its Buf. It returns io.EOF when the camera ends the stream,
// ErrUnchanged while a snapshot is polled and did not change, pool.ErrBudget when there is no
// memory (the image is lost, Next may be called again), a *ingest.JPEGError that is not Final for an image that is
// broken, and any other error when the camera is lost.
func (r *Reader) Next() (ingest.JPEG, error) {
	for {
		if r.response == nil {
			if !r.polling {
				return ingest.JPEG{}, io.EOF
			}
			if err := r.poll(); err != nil {
				return ingest.JPEG{}, err
			}
		}
		j, err := r.read()
		if err == io.EOF && r.images == 1 && !r.response.multipart { // There was one image: the URL is a snapshot.
			r.end()
			continue
		}
		return j, r.settle(err)
	}
}

// read reads an image of the response.
func (r *Reader) read() (ingest.JPEG, error) {
	stop := r.response.watch(r.options.Silence)
	j, err := r.jpegs.Next()
	if cause := stop(); err != nil && cause != nil {
		return j, cause
	}
	if err != nil && err != io.EOF {
		err = r.client.hide(err)
	}
	return j, err
}

// settle ends the response if nothing more will be read of it after an image, or after err in place of one. It returns
// the error of Next.
func (r *Reader) settle(err error) error {
	var broken *ingest.JPEGError
	switch {
	case err == nil:
		r.images++
		if r.polling || r.single {
			r.end()
		}
		return nil
	case errors.Is(err, pool.ErrBudget):
		if r.polling {
			r.end()
		}
		return err
	case errors.As(err, &broken) && !broken.Final:
		if r.broken++; r.images > 0 || r.broken < maxBroken {
			return err
		}
		err = fmt.Errorf("camera: none of the first %d parts is a JPEG: %w", maxBroken, err)
	}
	r.response.close()
	r.response = nil
	return err
}

// end closes a response that has no more images, and begins to poll unless Options.Once is set.
func (r *Reader) end() {
	r.response.close()
	r.response = nil
	r.polling = r.polling || !r.options.Once
}

// poll waits until the next request is due and makes it. It returns ErrUnchanged after Options.Pulse, and when the camera
// says that the image has not changed.
func (r *Reader) poll() error {
	if wait := time.Until(r.due); wait > 0 {
		timer := time.NewTimer(min(wait, r.options.Pulse))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		}
		if wait > r.options.Pulse {
			return ErrUnchanged
		}
	}
	r.due = time.Now().Add(r.options.Every)
	return r.request()
}

// request makes a request, and opens the response.
func (r *Reader) request() error {
	header := http.Header{"Accept": {"image/jpeg, multipart/x-mixed-replace, */*;q=0.5"}}
	if r.etag != "" {
		header.Set("If-None-Match", r.etag)
	}
	if r.changed != "" {
		header.Set("If-Modified-Since", r.changed)
	}
	res, err := r.client.get(r.ctx, header)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusNotModified && r.images > 0 {
		res.close()
		return ErrUnchanged
	}
	if err := r.open(res); err != nil {
		res.close()
		return err
	}
	r.response = res
	r.etag, r.changed = res.Header.Get("ETag"), res.Header.Get("Last-Modified")
	return nil
}

// open makes the reader that fits the response.
func (r *Reader) open(res *response) error {
	if res.StatusCode != http.StatusOK {
		return r.client.refused(res)
	}
	if c := res.Header.Get("Content-Encoding"); c != "" && c != "identity" {
		return fmt.Errorf("camera: got Content-Encoding %.40q, want none", c)
	}
	stop := res.watch(r.options.Silence)
	br := bufio.NewReader(res.Body)
	head, err := br.Peek(sniffBytes)
	if cause := stop(); err != nil && cause != nil {
		return cause
	}
	if len(head) == 0 {
		return errors.New("camera: got an empty response, want JPEGs")
	}
	r.single, r.file = false, res.ContentLength >= 0
	contentType := redact.Text(res.Header.Get("Content-Type"), r.client.source)
	kind, parameters, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // It returns the type even if a parameter is wrong.
	head = bytes.TrimLeft(head, "\r\n")
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		res.multipart = true
		r.jpegs = ingest.NewMultipart(br, parameters["boundary"], r.pool, r.options.Limits)
	case ingest.IsJPEG(head):
		r.single = r.file && strings.HasPrefix(kind, "image/")
		r.file = r.file && !r.single
		r.jpegs = ingest.NewJPEG(br, r.pool, r.options.Limits)
	case ingest.IsMultipart(head):
		res.multipart = true
		r.jpegs = ingest.NewMultipart(br, "", r.pool, r.options.Limits)
	case kind == "text/html", kind == "application/json", kind == "text/xml", head[0] == '{':
		return fmt.Errorf("camera: got %.80s, want JPEGs or a video: check the path of the URL, and whether the camera wants a login", contentType)
	default:
		return &VideoError{ContentType: contentType}
	}
	return nil
}
