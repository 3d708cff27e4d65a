package redact_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/redact"
)

// TestURL: secrets are masked wherever a URL may have them, and nothing else is.
func TestURL(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"file", "clip.mp4", "clip.mp4"},
		{"file-with-query", "a?token=b", "a?token=b"},
		{"test-source", "testsrc:1280x720@30?seed=2", "testsrc:1280x720@30?seed=2"},
		{"plain", "http://cam/video.mjpg", "http://cam/video.mjpg"},
		{"user", "rtsp://admin@cam/1", "rtsp://admin@cam/1"},
		{"password", "rtsp://admin:hunter2@cam:554/1", "rtsp://admin:xxxxx@cam:554/1"},
		{"empty-password", "rtsp://admin:@cam/1", "rtsp://admin:@cam/1"},
		{"password-alone", "http://:hunter2@cam/", "http://:xxxxx@cam/"},
		{"at-in-password", "rtsp://admin:hun@ter2@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"colon-in-password", "rtsp://admin:hun:ter2@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"blank-in-password", "rtsp://admin:hun ter2@cam/a b%", "rtsp://admin:xxxxx@cam/a b%"},
		{"slash-in-password", "rtsp://admin:hun/ter2@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"question-in-password", "rtsp://admin:hun?ter2@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"hash-in-password", "rtsp://admin:hun#ter2@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"number-and-slash", "rtsp://admin:12/34@cam/1", "rtsp://admin:xxxxx@cam/1"},
		{"ipv6", "http://[::1]:8080/a@b", "http://[::1]:8080/a@b"},
		{"at-in-query", "http://cam:80/snap?user=me@home.org", "http://cam:80/snap?user=xxxxx"},
		{"token", "http://cam/snap.jpg?token=abc", "http://cam/snap.jpg?token=xxxxx"},
		{"user-and-password", "http://cam/snap.jpg?usr=me&pwd=abc&channel=1", "http://cam/snap.jpg?usr=xxxxx&pwd=xxxxx&channel=1"},
		{"foscam", "http://cam/cgi-bin/CGIProxy.fcgi?cmd=snapPicture2&usr=me&pwd=abc", "http://cam/cgi-bin/CGIProxy.fcgi?cmd=snapPicture2&usr=xxxxx&pwd=xxxxx"},
		{"foscam-old", "http://cam/videostream.cgi?loginuse=me&loginpas=abc", "http://cam/videostream.cgi?loginuse=xxxxx&loginpas=xxxxx"},
		{"semicolon", "http://cam/?resolution=640x480;key=abc", "http://cam/?resolution=640x480;key=xxxxx"},
		{"harmless", "http://cam/?action=stream&fps=12.5&Resolution=640x480", "http://cam/?action=stream&fps=12.5&Resolution=640x480"},
		{"harmless-name-alone", "http://cam/?stream&x", "http://cam/?stream&xxxxx"},
		{"harmless-name-with-more", "http://cam/?channel=1?token=abc", "http://cam/?channel=xxxxx"},
		{"harmless-name-long-value", "http://cam/?stream=0123456789abcdef0", "http://cam/?stream=xxxxx"},
		{"empty-values", "http://cam/?token=&&pwd=", "http://cam/?token=&&pwd="},
		{"base64", "http://cam/?c2VjcmV0/w==", "http://cam/?xxxxx"},
		{"escaped-name", "http://cam/?%74oken=abc", "http://cam/?xxxxx"},
		{"fragment", "http://cam/1#access_token=abc", "http://cam/1#xxxxx"},
		{"path", "rtsp://cam:554/user=admin&password=abc&channel=1&stream=0.sdp?real_stream", "rtsp://cam:554/user=xxxxx?xxxxx"},
		{"path-underscores", "rtsp://cam/user=admin_password=abc_channel=1.sdp", "rtsp://cam/user=xxxxx"},
		{"link", "https://frames.example/stream/cars.mjpg?link=view%3Acars~1796104609~35ez3B0L4VV&fps=5", "https://frames.example/stream/cars.mjpg?link=xxxxx&fps=5"},
		{"everything", "https://me:pw@cam/a=b/c?d=e#f", "https://me:xxxxx@cam/a=xxxxx/c?d=xxxxx#xxxxx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := redact.URL(tt.source)
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if again := redact.URL(got); again != got {
				t.Errorf("got %s from what was masked, want %s again", again, got)
			}
			if got, want := redact.HasMask(tt.want), strings.Contains(tt.want, redact.Mask); got != want {
				t.Errorf("HasMask(%s): got %v, want %v", tt.want, got, want)
			}
			if redact.HasMask(tt.source) {
				t.Errorf("HasMask(%s): got true, want false", tt.source)
			}
		})
	}
}

