package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/redact"
)

// FuzzParse: accepted settings are valid and survive being written and read again; nothing makes Parse panic.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "# nothing", "http:\n  listen: 127.0.0.1:1\n", "limits: {memory_budget: 1GiB, max_batch: 3}", "http: &a {listen: off}\ngrpc: *a",
		"<<: {workers: 1}", "workers: !!binary aGk=", "? [a]\n: b", "workers: 0x10", "- a\n- b", "log: ~", "timeouts: {idle: 1h}", "a: b: c", "streams: {a: {source: \"testsrc:8x8@2?seed=3\", fps: 2.5, resize: x90, mode: fit, background: \"#010203\"}, b.c: }",
		"streams: {a: {source: \"rtsp://u:p@h/\"}}", "http: {hosts: \"a.example, *\"}\ntls: {client_scopes: \"view:a*, encode\"}\nauth: {tokens_file: t, link_keys: k, jwt: {jwks: \"https://i/k\", issuer: i, audience: a}}", "cluster: {name: a.b, node: n-1, routes: \"h:1, [::1]:2\", token: t}", "cluster: {name: a, nats: \"nats://u:p@h:1,tls://h:2\", advertise: \"h:3\"}", "cluster: {origins: \"h:1\"}",
		"\x00", "--- 1\n--- 2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if len(doc) > 1<<12 {
			t.Skip()
		}
		c, err := Parse("fuzz", []byte(doc))
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("%q: accepted settings are not valid: %v", doc, err)
		}
		c.Auth.Token, c.Cluster.Token = "", "" // They are written as "(set)", which is not accepted.
		if strings.Contains(c.Cluster.NATS, "@") {
			t.Skip() // So is a password.
		}
		for _, s := range c.Streams {
			if redact.URL(s.Source) != s.Source {
				t.Skip() // So is a secret.
			}
		}
		var b strings.Builder
		if err := c.WriteYAML(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("written", []byte(b.String()))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q: got %+v, %v after writing and reading, want %+v", doc, again, err, c)
		}
	})
}
