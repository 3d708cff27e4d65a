package poolescape_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/poolescape"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), poolescape.Analyzer, "escape")
}
