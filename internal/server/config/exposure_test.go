package config

import (
	"strings"
	"testing"
)

// TestExposure: a server that other machines reach, without a token, needs a yes.
func TestExposure(t *testing.T) {
	for listen, exposed := range map[string]bool{
		"127.0.0.1:1": false, "127.8.9.1:1": false, "[::1]:1": false, "[::ffff:127.0.0.1]:1": false, "localhost:1": false, "LOCALHOST:1": false,
		"unix:/x": false, "unix:@x": false, "off": false,
		"0.0.0.0:1": true, ":1": true, "[::]:1": true, "10.1.2.3:1": true, "[fe80::1%eth0]:1": true, "frames.example:1": true, "localhost.example:1": true,
	} {
		if got := Exposed(listen); got != exposed {
			t.Errorf("%s: got exposed: %v, want %v", listen, got, exposed)
		}
		for _, key := range []string{"http.listen", "grpc.listen", "rtsp.listen", "admin.listen"} {
			c := Default()
			if key == "rtsp.listen" && strings.HasPrefix(listen, "unix:") {
				continue // It has no Unix sockets.
			}
			*map[string]*string{"http.listen": &c.HTTP.Listen, "grpc.listen": &c.GRPC.Listen, "rtsp.listen": &c.RTSP.Listen, "admin.listen": &c.Admin.Listen}[key] = listen
			err := c.Validate()
			if (err != nil) != exposed {
				t.Errorf("%s %s: got %v, want refused: %v", key, listen, err, exposed)
			}
			if err != nil {
				for _, want := range []string{key, listen, "auth.token", "127.0.0.1", "--insecure"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s %s: got %v, want it to name %s", key, listen, err, want)
					}
				}
			}
			token, insecure := c, c
			token.Auth.Token, insecure.Auth.Insecure = "hunter2", true
			for _, c := range []Config{token, insecure} {
				if err := c.Validate(); err != nil {
					t.Errorf("%s %s with %+v: got %v", key, listen, c.Auth, err)
				}
			}
		}
	}
}
