package getreset_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/getreset"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), getreset.Analyzer, "dirty", "clean", "own", "resets")
}
