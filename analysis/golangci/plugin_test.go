package golangci

import (
	"testing"

	"github.com/golangci/plugin-module-register/register"
)

func TestPlugin(t *testing.T) {
	make, err := register.GetPlugin("poolvet")
	if err != nil {
		t.Fatal(err)
	}
	p, err := make(map[string]any{"pools": "example.org/arena.Arena.Alloc=Return", "doubtful": true})
	if err != nil {
		t.Fatal(err)
	}
	passes, err := p.BuildAnalyzers()
	if err != nil {
		t.Fatal(err)
	}
	if got := passes[0].Flags.Lookup("pools").Value.String(); got != "example.org/arena.Arena.Alloc=Return" {
		t.Errorf("flag pools: got %q, want the one of the settings", got)
	}
	if got := passes[0].Flags.Lookup("doubtful").Value.String(); got != "true" {
		t.Errorf("flag doubtful: got %q, want the one of the settings", got)
	}
	if got := p.GetLoadMode(); got != register.LoadModeTypesInfo {
		t.Errorf("load mode: got %q, want %q", got, register.LoadModeTypesInfo)
	}
	if _, err := make(map[string]any{"pool": "x"}); err == nil {
		t.Error("a setting that does not exist: got no error")
	}
}
