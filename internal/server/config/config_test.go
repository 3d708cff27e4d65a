package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
}

// TestEverySettingIsDescribed holds what fields relies on: each leaf has a name and a doc, and is text, a number or
// knows its own text.
func TestEverySettingIsDescribed(t *testing.T) {
	c := Default()
	c.Streams = Streams{"cam1": {}}
	want := fmt.Sprint(c)
	for _, f := range newTarget(&c).all() {
		if f.key == "" || f.doc == "" || strings.HasSuffix(f.key, ".") {
			t.Errorf("setting %q: got doc %q, want a name and a doc", f.key, f.doc)
		}
		before := f.text()
		if err := f.set(before); err != nil {
			t.Errorf("%s: setting it to its own text %q: %v", f.key, before, err)
		}
		if got := f.text(); got != before {
			t.Errorf("%s: got %q after setting it to %q", f.key, got, before)
		}
	}
	if got := fmt.Sprint(c); got != want {
		t.Errorf("got %s after setting each setting to its own text, want %s", got, want)
	}
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "steadyframe.yaml")
	yaml := "http:\n  listen: 127.0.0.1:1\ngrpc: {listen: \"127.0.0.1:2\"}\nadmin:\n  listen: 127.0.0.1:3\nlimits:\n  memory_budget: 1GiB\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(LoadOptions{
		File:    file,
		Environ: []string{"HOME=/", "STEADYFRAME_GRPC_LISTEN=127.0.0.1:20", "STEADYFRAME_ADMIN_LISTEN=127.0.0.1:30", "STEADYFRAME_PORT=tcp://x", "STEADYFRAME_URL=http://127.0.0.1:8080"},
		Set:     map[string]string{"admin.listen": "127.0.0.1:300", "timeouts.send": "1m30s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HTTP.Listen, want.GRPC.Listen, want.Admin.Listen = "127.0.0.1:1", "127.0.0.1:20", "127.0.0.1:300"
	want.Limits.MemoryBudget = GiB
	want.Timeout.Send = Duration(90 * time.Second)
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		yaml string
		env  []string
		set  map[string]string
		want string
	}{
		{name: "unknown-key", yaml: "http:\n  lisen: x", want: "config: unknown setting http.lisen (f.yaml line 2): did you mean http.listen?"},
		{name: "tab", yaml: "http:\n\tlisten: x", want: "config: f.yaml: yaml: line 2: found character that cannot start any token; indent by spaces: YAML takes no tabs"},
		{name: "unknown-group", yaml: "htpp:\n  listen: x", want: "config: unknown setting htpp (f.yaml line 1)"},
		{name: "unknown-env", env: []string{"STEADYFRAME_HTTP_LISTN=x"}, want: "config: unknown setting STEADYFRAME_HTTP_LISTN (environment): did you mean STEADYFRAME_HTTP_LISTEN?"},
		{name: "unknown-flag", set: map[string]string{"max_pixels": "1"}, want: "config: unknown setting max_pixels (flags): did you mean limits.max_pixels?"},
		{name: "no-likeness", set: map[string]string{"zzzzzzzz": "1"}, want: "config: unknown setting zzzzzzzz (flags)"},
		{name: "size", yaml: "limits: {memory_budget: lots}", want: `config: limits.memory_budget (f.yaml line 1): got "lots", want a number of bytes such as 64MiB`},
		{name: "negative-size", yaml: "limits: {memory_budget: -1}", want: `config: limits.memory_budget (f.yaml line 1): got "-1", want a number of bytes such as 64MiB`},
		{name: "size-overflow", yaml: "limits: {memory_budget: 99999999999GiB}", want: `config: limits.memory_budget (f.yaml line 1): got "99999999999GiB", want a number of bytes such as 64MiB`},
		{name: "number", env: []string{"STEADYFRAME_WORKERS=two"}, want: `config: workers (environment, STEADYFRAME_WORKERS): got "two", want a whole number`},
		{name: "time", yaml: "drain_timeout: 20", want: `config: drain_timeout (f.yaml line 1): got "20", want a time such as 20s or 1m30s`},
		{name: "twice", yaml: "workers: 1\nworkers: 2", want: "config: workers (f.yaml line 2): got it twice, want it once"},
		{name: "list", yaml: "workers: [1]", want: "config: workers (f.yaml line 1): got a list, want one value"},
		{name: "mapping-for-value", yaml: "workers: {n: 1}", want: "config: workers (f.yaml line 1): got a mapping, want one value"},
		{name: "value-for-mapping", yaml: "http: off", want: "config: http (f.yaml line 1): got a single value, want a mapping"},
		{name: "two-documents", yaml: "workers: 1\n---\nworkers: 2", want: "config: f.yaml: got more than one YAML document, want one"},
		{name: "listen", yaml: "http: {listen: nowhere}", want: `config: http.listen: got "nowhere", want host:port, unix:/path or off`},
		{name: "port", yaml: "http: {listen: \"h:99999\"}", want: `config: http.listen: got "h:99999", want host:port, unix:/path or off`},
		{name: "unix", yaml: "grpc: {listen: \"unix:\"}", want: `config: grpc.listen: got "unix:", want a path after unix:`},
		{name: "rtsp-port", yaml: "rtsp: {listen: 8554}", want: `config: rtsp.listen: got "8554", want host:port or off`},
		{name: "rtsp-unix", yaml: "rtsp: {listen: \"unix:/x\"}", want: `config: rtsp.listen: got "unix:/x", want host:port or off`},
		{name: "rtsp-udp", yaml: "rtsp: {udp: \"8001\"}", want: `config: rtsp.udp: got "8001", want any, off or an even port, 2 to 65534`},
		{name: "rtsp-sessions", yaml: "rtsp: {max_sessions_per_peer: 0}", want: "config: rtsp.max_sessions_per_peer: got 0, want 1..1073741824"},
		{name: "all-off", yaml: "http: {listen: \"off\"}\ngrpc: {listen: \"off\"}", want: "config: http.listen: got off, as grpc.listen is too: want one of them on"},
		{name: "range", yaml: "limits: {max_batch: 0}", want: "config: limits.max_batch: got 0, want 1..4096"},
		{name: "message", yaml: "limits: {max_message_bytes: 2GiB}", want: "config: limits.max_message_bytes: got 2GiB, want 64KiB to 2GiB-1"},
		{name: "floor", yaml: "limits: {memory_floor: 1GiB}", want: "config: limits.memory_floor: got 1GiB, want at most limits.memory_budget, 512MiB"},
		{name: "zero-time", yaml: "timeouts: {send: 0s}", want: "config: timeouts.send: got 0s, want 1ms to 24h"},
		{name: "level", yaml: "log: {level: loud}", want: `config: log.level: got "loud", want one of debug, info, warn, error`},
		{name: "token", yaml: "auth: {token: a b}", want: "config: auth.token: got a token with a space or a character outside ASCII, want none"},
		{name: "token-placeholder", yaml: "auth: {token: (set)}", want: "config: auth.token: got (set), which only stands for a token where settings are shown: want the token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if tt.yaml != "" {
				_, err = Parse("f.yaml", []byte(tt.yaml))
			} else {
				_, err = Load(LoadOptions{Environ: tt.env, Set: tt.set})
			}
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestFloorOfASmallBudget: a budget set alone needs no setting of the floor.
func TestFloorOfASmallBudget(t *testing.T) {
	for budget, want := range map[string]Size{"16MiB": 2 * MiB, "64MiB": 64 * MiB, "1GiB": 64 * MiB} {
		c, err := Load(LoadOptions{Set: map[string]string{"limits.memory_budget": budget}})
		if err != nil || c.Limits.MemoryFloor != want {
			t.Errorf("budget %s: got floor %s, error %v, want %s", budget, c.Limits.MemoryFloor, err, want)
		}
	}
}

func TestLoadNamesAMissingFile(t *testing.T) {
	_, err := Load(LoadOptions{File: filepath.Join(t.TempDir(), "none.yaml")})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got error %v, want one that names the file and is os.ErrNotExist", err)
	}
}

