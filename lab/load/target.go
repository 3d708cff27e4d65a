package load

import (
	"net/url"
	"strings"
)

// target is a server's address, taken apart.
type target struct {
	via    Via
	name   string   // as the user gave it
	dial   string   // of gRPC: host:port or unix:/path; of the ring: ring:/path, or empty
	url    *url.URL // of HTTP: where frames are posted to
	socket string   // of HTTP: the path of a unix socket; empty: url says where
}

const encodePath = "/v1/encode"

// parseTarget returns the address that o says. The error is an *OptionError.
func parseTarget(o *Options) (*target, error) {
	t := &target{via: o.Via, name: o.Target, dial: o.Target}
	isURL := strings.HasPrefix(o.Target, "http://") || strings.HasPrefix(o.Target, "https://")
	if path, isRing := strings.CutPrefix(o.Target, "ring:"); isRing || t.via == Ring {
		if !isRing || t.via != 0 && t.via != Ring {
			return nil, optionErrorf("target", "got %s via %s, want ring:/path or ring: via ring", o.Target, t.via)
		}
		if t.via = Ring; path == "" {
			t.dial = ""
		}
		return t, nil
	}
	path, isUnix := strings.CutPrefix(o.Target, "unix:")
	switch {
	case isURL && t.via == GRPC:
		return nil, optionErrorf("target", "got %s for gRPC, want host:port or unix:/path", o.Target)
	case t.via == 0 && isURL:
		t.via = HTTP
	case t.via == 0:
		t.via = GRPC
	}
	if isUnix {
		if t.socket = strings.TrimPrefix(path, "//"); t.socket == "" {
			return nil, optionErrorf("target", "got %s, want the path of a socket after unix:", o.Target)
		}
	} else if !isURL && !strings.Contains(o.Target, ":") {
		return nil, optionErrorf("target", "got %q, want host:port, unix:/path or http://host:port", o.Target)
	}
	if t.via == GRPC {
		return t, nil
	}
	raw := o.Target
	switch {
	case isUnix:
		raw = "http://localhost"
	case !isURL:
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, optionErrorf("target", "got %s, want one such as http://127.0.0.1:8080", o.Target)
	}
	t.url = u.JoinPath(encodePath)
	t.url.RawQuery = encodeQuery(o).Encode()
	return t, nil
}
