package load

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	const query = "/v1/encode?format=bgr24&quality=75&resize=64x32&size=64x32"
	tests := []struct {
		target string
		via    Via
		want   Via
		url    string // of HTTP
		socket string
		fails  bool
	}{
		{target: "127.0.0.1:50051", want: GRPC},
		{target: "127.0.0.1:8080", via: HTTP, want: HTTP, url: "http://127.0.0.1:8080" + query},
		{target: "http://h:8080", want: HTTP, url: "http://h:8080" + query},
		{target: "https://h/below/", want: HTTP, url: "https://h/below" + query},
		{target: "unix:/run/s", want: GRPC, socket: "/run/s"},
		{target: "unix:///run/s", via: HTTP, want: HTTP, url: "http://localhost" + query, socket: "/run/s"},
		{target: "ring:/run/s", want: Ring},
		{target: "ring:", via: Ring, want: Ring},
		{target: "ring:/run/s", via: HTTP, fails: true},
		{target: "localhost:1", via: Ring, fails: true},
		{target: "http://h:8080", via: GRPC, fails: true},
		{target: "localhost", fails: true},
		{target: "", fails: true},
		{target: "unix:", fails: true},
		{target: "http://", fails: true},
		{target: "http://%zz:1", fails: true},
	}
	for _, tt := range tests {
		o := small()
		o.Target, o.Via = tt.target, tt.via
		got, err := parseTarget(&o)
		var option *OptionError
		if tt.fails {
			if !errors.As(err, &option) || option.Option != "target" {
				t.Errorf("%q via %s: got %v, want an error of target", tt.target, tt.via, err)
			}
			continue
		}
		if err != nil || got.via != tt.want || got.socket != tt.socket || got.url != nil && got.url.String() != tt.url || (got.url == nil) != (tt.url == "") {
			t.Errorf("%q via %s: got %+v, %v", tt.target, tt.via, got, err)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	tests := []struct {
		option string
		change func(o *Options)
	}{
		{"rate", func(o *Options) { o.Rate = 0 }},
		{"rate", func(o *Options) { o.Rate = math.NaN() }},
		{"rate", func(o *Options) { o.Rate = math.Inf(1) }},
		{"rate", func(o *Options) { o.Rate = 1e12 }},
		{"batch", func(o *Options) { o.Batch = 0 }},
		{"batch", func(o *Options) { o.Batch = 5000 }},
		{"batch", func(o *Options) { o.Width, o.Height, o.Batch = 3840, 2160, 64 }},
		{"size", func(o *Options) { o.Width = 0 }},
		{"size", func(o *Options) { o.Width = 1 << 30 }},
		{"resize", func(o *Options) { o.OutWidth = 0 }},
		{"quality", func(o *Options) { o.Quality = 101 }},
		{"connections", func(o *Options) { o.Connections = -1 }},
		{"outstanding", func(o *Options) { o.Outstanding = -1 }},
		{"requests", func(o *Options) { o.Requests = -1 }},
		{"duration", func(o *Options) { o.Duration = -time.Second }},
		{"timeout", func(o *Options) { o.Timeout = -time.Second }},
	}
	for _, tt := range tests {
		o := small()
		tt.change(&o)
		var option *OptionError
		if _, err := New(t.Context(), o); !errors.As(err, &option) || option.Option != tt.option {
			t.Errorf("got %v, want an error of %s", err, tt.option)
		}
	}
}

func TestVia(t *testing.T) {
	for _, v := range []Via{GRPC, HTTP} {
		var got Via
		if err := got.UnmarshalText([]byte(v.String())); err != nil || got != v {
			t.Errorf("%s: got %s, %v", v, got, err)
		}
	}
	if err := new(Via).UnmarshalText([]byte("")); err == nil {
		t.Error("got no error for an empty text")
	}
}
