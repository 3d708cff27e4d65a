package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// aCluster is what a node of a cluster responds with.
const aCluster = `{"time":"2026-11-30T12:00:00.000Z","cluster":"production","node":"edge-1",
"directory":{"kind":"embedded","state":"connected","since":"2026-11-30T09:46:00.000Z","refused":0,"expired":0,"conflicts":0},
"nodes":[
{"name":"edge-1","address":"10.0.0.6:50051","version":"v0.3.0","state":"online","started":"2026-11-30T09:45:30.000Z","self":true,"streams":0,"viewers":300,"pulls":1,"queue_wait_ms":0},
{"name":"edge-2","address":"10.0.0.7:50051","version":"v0.3.0","state":"draining","started":"2026-11-28T09:00:00.000Z","age_ms":1204.4,"streams":0,"viewers":4,"pulls":2,"queue_wait_ms":41.37},
{"name":"origin","address":"10.0.0.5:50051","state":"online","started":"2026-11-30T11:59:52.000Z","age_ms":312,"streams":3,"viewers":0,"pulls":0,"queue_wait_ms":0.25}],
"streams":[
{"name":"cars","node":"origin","state":"online","fps":25,"viewers":300,"hops":2,"via":"edge-2","age_ms":38.2},
{"name":"door","node":"origin","state":"online","fps":14.98,"viewers":0},
{"name":"here","node":"edge-1","state":"waiting","fps":0,"viewers":0},
{"name":"yard","node":"origin","state":"offline","fps":0,"viewers":1,"hops":1,"via":"origin"}]}`

