package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// NewToken returns a new token and its line for a file of tokens, and adds the line to file, unless that is empty. A file that is wrong,
// or has the name already, is left as it is.
func NewToken(name string, scopes config.Scopes, file string) (token, line string, err error) {
	token, line, err = auth.NewToken(name, scopes)
	if err != nil {
		return "", "", usagef("%w", err)
	}
	if file == "" {
		return token, line, nil
	}
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("the file of tokens: %s: %w", file, withAdvice(err))
	}
	added := line + "\n"
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		added = "\n" + added
	}
	if _, err := auth.ParseTokens(append(before, added...)); err != nil {
		return "", "", usagef("%s: %w", file, err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = io.WriteString(f, added)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", "", fmt.Errorf("the file of tokens: %s: %w", file, withAdvice(err))
	}
	return token, line, nil
}

// CheckAuth returns a *UsageError when a file that says who may use a server with the settings c is not there or wrong.
func CheckAuth(c config.Config) error {
	if _, err := auth.New(c, slog.New(slog.DiscardHandler)); err != nil {
		return &UsageError{Err: err}
	}
	return nil
}

// Link makes links to live streams.
type Link struct {
	Stream string        // a name, or a glob of names
	For    time.Duration // how long they are good
	Keys   string        // the file of keys
	URL    string        // of the server; empty: only what follows ? is printed
}

// Print signs a link, from now on, prints URLs with it, a line each, and returns until when they are good.
func (l *Link) Print(out io.Writer, now time.Time) (until time.Time, err error) {
	if l.For <= 0 || l.For > auth.LongestLink {
		return until, usagef("--for: got %v, want more than 0 and at most %v", l.For, auth.LongestLink)
	}
	if l.Keys == "" {
		return until, usagef("no file of keys: set auth.link_keys as the server has it, or give --keys")
	}
	data, err := os.ReadFile(l.Keys)
	if err != nil {
		return until, fmt.Errorf("the file of keys: %s: %w", l.Keys, reason(err))
	}
	keys, err := auth.ParseLinkKeys(data)
	if err != nil {
		return until, usagef("the file of keys: %s: %w", l.Keys, err)
	}
	until = now.Add(l.For).Truncate(time.Second)
	link, err := keys.Sign(l.Stream, until)
	if err != nil {
		return until, usagef("%w", err)
	}
	query := url.Values{auth.LinkParameter: {link}}.Encode()
	if l.URL == "" {
		_, err := fmt.Fprintln(out, query)
		return until, err
	}
	base, err := url.Parse(l.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return until, usagef("--url: got %q, want the address of the server, such as https://frames.example", l.URL)
	}
	name := l.Stream
	if strings.Contains(name, "*") {
		name = "NAME"
	}
	for _, path := range []string{"stream/" + name + ".mjpg", "snapshot/" + name + ".jpg", "sound/" + name + ".wav", "ws", "/"} {
		u := base.JoinPath(path)
		u.RawQuery = query
		if path == "ws" {
			u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
		}
		if _, err := fmt.Fprintln(out, u); err != nil {
			return until, err
		}
	}
	return until, nil
}
