package config

import "testing"

func TestHosts(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"*", "*"},
		{"Frames.Example", "frames.example"},
		{"a.test., b ,10.0.0.1 ::1", "a.test,b,10.0.0.1,::1"},
	} {
		var h Hosts
		if err := h.UnmarshalText([]byte(tt.in)); err != nil || h.String() != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.in, h, err, tt.want)
		}
		var again Hosts
		if err := again.UnmarshalText([]byte(h.String())); err != nil || again.String() != h.String() {
			t.Errorf("%q read again: got %q, %v", h, again, err)
		}
	}
	for _, wrong := range []string{"https://frames.example", "frames.example:8080", "*.example", "a..b", ".", "a/b", "ü.example"} {
		var h Hosts
		if err := h.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q: got %q, want an error", wrong, h)
		}
	}
}