func TestWrittenYAMLReadsAsTheSame(t *testing.T) {
	c := Default()
	c.HTTP.Listen, c.Workers, c.Limits.MemoryBudget, c.Timeout.Queue = "unix:/run/s.sock", 3, 777*MiB, Duration(50*time.Millisecond)
	c.Live.EncodeUnwatched, c.Streams = true, Streams{"empty": {}, "cam.1-x": everySetting}
	var b strings.Builder
	if err := c.WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Parse("written", []byte(b.String()))
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("got %+v, %v\nwant %+v\nfrom\n%s", got, err, c, b.String())
	}
}

func TestTheTokenIsNotShown(t *testing.T) {
	c := Default()
	c.Auth.Token = "hunter2"
	var b strings.Builder
	if err := c.WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		b.WriteString(s.Value)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), tokenSet) {
		t.Errorf("got the token, or no %s, in\n%s", tokenSet, b.String())
	}
}

func TestSizeText(t *testing.T) {
	tests := []struct {
		text string
		want Size
	}{
		{"0", 0}, {"1", 1}, {"12B", 12}, {"1 KiB", 1024}, {"64MiB", 64 << 20}, {"2GiB", 2 << 30}, {"20MB", 20e6}, {"3kB", 3000},
	}
	for _, tt := range tests {
		var s Size
		if err := s.UnmarshalText([]byte(tt.text)); err != nil || s != tt.want {
			t.Errorf("%q: got %d, %v, want %d", tt.text, s, err, tt.want)
		}
	}
}

