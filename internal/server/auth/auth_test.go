package auth_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// newChecker returns a Checker for settings that are right.
func newChecker(t testing.TB, c config.Config) *auth.Checker {
	t.Helper()
	k, err := auth.New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestChecker(t *testing.T) {
	const secret = "s3cret"
	tests := []struct {
		name   string
		token  string // auth.token
		header []string
		query  string // of HTTP alone
		method string // of HTTP; GET if empty
		http   bool
		grpc   bool
	}{
		{name: "open", http: true, grpc: true},
		{name: "open-with-token", header: []string{"Bearer anything"}, http: true, grpc: true},
		{name: "none", token: secret},
		{name: "right", token: secret, header: []string{"Bearer s3cret"}, http: true, grpc: true},
		{name: "case-of-scheme", token: secret, header: []string{"bEARER s3cret"}, http: true, grpc: true},
		{name: "wrong", token: secret, header: []string{"Bearer s3creT"}},
		{name: "prefix", token: secret, header: []string{"Bearer s3cre"}},
		{name: "longer", token: secret, header: []string{"Bearer s3cret1"}},
		{name: "empty", token: secret, header: []string{"Bearer "}},
		{name: "no-space", token: secret, header: []string{"Bearer"}},
		{name: "two-spaces", token: secret, header: []string{"Bearer  s3cret"}},
		{name: "no-scheme", token: secret, header: []string{"s3cret"}},
		{name: "basic", token: secret, header: []string{"Basic s3cret"}},
		{name: "password", token: secret, header: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("viewer:s3cret"))}, http: true},
		{name: "password-post", token: secret, header: []string{"basic " + base64.StdEncoding.EncodeToString([]byte(":s3cret"))}, method: http.MethodPost, http: true},
		{name: "wrong-password", token: secret, header: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("s3cret:x"))}},
		{name: "second", token: secret, header: []string{"Basic x", "Bearer s3cret"}, grpc: true},
		{name: "parameter", token: secret, query: "access_token=s3cret", http: true},
		{name: "parameter-head", token: secret, query: "access_token=s3cret", method: http.MethodHead, http: true},
		{name: "parameter-post", token: secret, query: "access_token=s3cret", method: http.MethodPost},
		{name: "parameter-beside-basic", token: secret, header: []string{"Basic x"}, query: "access_token=s3cret", http: true},
		{name: "parameter-beside-wrong", token: secret, header: []string{"Bearer x"}, query: "access_token=s3cret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newChecker(t, config.Config{Auth: config.Auth{Token: tt.token}})
			r := httptest.NewRequest(tt.method, "/v1/streams?"+tt.query, nil)
			r.Header["Authorization"] = tt.header
			_, err := c.HTTP(r)
			check(t, "HTTP", err, tt.http)
			ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": tt.header})
			_, err = c.GRPC(ctx, r.RemoteAddr, nil)
			check(t, "gRPC", err, tt.grpc)
		})
	}
}

func check(t *testing.T, api string, err error, want bool) {
	t.Helper()
	if got := err == nil; got != want {
		t.Errorf("%s: got %v, want allowed: %v", api, err, want)
	}
	if err != nil && fault.From(err).Kind != fault.Unauthorized {
		t.Errorf("%s: got kind %v, want unauthorized", api, fault.From(err).Kind)
	}
}