// TestText: the words of other programs about a source are shown without its secrets.
func TestText(t *testing.T) {
	const source = "http://me:hunt%24er2@cam/snap?token=abcdef&x=1"
	tests := []struct{ name, text, want string }{
		{"nothing", "connection refused", "connection refused"},
		{"whole", source + ": Connection refused", "http://me:xxxxx@cam/snap?token=xxxxx&x=xxxxx: Connection refused"},
		{"quoted", `Get "` + source + `": EOF`, `Get "http://me:xxxxx@cam/snap?token=xxxxx&x=xxxxx": EOF`},
		{"other-url", `redirected to "https://cam/login?next=/&session=fedcba"`, `redirected to "https://cam/login?next=xxxxx&session=xxxxx"`},
		{"path-alone", "GET /snap?token=abcdef&x=1 HTTP/1.1", "GET /snap?token=xxxxx&x=1 HTTP/1.1"},
		{"decoded", "user me, password hunt$er2", "user me, password xxxxx"},
		{"two", "from http://a:bcd@h/ to rtsp://e:fgh@i/", "from http://a:xxxxx@h/ to rtsp://e:xxxxx@i/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redact.Text(tt.text, source, "clip.mp4"); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
	const odd = "rtsp://me:hunter 2@cam/1"
	if got, want := redact.Text(odd+": Invalid argument", odd), "rtsp://me:xxxxx@cam/1: Invalid argument"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestArgs: a command line is shown without what it gives in confidence.
func TestArgs(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"none", "serve --http :8080 clip.mp4", "serve --http :8080 clip.mp4"},
		{"stream", "serve --stream door=rtsp://me:hunter2@cam/1", "serve --stream door=rtsp://me:xxxxx@cam/1"},
		{"joined", "serve --stream=door=http://cam/?pwd=hunter2", "serve --stream=door=http://cam/?pwd=xxxxx"},
		{"token", "push --token hunter2 - http://h", "push --token xxxxx - http://h"},
		{"token-joined", "push --token=hunter2 - http://h", "push --token=xxxxx - http://h"},
		{"setting", "serve --set auth.token=hunter2", "serve --set auth.token=xxxxx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(redact.Args(strings.Split(tt.args, " ")), " "); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
	if got, want := redact.Args([]string{"door=rtsp://me:hunter 2@cam/1"})[0], "door=rtsp://me:xxxxx@cam/1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzURL holds that a secret is never shown, wherever a source has it and however a text quotes the source.
func FuzzURL(f *testing.F) {
	f.Add("http", "hunter2", "/video.mjpg", "token")
	f.Add("rtsp", "p@ss:w/o?r#d", "/user=admin", "pwd")
	f.Add("https", "a b%41&c;d=", "//x@y/", "a=b")
	f.Add("http", "channel", "", "channel")
	f.Fuzz(func(t *testing.T, scheme, secret, path, name string) {
		// Short secrets, and those of letters that a shown part may have too, are found by chance.
		if secret = "S3-" + secret + "-3T"; len(secret) > 64 || strings.ContainsAny(path+name+scheme, "3:/?#@&;= ") || scheme == "" {
			t.Skip()
		}
		if strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Skip()
		}
		escaped := url.QueryEscape(secret)
		for _, source := range []string{
			(&url.URL{Scheme: scheme, User: url.UserPassword("me", secret), Host: "cam", Path: "/" + path}).String(),
			scheme + "://me:" + secret + "@cam/" + path,
			scheme + "://cam/" + path + "?x" + name + "=" + escaped,
			scheme + "://cam/" + path + "?channel=1&" + escaped,
			scheme + "://cam/" + path + "?channel=1#" + secret,
			scheme + "://cam/" + name + "=" + url.PathEscape(secret) + "/" + path,
		} {
			shown := redact.URL(source)
			for _, text := range []string{shown, redact.Text(source+": refused", source), redact.Text(`Get "`+source+`": EOF`, source), redact.Text("secret "+secret, source)} {
				if strings.Contains(text, secret) || strings.Contains(text, escaped) {
					t.Fatalf("got %q from %q, want the secret masked", text, source)
				}
			}
			if redact.URL(shown) != shown {
				t.Fatalf("got %q from %q, want it unchanged", redact.URL(shown), shown)
			}
		}
	})
}
