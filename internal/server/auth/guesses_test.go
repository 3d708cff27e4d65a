package auth_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/steadyframe/steadyframe/internal/server/auth"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
)

// ask asks over HTTP or gRPC with a token, and returns what comes of it.
func ask(t *testing.T, c *auth.Checker, peer, token string, overGRPC bool) string {
	t.Helper()
	var err error
	if r := httptest.NewRequest("POST", "/v1/encode", nil); !overGRPC {
		r.RemoteAddr = peer
		r.Header.Set("Authorization", "Bearer "+token)
		_, err = c.HTTP(r)
	} else {
		_, err = c.GRPC(metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + token}}), peer, nil)
	}
	if err == nil {
		return "right"
	}
	f := fault.From(err)
	if f.Kind == fault.Busy && (f.RetryAfter <= 0 || f.RetryAfter > time.Second) {
		t.Errorf("got the advice to come again after %v", f.RetryAfter)
	}
	return f.Kind.String()
}

// TestGuessing: of an address a bounded number of wrong tokens is compared, at once and by and by, over HTTP and gRPC together. Beyond
// that not even the right one is told from them. Other addresses are not held back, nor are proxies on this machine.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret, minute = "s3cret", 60
		c := newChecker(t, config.Config{Auth: config.Auth{Token: secret}})
		compared := func(peer string, tries int) (n int) {
			for i := range tries {
				if got := ask(t, c, fmt.Sprintf(peer, 1000+i), fmt.Sprintf("guess-%d", i), i%2 == 1); got == "unauthorized" {
					n++
				} else if got != "busy" {
					t.Fatalf("a guess: got %s", got)
				}
			}
			return n
		}
		if n := compared("10.0.0.1:%d", 1000); n != 20 {
			t.Errorf("%d guesses at once were compared, want 20", n)
		}
		if got := ask(t, c, "10.0.0.1:9", secret, false); got != "busy" {
			t.Errorf("the right token after them: got %s, want busy", got)
		}
		if got := ask(t, c, "10.0.0.1:9", "", false); got != "unauthorized" {
			t.Errorf("no token after them: got %s, want unauthorized", got)
		}
		for _, peer := range []string{"10.0.0.2:9", "127.0.0.1:9", "[::1]:9", "@", ""} {
			if got := ask(t, c, peer, secret, true); got != "right" {
				t.Errorf("%q meanwhile: got %s", peer, got)
			}
		}
		n := 0
		for range minute {
			time.Sleep(time.Second)
			n += compared("10.0.0.1:%d", 10)
		}
		if n != minute {
			t.Errorf("%d guesses were compared in a minute, want %d", n, minute)
		}
		time.Sleep(time.Second)
		if got := ask(t, c, "10.0.0.1:9", secret, false); got != "right" {
			t.Errorf("the right token a second later: got %s", got)
		}
		n = compared("10.0.0.1:%d", 1000)
		for range minute {
			time.Sleep(time.Second)
			n += compared("10.0.0.1:%d", 100)
			time.Sleep(time.Second / 20)
			if got := ask(t, c, "10.0.0.1:9", secret, false); got != "right" {
				t.Fatalf("a client beside a guesser: got %s", got)
			}
		}
		if most := 20 + 22*minute; n > most || n < minute {
			t.Errorf("%d guesses were compared beside a client, want at most %d", n, most)
		}
		// A customer has a whole network of version 6.
		total := 0
		for i := range 200 {
			total += compared(fmt.Sprintf("[2001:db8::%x]", i)+":%d", 1)
		}
		if total != 20 {
			t.Errorf("%d guesses of one network of version 6 were compared, want 20", total)
		}
		if n := compared("127.0.0.1:%d", 100); n != 100 {
			t.Errorf("%d guesses from this machine were compared, want all", n)
		}
	})
}

// TestManyGuessers: more addresses than are remembered make room for each other.
func TestManyGuessers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChecker(t, config.Config{Auth: config.Auth{Token: "s3cret"}})
		for i := range 5000 {
			if got := ask(t, c, fmt.Sprintf("10.1.%d.%d:1", i/250, i%250), "guess", false); got != "unauthorized" {
				t.Fatalf("the first guess of address %d: got %s", i, got)
			}
		}
		if n := auth.Remembered(c); n > 4096 {
			t.Errorf("%d addresses are remembered, want at most 4096", n)
		}
	})
}
