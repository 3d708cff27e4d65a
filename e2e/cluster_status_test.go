package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

// TestClusterStatus: the command says what a node knows, as tables and as JSON, and what is wrong where there is no cluster, no server,
// or no right to know.
func TestClusterStatus(t *testing.T) {
	t.Parallel()
	directory := daemon.FreeAddress(t)
	serve(t, "--stream", "far=testsrc:160x90@5", "--set", "cluster.name=studio", "--set", "cluster.node=origin", "--set", "cluster.listen="+directory)
	edge := serve(t, "--set", "cluster.name=studio", "--set", "cluster.node=edge", "--set", "cluster.listen=127.0.0.1:0", "--set", "cluster.routes="+directory)
	daemon.WaitFor(t, "the stream of the other node", func() bool {
		var far struct{ Node, State string }
		return edge.GetJSON(t, "/v1/streams/far", &far) && far.State == "online"
	})
	status := func(args ...string) (stdout, stderr string, code int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{"cluster", "status"}, args...)...)
		var out, complaint strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &complaint
		_ = cmd.Run() // The exit code says it.
		return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
	}
	var out string
	daemon.WaitFor(t, "both nodes, and the stream", func() bool { // A node that a busy machine holds up is away for a moment.
		var complaint string
		var code int
		if out, complaint, code = status("--server", "http://"+edge.HTTP); code != 0 || complaint != "" {
			t.Fatalf("got exit code %d, %s", code, complaint)
		}
		return strings.Contains(out, "\n2 nodes") && strings.Contains(out, "\n1 stream, 1 online\n")
	})
	for _, want := range []string{
		"cluster studio, as the node edge knows them\n", "directory: embedded NATS, connected for ", "\nedge    online  " + edge.GRPC, "\norigin  online  ",
		"\n2 nodes, 0 viewers\n", "\nfar     origin  online ", "not pulled", "\n1 stream, 1 online\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant it to have %q", out, want)
		}
	}
	if strings.Contains(out, "note:") {
		t.Errorf("got\n%s\nwant no notes", out)
	}
	out, _, code := status("--server", "http://"+edge.HTTP, "--json")
	var report struct {
		Cluster, Node string
		Nodes         []struct{ Name, State string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Cluster != "studio" || report.Node != "edge" || len(report.Nodes) == 0 {
		t.Errorf("got exit code %d, %v, %s", code, err, out)
	}

	alone := serve(t)
	locked := daemon.Serve(t, program, []string{"STEADYFRAME_AUTH_TOKEN=secret"})
	for _, tt := range []struct {
		server, want string
		code         int
	}{
		{"http://" + alone.HTTP, "in no cluster: the setting cluster.name", 1},
		{"http://" + locked.HTTP, "give the server's token with --token", 1},
		{"http://" + daemon.FreeAddress(t), "no server listens at", 1},
		{"https://" + edge.HTTP, "does not speak HTTPS: use an http:// URL", 1},
		{"edge", "want one such as http://127.0.0.1:8080", 2},
	} {
		if out, complaint, code := status("--server", tt.server); code != tt.code || !strings.Contains(complaint, tt.want) || out != "" {
			t.Errorf("%s: got exit code %d, %q, %q, want %d, %q", tt.server, code, complaint, out, tt.code, tt.want)
		}
	}
}
