package auth_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
)

// TestNodeToken: with cluster.token one may view every stream, and do nothing else; beside a certificate too, whose scopes do not count
// then.
func TestNodeToken(t *testing.T) {
	c := newChecker(t, config.Config{Auth: config.Auth{Token: "s3cret"}, Cluster: config.Cluster{Token: "n0des"}})
	id, err := c.Identify(auth.Credentials{Peer: "10.0.0.1:1", Token: "n0des"})
	if err != nil || !id.IsNode() || id.Owner() != "" {
		t.Fatalf("got %v (node: %v, owner %q), %v", id, id.IsNode(), id.Owner(), err)
	}
	for action, may := range map[config.Action]bool{config.View: true, config.Publish: false, config.Encode: false, config.Admin: false} {
		name := map[bool]string{true: "cars"}[action == config.View || action == config.Publish]
		if err := id.May(action, name); (err == nil) != may {
			t.Errorf("%s: got %v, want allowed: %v", action, err, may)
		}
	}
	for _, token := range []string{"n0de", "n0des1", "N0des"} {
		if _, err := c.Identify(auth.Credentials{Peer: "10.0.0.1:1", Token: token}); err == nil {
			t.Errorf("%s: got an identity", token)
		}
	}
	if id, err := c.Identify(auth.Credentials{Peer: "10.0.0.1:1", Token: "s3cret"}); err != nil || id.IsNode() {
		t.Errorf("auth.token: got node: %v, %v", id.IsNode(), err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer n0des"))
	if id, err := c.GRPC(ctx, "10.0.0.1:1", nil); err != nil || !id.IsNode() {
		t.Errorf("gRPC: got node: %v, %v", id.IsNode(), err)
	}
	cert := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "node-b"}}}}}
	if id, err := c.GRPC(ctx, "10.0.0.1:1", cert); err != nil || !id.IsNode() || id.May(config.Admin, "") == nil {
		t.Errorf("beside a certificate: got %v, %v, want a node", id, err)
	}
	if id, err := c.GRPC(t.Context(), "10.0.0.1:1", cert); err != nil || id.IsNode() {
		t.Errorf("a certificate alone: got node: %v, %v", id.IsNode(), err)
	}
	none := newChecker(t, config.Config{Auth: config.Auth{Token: "s3cret"}})
	if _, err := none.Identify(auth.Credentials{Peer: "10.0.0.1:1", Token: ""}); err == nil {
		t.Error("an empty token is that of no node: got an identity")
	}
}
