package rpc

import (
	"context"
	"testing"

	"google.golang.org/grpc/metadata"
)

func TestBears(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   bool
	}{
		{"none", nil, false},
		{"right", []string{"Bearer secret"}, true},
		{"scheme-in-lower-case", []string{"bearer secret"}, true},
		{"scheme-in-upper-case", []string{"BEARER secret"}, true},
		{"token-in-another-case", []string{"Bearer Secret"}, false},
		{"longer", []string{"Bearer secrets"}, false},
		{"shorter", []string{"Bearer secre"}, false},
		{"no-token", []string{"Bearer "}, false},
		{"no-scheme", []string{"secret"}, false},
		{"no-space", []string{"Bearersecret"}, false},
		{"another-scheme", []string{"Basic secret"}, false},
		{"the-second", []string{"Basic x", "Bearer secret"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": tt.values})
			if got := bears(ctx, "secret"); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}