// answering returns the endpoint of a server that responds so to GET /v1/cluster of whoever has the token.
func answering(t *testing.T, status int, body string) Endpoint {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/below/v1/cluster":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "Bearer hunter2":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"no token"}`))
		default:
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}))
	t.Cleanup(server.Close)
	e, _, err := ParseEndpoint(server.URL + "/below")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestClusterStatus(t *testing.T) {
	c := ClusterStatus{Endpoint: answering(t, http.StatusOK, aCluster), Token: "hunter2", Timeout: time.Minute}
	var out bytes.Buffer
	if err := c.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `cluster production, as the node edge-1 knows them
directory: embedded NATS, connected for 2 h 14 min

NODE    STATE     ADDRESS         VERSION          UP  STREAMS  VIEWERS  PULLS  QUEUE WAIT       HEARD
edge-1  online    10.0.0.6:50051  v0.3.0   2 h 14 min        0      300      1      0.0 ms       asked
edge-2  draining  10.0.0.7:50051  v0.3.0      2 d 3 h        0        4      2       41 ms   1.2 s ago
origin  online    10.0.0.5:50051  –               8 s        3        0      0      0.2 ms  312 ms ago
3 nodes, 304 viewers

STREAM  NODE    STATE     FPS  WAY TO EDGE-1       VIEWERS THERE  AGE ON ARRIVAL
cars    origin  online   25.0  2 hops, via edge-2            300           38 ms
door    origin  online   15.0  not pulled                      0               –
here    edge-1  waiting   0.0  its own                         0               –
yard    origin  offline   0.0  1 hop                           1               –
4 streams, 2 online
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	out.Reset()
	if err := c.WriteJSON(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var got, sent any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(aCluster), &sent)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(sent)
	if !bytes.Equal(a, b) || !strings.Contains(out.String(), "\n  \"cluster\": \"production\"") {
		t.Errorf("got the JSON\n%s", out.String())
	}
}

// TestClusterStatusNotes: what an operator should look at is said.
func TestClusterStatusNotes(t *testing.T) {
	for name, tt := range map[string]struct{ report, want string }{
		"frozen": {`{"node":"a","time":"2026-11-30T12:00:42Z","directory":{"kind":"nats","state":"frozen","since":"2026-11-30T12:00:00Z","reason":"connection refused"},"nodes":[{"name":"a"},{"name":"b"}]}`,
			"note: a has had no connection to the directory since 12:00:00 (connection refused): what it knows of others is from then. Streams that it pulls go on.\n" +
				"note: look whether the servers of cluster.nats run and can be reached from a\n"},
		"alone": {`{"node":"a","directory":{"kind":"embedded","state":"connected"},"nodes":[{"name":"a"}]}`,
			"note: a sees no other node: where there are some, look at cluster.routes, and whether cluster.name and cluster.token are the same on all\n"},
		"static": {`{"node":"a","directory":{"kind":"static","state":"static"},"nodes":[{"name":"a"}]}`, "servers of cluster.origins, as the node a knows them\ndirectory: fixed list of servers (cluster.origins)\n"},
		"silent": {`{"node":"a","directory":{"kind":"static","state":"static"},"nodes":[{"name":"a"},{"name":"b:1","state":"unknown","reason":"dial tcp: connection refused"}]}`,
			"note: b:1 of cluster.origins gives no list of its streams: dial tcp: connection refused\n"},
		"versions": {`{"node":"a","directory":{"state":"connected"},"nodes":[{"name":"a","version":"v2"},{"name":"b","version":"v1"},{"name":"c","version":"v2"},{"name":"d"}]}`,
			"note: the nodes run different versions: v1 on b; v2 on a, c\n"},
		"conflicts": {`{"node":"a","directory":{"state":"connected","conflicts":1,"refused":2},"nodes":[{"name":"a"},{"name":"b"}]}`,
			"note: streams were published here and on another node at the same time, 1 since the start: the later publisher was kept; give each a name of its own\n" +
				"note: messages of others were refused, 2 since the start"},
		"hostile": {`{"node":"a\u001b[2J","cluster":"` + strings.Repeat("x", 1000) + `","directory":{"kind":"\u0007","state":"frozen","reason":"` + strings.Repeat("y\\n", 200) + `"},"nodes":[{"name":"\u001b]0;title\u0007"},{"name":"b"}]}`,
			"as the node a?[2J knows them"},
		"many streams": {`{"node":"a","directory":{},"nodes":[],"streams":[` + strings.Repeat(`{"name":"s"},`, 60) + `{"name":"last"}]}`,
			"61 streams, 0 online; 11 are not shown: --all shows them\n"},
		"no streams": {`{"node":"a","directory":{},"nodes":[]}`, "no streams\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var r clusterReport
			if err := json.Unmarshal([]byte(tt.report), &r); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := r.write(&out, false); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("got\n%s\nwant it to have\n%s", out.String(), tt.want)
			}
			if strings.ContainsAny(out.String(), "\x1b\x07") {
				t.Errorf("got control characters: %q", out.String())
			}
		})
	}
}

// TestClusterStatusRefused: an error says what to do.
func TestClusterStatusRefused(t *testing.T) {
	well := answering(t, http.StatusOK, aCluster)
	gone, _, err := ParseEndpoint("unix:" + filepath.Join(t.TempDir(), "gone"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		at    Endpoint
		token string
		want  string
	}{
		"token":    {well, "", "(401 Unauthorized): no token: give the server's token with --token or STEADYFRAME_AUTH_TOKEN"},
		"scope":    {answering(t, 403, `{"detail":"token cam1 lacks the scope view:NAME or admin: it has encode"}`), "hunter2", "lacks the scope view:NAME or admin: it has encode: use a token with the scope admin or view:NAME"},
		"none":     {answering(t, 404, `{"detail":"this server is in no cluster"}`), "hunter2", "(404 Not Found): this server is in no cluster"},
		"long":     {answering(t, 404, `{"detail":"this server is in no cluster: `+strings.Repeat("so ", 100)+`it is"}`), "hunter2", "so so it is"},
		"TLS":      {answering(t, 400, "Client sent an HTTP request to an HTTPS server.\n"), "hunter2", "it speaks HTTPS: use an https:// URL"},
		"other":    {answering(t, 404, `not here`), "hunter2", "not here: check the URL"},
		"no JSON":  {answering(t, 200, `<html>`), "hunter2", "does not send the state of a cluster"},
		"no peer":  {gone, "", "no server listens at"},
		"terminal": {answering(t, 500, "\x1b[2J"), "hunter2", "(500 Internal Server Error): ?[2J"},
	} {
		t.Run(name, func(t *testing.T) {
			c := ClusterStatus{Endpoint: tt.at, Token: tt.token, Timeout: time.Minute}
			for what, write := range map[string]func() error{
				"tables": func() error { return c.Write(t.Context(), new(bytes.Buffer)) },
				"JSON":   func() error { return c.WriteJSON(t.Context(), new(bytes.Buffer)) },
			} {
				if err := write(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got the error %v, want %q in it", what, err, tt.want)
				}
			}
		})
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	at, _, err := ParseEndpoint(silent.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := ClusterStatus{Endpoint: at, Timeout: 10 * time.Millisecond}
	if err := c.Write(t.Context(), new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "did not respond within 10ms") {
		t.Errorf("a silent server: got the error %v", err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 999 * time.Millisecond: "0 s", 14 * time.Second: "14 s", 90 * time.Second: "1 min 30 s",
		2*time.Hour + 14*time.Minute + 30*time.Second: "2 h 14 min", 24 * time.Hour: "1 d", 51 * time.Hour: "2 d 3 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
