package auth

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// A link is the text SCOPE~EXPIRY~MAC, the value of the parameter link of a URL: view:cam*~1796083200~Qk0... It says itself what it
// is for and until when, in seconds since the Unix epoch, and the MAC says that it is the server's: nothing is remembered of it, and
// a restart changes nothing. EXPIRY is digits without leading zeros, and MAC the HMAC-SHA-256 of linkContext and what is before it, in
// base64 for URLs, so that each link has one spelling.

const (
	// LinkParameter is the parameter of URLs that has a link.
	LinkParameter = "link"
	// linkContext keeps MACs from being of use for anything else.
	linkContext = "steadyframe link 1\n"
	// maxLink is longer than any link.
	maxLink = 160
	// LongestLink is how long a link may be valid.
	LongestLink = 366 * 24 * time.Hour
	// mostKeys are the one that signs and the one before.
	mostKeys = 2
	// keyPrefix begins a key, so that it is not taken for a token.
	keyPrefix = "sfk_"
)

// LinkKeys are what signs links: with the first key, and links of any do. The zero value has none.
type LinkKeys struct{ keys [][]byte }

// NewLinkKey returns a new key as a line for the file of auth.link_keys.
func NewLinkKey() string { return keyPrefix + newSecret() }

// ParseLinkKeys reads the contents of such a file: a key a line, the newest first, two at most. What follows # is a comment. An error does
// not quote them.
func ParseLinkKeys(data []byte) (LinkKeys, error) {
	var k LinkKeys
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		digits, ok := strings.CutPrefix(text, keyPrefix)
		key, err := base64.RawURLEncoding.Strict().DecodeString(digits)
		if !ok || err != nil || len(key) != secretBytes {
			return LinkKeys{}, fmt.Errorf("line %d is no key: want one as steadyframe token key prints it", number)
		}
		if k.keys = append(k.keys, key); len(k.keys) > mostKeys {
			return LinkKeys{}, fmt.Errorf("line %d: got more than %d keys, want the one that signs and the one before", number, mostKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return LinkKeys{}, err
	}
	if len(k.keys) == 0 {
		return LinkKeys{}, errors.New("got no key, want one as steadyframe token key prints it")
	}
	return k, nil
}

// Sign returns a link to the streams whose names match glob, until a time.
func (k LinkKeys) Sign(glob string, until time.Time) (string, error) {
	if err := config.CheckGlob(glob); err != nil {
		return "", err
	}
	if len(k.keys) == 0 {
		return "", errors.New("there is no key that signs links: set auth.link_keys")
	}
	text := config.Scope{Action: config.View, Glob: glob}.String() + "~" + strconv.FormatInt(until.Unix(), 10)
	return text + "~" + mac(k.keys[0], text), nil
}

// mac returns the MAC of a link's text.
func mac(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(linkContext + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// errNoLink says that a link is none of the server's.
var errNoLink error = fault.Errorf(fault.Unauthorized, "the link is none of this server's: it was altered, or its key was replaced")

// open returns what a link allows, and until when. The error is errNoLink. Nothing is read of a link before its MAC is right.
func (k LinkKeys) open(link string) (s config.Scope, until time.Time, err error) {
	end := strings.LastIndexByte(link, '~')
	if end < 0 || len(link) > maxLink {
		return s, until, errNoLink
	}
	text, signature := link[:end], link[end+1:]
	right := false
	for _, key := range k.keys {
		right = hmac.Equal([]byte(mac(key, text)), []byte(signature)) || right
	}
	if !right {
		return s, until, errNoLink
	}
	scope, digits, _ := strings.Cut(text, "~")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return s, until, errNoLink
	}
	s, err = config.ParseScope(scope)
	if err != nil || s.Action != config.View {
		return config.Scope{}, until, errNoLink
	}
	return s, time.Unix(seconds, 0), nil
}
