package missingput_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/steadyframe/steadyframe/analysis/internal/poolmodel"
	"github.com/steadyframe/steadyframe/analysis/missingput"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "direct", "example.org/lentout", "wrapped", "ours", "others", "example.org/lent", "example.org/asked", "example.org/held", "example.org/likewise", "example.org/waits", "example.org/inner", "example.org/frames", "example.org/framesuser")
}

// TestFacts: what is known of a wrapper reaches the packages that use it.
func TestFacts(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "user")
}

func TestSuggestedFixes(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), missingput.Analyzer, "fixes")
}

func TestPanics(t *testing.T) {
	set(t, &missingput.Analyzer.Flags, "panics", "true")
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "panics")
}

// TestGenerated: what a generated file loses is reported where the flag asks for it alone.
// TestHanded: values that somebody else has, or that no pool loses.
func TestHanded(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "handed")
}

func TestGenerated(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "generated")
	set(t, &poolmodel.Analyzer.Flags, "generated", "true")
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "generatedtoo")
}

func TestOtherPools(t *testing.T) {
	set(t, &poolmodel.Analyzer.Flags, "pools", "flagged.Arena.Alloc=Return,flagged.Arena.Lease=flagged.Lease.End")
	analysistest.Run(t, analysistest.TestData(), missingput.Analyzer, "flagged")
}

// flags is what set needs of a flag.FlagSet.
type flags interface {
	Set(name, value string) error
}

// set sets a flag until the test ends.
func set(t *testing.T, f flags, name, value string) {
	t.Helper()
	if err := f.Set(name, value); err != nil {
		t.Fatal(err)
	}
	zero := map[string]string{"panics": "false", "pools": "", "generated": "false"}[name]
	t.Cleanup(func() {
		if err := f.Set(name, zero); err != nil {
			t.Error(err)
		}
	})
}
