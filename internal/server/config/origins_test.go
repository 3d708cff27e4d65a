package config

import "testing"

func TestOrigins(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"*", "*"},
		{"https://example.com", "https://example.com"},
		{"HTTPS://Example.COM:443/, http://a.test:80 http://[::1]:3000", "https://example.com,http://a.test,http://[::1]:3000"},
	} {
		var o Origins
		if err := o.UnmarshalText([]byte(tt.in)); err != nil || o.String() != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.in, o, err, tt.want)
		}
		var again Origins
		if err := again.UnmarshalText([]byte(o.String())); err != nil || again.String() != o.String() {
			t.Errorf("%q read again: got %q, %v", o, again, err)
		}
	}
	for _, wrong := range []string{"example.com", "https://", "https://a/b", "https://u:p@a", "https://a?b", "https://a#b", "a b", "null", "https://*.a.test:x"} {
		var o Origins
		if err := o.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q: got %q, want an error", wrong, o)
		}
	}
}
