package admin

import (
	"net/http/httptest"
	"os"
	"testing"
)

// TestCommandLineShowsNoSecrets: the profiles' command line is that of the process, without secrets.
func TestCommandLineShowsNoSecrets(t *testing.T) {
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{"steadyframe", "serve", "--stream", "door=http://me:hunter2@cam/?token=hunter3", "--set", "auth.token=hunter4"}
	w := httptest.NewRecorder()
	serveCommandLine(w, httptest.NewRequest("GET", "/debug/pprof/cmdline", nil))
	const want = "steadyframe\x00serve\x00--stream\x00door=http://me:xxxxx@cam/?token=xxxxx\x00--set\x00auth.token=xxxxx"
	if got := w.Body.String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
