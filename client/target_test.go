package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// TestWrongTargets: who takes the address of the HTTP listener for that of gRPC is told so.
func TestWrongTargets(t *testing.T) {
	for _, target := range []string{"http://127.0.0.1:8080", "https://frames.internal", "localhost"} {
		if _, err := Dial(target, nil); err == nil || !strings.Contains(err.Error(), "want host:port") {
			t.Errorf("%s: got %v, want what a target is", target, err)
		}
	}

	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	c, err := Dial(s.Listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.ListStreams(context.Background())
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != codes.Unimplemented || !strings.HasSuffix(e.Reason, "check the port: HTTP has another one than gRPC, whose setting is grpc.listen") {
		t.Errorf("got %v, want the advice to check the port", err)
	}
}
