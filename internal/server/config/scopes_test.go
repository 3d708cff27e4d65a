package config_test

import (
	"path"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/server/config"
)

func TestScopes(t *testing.T) {
	tests := []struct {
		text, want string // want is empty for an error
	}{
		{"encode", "encode"}, {"admin", "admin"}, {"publish:cam1", "publish:cam1"}, {"view:*", "view:*"}, {"view:a*b*.c-_", "view:a*b*.c-_"},
		{"encode, admin view:x", "encode,admin,view:x"}, {"", ""},
		{"view", ""}, {"view:", ""}, {"encode:x", ""}, {"admin:*", ""}, {"Encode", ""}, {"all", ""}, {"*", ""}, {"view:a/b", ""}, {"view:[a]", ""},
		{"view:a?", ""}, {`view:\a`, ""}, {"view:" + strings.Repeat("x", 65), ""}, {"view:ä", ""}, {"view:a:b", ""},
	}
	for _, tt := range tests {
		var s config.Scopes
		err := s.UnmarshalText([]byte(tt.text))
		if got := s.String(); got != tt.want || (err == nil) != (tt.want != "" || tt.text == "") {
			t.Errorf("%q: got %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestScopesAllow(t *testing.T) {
	tests := []struct {
		scopes string
		action config.Action
		name   string
		want   bool
	}{
		{"view:cam1", config.View, "cam1", true}, {"view:cam1", config.View, "cam10", false}, {"view:cam1", config.View, "cam", false},
		{"view:cam1", config.Publish, "cam1", false}, {"publish:cam1", config.View, "cam1", false}, {"view:*", config.View, "x.y", true},
		{"view:cam*", config.View, "cam", true}, {"view:cam*", config.View, "xcam1", false}, {"view:*cam", config.View, "a.cam", true},
		{"view:a*b*c", config.View, "a1b2c", true}, {"view:a*b*c", config.View, "acb", false}, {"view:a,view:b", config.View, "b", true},
		{"encode", config.Encode, "", true}, {"admin", config.Encode, "", false}, {"publish:*,view:*,admin", config.Encode, "", false},
		{"encode,publish:*,view:*", config.Admin, "", false}, {"", config.View, "x", false},
		// Of globs: * of the second is a character that * of the first stands for.
		{"view:cam*", config.View, "cam1*", true}, {"view:cam*", config.View, "c*", false}, {"view:*", config.View, "*", true}, {"view:c*m", config.View, "ca*m", true},
		{"view:cam1", config.View, "cam*", false},
	}
	for _, tt := range tests {
		var s config.Scopes
		if err := s.UnmarshalText([]byte(tt.scopes)); err != nil {
			t.Fatal(err)
		}
		if got := s.Allow(tt.action, tt.name); got != tt.want {
			t.Errorf("%q: got %s of %q allowed: %v, want %v", tt.scopes, tt.action, tt.name, got, tt.want)
		}
	}
}

// FuzzScopeCovers holds that what a scope covers of another glob, it covers of each name that matches that.
func FuzzScopeCovers(f *testing.F) {
	f.Add("cam*", "cam1*", "cam12")
	f.Add("*a*", "b*a", "bxa")
	f.Fuzz(func(t *testing.T, own, other, name string) {
		if config.CheckGlob(own) != nil || config.CheckGlob(other) != nil || len(own)+len(other)+len(name) > 60 || strings.Contains(name, "/") {
			t.Skip()
		}
		s := config.Scope{Action: config.View, Glob: own}
		matches, err := path.Match(other, name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Covers(config.View, other) && matches && !s.Covers(config.View, name) {
			t.Errorf("%s covers %s, of which %s is one, and not that", own, other, name)
		}
	})
}
