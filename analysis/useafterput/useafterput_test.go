package useafterput_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/useafterput"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), useafterput.Analyzer, "uses", "later", "returned", "generated", "twice", "vendored", "taken")
}

// TestKnownBug: the shape of vllm-project/aibrix#2440.
func TestKnownBug(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), useafterput.Analyzer, "aibrix")
}
