package cli

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/steadyframe/steadyframe/internal/redact"
	livestream "github.com/steadyframe/steadyframe/internal/stream"
)

// PushTarget is a live stream of a server.
type PushTarget struct {
	Endpoint
	Stream string
	named  bool       // by the URL
	query  url.Values // of the URL
}

// streamsPath is where streams are published.
const streamsPath = "/v1/streams/"

// ParsePushTarget returns the stream that rawURL says: http://host:port, perhaps with /v1/streams/NAME, or unix:/path.
// name is its name, where that is given; without one in either place it follows from input, a path, URL or -. The error
// is a *UsageError.
func ParsePushTarget(rawURL, name, input string) (*PushTarget, error) {
	e, query, err := ParseEndpoint(rawURL)
	if err != nil {
		return nil, err
	}
	path, named, _ := strings.Cut(e.base.Path, streamsPath)
	e.base.Path = strings.TrimRight(path, "/")
	t := &PushTarget{Endpoint: e, named: named != "", query: query}
	switch {
	case named != "" && name != "" && named != name:
		return nil, usagef("the URL names the stream %s, and --stream %s: want one name", named, name)
	case named != "":
		name = named
	case name == "":
		name = streamName(input)
	}
	if err := livestream.CheckName(name); err != nil {
		return nil, usagef("--stream: %w", err)
	}
	t.Stream = name
	return t, nil
}

// maxName is how long the name of a stream may be.
const maxName = 64

// streamName returns the name of a stream that is fed from input: its base name without ending, with what a name may
// not have replaced.
func streamName(input string) string {
	if u, err := url.Parse(redact.URL(input)); err == nil && isURL(input) {
		input = u.Host + u.Path
	}
	base := filepath.Base(input)
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c) {
			return c
		}
		return '-'
	}, strings.TrimSuffix(base, filepath.Ext(base)))
	name = strings.Trim(name[:min(len(name), maxName)], ".-")
	if name == "" {
		return "live"
	}
	return name
}

// publishURL returns where to send frames, with what query says of them.
func (t *PushTarget) publishURL(query url.Values) string {
	u := t.base.JoinPath(streamsPath, t.Stream)
	u.RawQuery = query.Encode()
	return u.String()
}

// soundURL returns where to send sound, with what query says of it.
func (t *PushTarget) soundURL(query url.Values) string {
	u := t.base.JoinPath(streamsPath, t.Stream, "sound")
	u.RawQuery = query.Encode()
	return u.String()
}

// WatchURL returns where a person sees the stream.
func (t *PushTarget) WatchURL() string {
	if t.socket != "" {
		return "unix:" + t.socket + " /stream/" + t.Stream + ".mjpg"
	}
	return t.base.String() + "/#/stream/" + t.Stream
}
