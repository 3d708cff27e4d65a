package stream

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels, for control flow.
var (
	// ErrReplaced ends a Publisher: a newer one took its stream over.
	ErrReplaced = errors.New("stream: another publisher took the stream over")
	// ErrClosed is returned by a closed Hub, Publisher or Viewer.
	ErrClosed = errors.New("stream: closed")
	// ErrEvicted is returned by a Viewer that held old images when the memory for those was used up.
	ErrEvicted = errors.New("stream: the viewer held old images for too long")
	// ErrFixed is Hub.Publish's when the stream's publisher is Fixed.
	ErrFixed = errors.New("stream: the stream has a source of its own")
	// ErrEmpty is Publish's for an image of no bytes.
	ErrEmpty = errors.New("stream: empty image: got 0 bytes, want a JPEG")
)

// NotFoundError says that there is no stream of that name.
type NotFoundError struct {
	Name  string
	Names []string // those that exist, sorted
}

func (e *NotFoundError) Error() string {
	if len(e.Names) == 0 {
		return fmt.Sprintf("stream: unknown stream: got %q, and there is none", e.Name)
	}
	return fmt.Sprintf("stream: unknown stream: got %q, want one of %s", e.Name, e.list())
}

// mostNames is how many names a text has: a cluster may have many thousands.
const mostNames = 50

// list returns the names as a text.
func (e *NotFoundError) list() string {
	if n := len(e.Names) - mostNames; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(e.Names[:mostNames], ", "), n)
	}
	return strings.Join(e.Names, ", ")
}

// Reason says to a caller what it asked for, and what it could have asked for.
func (e *NotFoundError) Reason() string {
	there := "there are none yet"
	if len(e.Names) > 0 {
		there = "there are: " + e.list()
	}
	return fmt.Sprintf("no stream %.80q; %s", e.Name, there)
}

// NameError says that a stream cannot have that name.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("stream: bad stream name: got %.80q, want 1 to %d of A-Z a-z 0-9 . _ - and no dot at the beginning", e.Name, maxName)
}

// LimitError says that there are as many as Options allow.
type LimitError struct {
	Limit string // of what: "streams" or "viewers", and those of one Owner: "streams_per_identity" or "viewers_per_identity"
	Max   int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("stream: too many %s: got %d, want at most %d", e.What(), e.Max+1, e.Max)
}

// What returns what there are too many of, for people.
func (e *LimitError) What() string {
	if what, ok := strings.CutSuffix(e.Limit, "_per_identity"); ok {
		return what + " of one identity"
	}
	return e.Limit
}

const maxName = 64

// CheckName returns a *NameError unless name can be a stream's: 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot. Such
// a name needs no quoting in a path, a URL, a shell or a metric.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || name[0] == '.' {
		return &NameError{Name: name}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return &NameError{Name: name}
		}
	}
	return nil
}
