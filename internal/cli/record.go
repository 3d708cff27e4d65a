package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/mkv"
	livestream "github.com/steadyframe/steadyframe/internal/stream"
)

// Record is one run from a live stream of a server to a file.
type Record struct {
	Target *PushTarget
	Token  string        // what the server wants, if anything
	For    time.Duration // 0: until ctx ends, which is then no error
	FPS    float64       // images a second at most; 0: all
	Out    string        // a file, or "-" for Stdout
	Stdout *os.File
	Force  bool // whether Out is written over
}

// RecordSummary says what was recorded.
type RecordSummary struct {
	mkv.Summary
	Bytes int64  // of the file
	Path  string // of the file
}

// String returns s for people.
func (s RecordSummary) String() string {
	if s.Path == "" {
		return fmt.Sprintf("recorded %.1f MB", float64(s.Bytes)/1e6)
	}
	return fmt.Sprintf("recorded %s, %.3f s, in %s (%.1f MB)", count(s.Images, "image"), s.Duration.Seconds(), s.Path, float64(s.Bytes)/1e6)
}

// ParseRecordTarget returns the stream that s says: the name of a stream of the server at base, or a URL with it, such as
// http://host:port/v1/streams/NAME, or the one that shows it, http://host:port/stream/NAME.mjpg. The error is a *UsageError.
func ParseRecordTarget(s, base string) (*PushTarget, error) {
	if !IsPushURL(s) {
		if err := livestream.CheckName(s); err != nil {
			return nil, usagef("%w; or its URL, such as http://127.0.0.1:8080/v1/streams/NAME", err)
		}
		return ParsePushTarget(base, s, "")
	}
	u, err := url.Parse(s)
	if err != nil || strings.HasPrefix(s, "unix:") {
		return nil, usagef("got %s, want the name of a stream, or a URL such as http://127.0.0.1:8080/v1/streams/NAME; for unix:/path name the stream, and give that as --server", s)
	}
	path := strings.TrimSuffix(u.Path, "/record")
	if before, name, ok := strings.Cut(path, "/stream/"); ok && strings.HasSuffix(name, ".mjpg") {
		path = before + streamsPath + strings.TrimSuffix(name, ".mjpg")
	}
	if name := path[strings.LastIndex(path, "/")+1:]; !strings.HasSuffix(path, streamsPath+name) || name == "" {
		return nil, usagef("the URL is %s, want one with a stream's name, such as http://127.0.0.1:8080/v1/streams/NAME", s)
	}
	u.Path, u.RawQuery = path, ""
	return ParsePushTarget(u.String(), "", "")
}

// recordPatience is how much longer than For the server may take.
const recordPatience = 20 * time.Second

// Run records. Out is written whole or not at all: what came of a recording that broke off is kept under another name, which
// the error says. The error is for the user as it is.
func (r *Record) Run(ctx context.Context) (RecordSummary, error) {
	if knownEnding(r.Out) && !hasSuffixFold(r.Out, ".mkv") {
		return RecordSummary{}, usagef("output %s: only Matroska is written: name a file that ends in .mkv", r.Out)
	}
	if r.Out != "-" && !r.Force {
		if _, err := os.Stat(r.Out); err == nil {
			return RecordSummary{}, fmt.Errorf("output %s exists already: choose another name, or add --force to write over it", r.Out)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return RecordSummary{}, fmt.Errorf("output %s: %w", r.Out, withAdvice(err))
		}
	}
	if r.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.For+recordPatience, fmt.Errorf("the server took %v longer than --for", recordPatience))
		defer cancel()
	}
	response, err := r.ask(ctx)
	if err != nil {
		return RecordSummary{}, err
	}
	defer response.Body.Close()
	if r.Out == "-" {
		n, err := io.Copy(r.Stdout, response.Body)
		return RecordSummary{Bytes: n}, r.cause(ctx, err)
	}
	w, err := newWholeFile(r.Out)
	if err != nil {
		return RecordSummary{}, err
	}
	f, err := w.create()
	if err != nil {
		return RecordSummary{}, err
	}
	defer w.discard()
	n, err := io.Copy(f, response.Body)
	return r.finish(w, f, n, r.cause(ctx, err))
}

// ask returns the response with the recording.
func (r *Record) ask(ctx context.Context) (*http.Response, error) {
	u := r.Target.base.JoinPath(streamsPath, r.Target.Stream, "record")
	query := url.Values{}
	if r.For > 0 {
		query.Set("seconds", r.For.String())
	}
	if r.FPS > 0 {
		query.Set("fps", strconv.FormatFloat(r.FPS, 'g', -1, 64))
	}
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, usagef("the URL: %w", err)
	}
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	response, err := r.Target.transport().RoundTrip(request)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, r.Target.notReached(err)
	case response.StatusCode == http.StatusOK && response.Header.Get("Content-Type") == "video/x-matroska":
		return response, nil
	}
	defer response.Body.Close()
	return nil, recordRefusal(response)
}

// recordRefusal returns why there is no recording.
func recordRefusal(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return errors.New("the server sends no recording: check the URL, and its version")
	}
	text := "the server does not record the stream (" + response.Status + ")"
	if why := detail(response); why != "" {
		text += ": " + why
	}
	if response.StatusCode == http.StatusUnauthorized {
		text += ": give the server's token with --token or STEADYFRAME_AUTH_TOKEN"
	}
	return errors.New(text)
}

// cause returns why a recording broke off, nil when it did not: without For, the user ends it.
func (r *Record) cause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && r.For == 0 && context.Cause(ctx) == ErrInterrupted:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && r.For == 0:
		return errors.New("the server ended the recording")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection broke, or the server stopped")
	}
	return err
}

// finish makes a whole file of n bytes, w, which is open as f, and gives it its name: another one when the recording broke off for
// the reason why. It takes f.
func (r *Record) finish(w wholeFile, f *os.File, n int64, why error) (RecordSummary, error) {
	s := RecordSummary{Path: r.Out}
	var err error
	s.Summary, err = mkv.Finish(f, n)
	if info, statErr := f.Stat(); statErr == nil {
		s.Bytes = info.Size()
	}
	err = errors.Join(err, f.Close())
	var format *mkv.FormatError
	switch {
	case errors.As(err, &format) && why != nil:
		return RecordSummary{}, why // Nothing came that is worth a file.
	case errors.As(err, &format):
		return RecordSummary{}, fmt.Errorf("the server sends no recording: %s", format.Reason)
	case why == nil:
		why = err // The disk is full, say; players show what is there.
	}
	if why == nil {
		if err := w.keep(); err != nil {
			return RecordSummary{}, err
		}
		return s, nil
	}
	ending := filepath.Ext(r.Out)
	w.path = strings.TrimSuffix(r.Out, ending) + ".partial" + ending
	s.Path = w.path
	if err := w.keep(); err != nil {
		return RecordSummary{}, fmt.Errorf("%w; what came of it is lost: %w", why, err)
	}
	if errors.Is(why, ErrInterrupted) {
		return s, why
	}
	return s, fmt.Errorf("the recording broke off after %.1f s: %w; what came of it is %s", s.Duration.Seconds(), withAdvice(why), s.Path)
}
