package poolmodel_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
)

func TestIgnores(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), poolmodel.Analyzer, "ignores")
}

// TestPoolsFlag: what the flag -pools does not understand is an error, not an empty table.
func TestPoolsFlag(t *testing.T) {
	tests := []struct{ name, flag, want string }{
		{"no put", "example.org/p.Pool.Get", "want path.Type.Get=Put"},
		{"no dot", "Get=Put", "want path.Type.Get=Put"},
		{"empty put", "example.org/p.Pool.Get=", "want path.Type.Get=Put"},
		{"second of two", "example.org/p.Pool.Get=Put,x", `got "x"`},
	}
	flags := &poolmodel.Analyzer.Flags
	t.Cleanup(func() {
		if err := flags.Set("pools", ""); err != nil {
			t.Error(err)
		}
	})
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			if err := flags.Set("pools", tt.flag); err != nil {
				t.Fatal(err)
			}
			_, err := poolmodel.Analyzer.Run(&analysis.Pass{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("-pools %q: got %v, want an error with %q", tt.flag, err, tt.want)
			}
		})
	}
}
