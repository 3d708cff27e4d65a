package putshape_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/putshape"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), putshape.Analyzer, "boxed", "origin", "oversize", "bound", "filled")
}
