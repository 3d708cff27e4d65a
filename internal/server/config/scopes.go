package config

import (
	"fmt"
	"path"
	"strings"
)

// Action is what a scope allows.
type Action string

// The actions. Publish and View are of the streams whose names match the scope's glob.
const (
	Encode  Action = "encode"  // encoding, and features of sound: what needs no stream
	Publish Action = "publish" // feeding a live stream, images and sound
	View    Action = "view"    // watching, listening to, recording and listing a live stream
	Admin   Action = "admin"   // the admin listener, loading and unloading scenes, making links
)

// Scope is one thing that a client may do. Its text is encode, publish:GLOB, view:GLOB or admin.
type Scope struct {
	Action Action
	Glob   string // of names of streams, where * stands for any characters; of Publish and View alone
}

// String returns the text of s.
func (s Scope) String() string {
	if s.Glob == "" {
		return string(s.Action)
	}
	return string(s.Action) + ":" + s.Glob
}

// ParseScope returns the Scope of a text.
func ParseScope(text string) (Scope, error) {
	action, glob, named := strings.Cut(text, ":")
	s := Scope{Action(action), glob}
	switch s.Action {
	case Encode, Admin:
		if named {
			return Scope{}, fmt.Errorf("got %.80q, want %s without a name", text, action)
		}
		return s, nil
	case Publish, View:
		if err := CheckGlob(glob); err != nil {
			return Scope{}, fmt.Errorf("scope %.80q: %w", text, err)
		}
		return s, nil
	}
	return Scope{}, fmt.Errorf("got %.80q, want encode, publish:NAME, view:NAME or admin, where * in NAME stands for any characters", text)
}

// maxGlob is as long as the longest name of a stream.
const maxGlob = 64

// CheckGlob returns an error for what is no glob of streams' names: 1 to 64 of their characters and of *.
func CheckGlob(glob string) error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-*"
	if glob == "" || len(glob) > maxGlob || strings.Trim(glob, letters) != "" {
		return fmt.Errorf("got %.80q, want the name of a stream, 1 to %d of A-Z a-z 0-9 . _ -, or * for any of them", glob, maxGlob)
	}
	return nil
}

// Covers reports whether s allows all that an action of the streams of another glob, or of one name, is. Action and glob must be
// valid. Since * stands for any characters, a * of the other glob is a character like others.
func (s Scope) Covers(a Action, glob string) bool {
	if s.Action != a {
		return false
	}
	matched, err := path.Match(s.Glob, glob) // Names have no slash, and globs nothing but * that it would read.
	return err == nil && matched
}

// Scopes are what a client may do. Their text is a list with commas.
type Scopes []Scope

// AllScopes returns the scopes of a client that may do everything.
func AllScopes() Scopes {
	return Scopes{{Action: Encode}, {Publish, "*"}, {View, "*"}, {Action: Admin}}
}

// Allow reports whether a client with these scopes may do so: with the stream of that name, which is empty for other actions.
func (s Scopes) Allow(a Action, name string) bool {
	for _, scope := range s {
		if scope.Covers(a, name) {
			return true
		}
	}
	return false
}

// Has reports whether there is a scope of that action, for whatever stream.
func (s Scopes) Has(a Action) bool {
	for _, scope := range s {
		if scope.Action == a {
			return true
		}
	}
	return false
}

// String returns the text of s.
func (s Scopes) String() string {
	list := make([]string, len(s))
	for i, scope := range s {
		list[i] = scope.String()
	}
	return strings.Join(list, ",")
}

// MarshalText returns the text of s.
func (s Scopes) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets s to what text says.
func (s *Scopes) UnmarshalText(text []byte) error {
	var list Scopes
	for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' }) {
		scope, err := ParseScope(part)
		if err != nil {
			return err
		}
		list = append(list, scope)
	}
	*s = list
	return nil
}
