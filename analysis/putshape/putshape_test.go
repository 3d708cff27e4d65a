package putshape_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/putshape"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), putshape.Analyzer, "boxed", "origin", "oversize", "unbounded", "kinds", "cut", "given")
}

func TestBound(t *testing.T) {
	if err := putshape.Analyzer.Flags.Set("bound", "true"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = putshape.Analyzer.Flags.Set("bound", "false") }()
	analysistest.Run(t, analysistest.TestData(), putshape.Analyzer, "bound", "filled")
}