// TestOldNames: a setting is read under the name that it had before, from everywhere, and Renamed is called.
func TestOldNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	write := func(text string) LoadOptions {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadOptions{File: file}
	}
	for _, tt := range []struct {
		name    string
		options LoadOptions
		want    int
		told    Renamed
		err     string
	}{
		{"file", write("limits:\n  max_streams: 7\n"), 7, Renamed{"limits.max_streams", "limits.max_requests", file + " line 2"}, ""},
		{"environment", LoadOptions{Environ: []string{"STEADYFRAME_LIMITS_MAX_STREAMS=7"}}, 7,
			Renamed{"STEADYFRAME_LIMITS_MAX_STREAMS", "STEADYFRAME_LIMITS_MAX_REQUESTS", "environment"}, ""},
		{"flags", LoadOptions{Set: map[string]string{"limits.max_streams": "7"}}, 7, Renamed{"limits.max_streams", "limits.max_requests", "flags"}, ""},
		{"new-name", LoadOptions{Set: map[string]string{"limits.max_requests": "7"}}, 7, Renamed{}, ""},
		{"flag-over-environment", LoadOptions{Environ: []string{"STEADYFRAME_LIMITS_MAX_REQUESTS=8"}, Set: map[string]string{"limits.max_streams": "7"}}, 7,
			Renamed{"limits.max_streams", "limits.max_requests", "flags"}, ""},
		{"live-streams-are-others", LoadOptions{Set: map[string]string{"live.max_streams": "7"}}, 256, Renamed{}, ""},
		{"both", LoadOptions{Set: map[string]string{"limits.max_streams": "7", "limits.max_requests": "7"}}, 0, Renamed{},
			"config: limits.max_requests (flags): got it twice, perhaps as limits.max_streams, its old name: want it once"},
		{"wrong-value", LoadOptions{Set: map[string]string{"limits.max_streams": "many"}}, 0, Renamed{},
			`config: limits.max_requests (flags): got "many", want a whole number`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var told Renamed
			tt.options.Renamed = func(r Renamed) { told = r }
			c, err := Load(tt.options)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got error %v\nwant %s", err, tt.err)
				}
				return
			}
			if err != nil || c.Limits.MaxRequests != tt.want || told != tt.told {
				t.Errorf("got %d, told %+v, %v, want %d, %+v", c.Limits.MaxRequests, told, err, tt.want, tt.told)
			}
		})
	}
	if _, err := Parse("f.yaml", []byte("limits:\n  max_streams: 1\n  max_requests: 2\n")); err == nil || !strings.Contains(err.Error(), "f.yaml line 3): got it twice") {
		t.Errorf("both in a file: got %v, want an error", err)
	}
	names := map[string]bool{}
	for _, f := range fields(&Config{}) {
		names[f.key] = true
	}
	for _, f := range fields(&Config{}) {
		if names[f.was] {
			t.Errorf("%s was %s, which is a setting", f.key, f.was)
		}
	}
}
