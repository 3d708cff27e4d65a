package measure

import (
	"runtime"
	"testing"
)

func TestHere(t *testing.T) {
	m := Here("v1")
	if m.CPU == "" || m.Processors < 1 || m.GOMAXPROCS != runtime.GOMAXPROCS(0) || m.Kernels == "" || m.Go != runtime.Version() || m.Version != "v1" || m.Command == "" {
		t.Errorf("got %+v, want no field empty", m)
	}
}

func TestCommandLine(t *testing.T) {
	got := commandLine([]string{"/usr/bin/steadyframe", "bench", "a b", "it's", "", "--token", "secret", "--token=secret"})
	if want := `steadyframe bench 'a b' 'it'\''s' '' --token ... --token=...`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
