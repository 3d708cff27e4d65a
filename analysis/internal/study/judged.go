package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A judgement is one line of testdata/judged.txt: a report, and what we found when we read the code.
type judgement struct {
	sample, module, place, pass, verdict, cause, because string
}

const verdicts = "true, false or unsure"

// judgements reads those of the samples.
func (s *study) judgements() ([]judgement, error) {
	text, err := os.ReadFile("internal/study/testdata/judged.txt")
	if err != nil {
		return nil, err
	}
	var all []judgement
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 || !slices.Contains([]string{"true", "false", "unsure"}, f[4]) {
			return nil, fmt.Errorf("judged.txt: got %q, want sample, module, place, pass, %s, cause and reason, with tabs between", line, verdicts)
		}
		if slices.Contains(s.samples, f[0]) {
			all = append(all, judgement{f[0], f[1], f[2], f[3], f[4], f[5], f[6]})
		}
	}
	return all, nil
}

// share is how many of some are true. One that is not sure counts as false.
type share struct{ right, all int }

func (h *share) add(verdict string) {
	h.all++
	if verdict == "true" {
		h.right++
	}
}

func (h share) String() string {
	if h.all == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%d of %d (%.0f %%)", h.right, h.all, 100*float64(h.right)/float64(h.all))
}

// precision are the shares of true reports: of all; of causes, where all reports of one cause in a module are one; and by module.
type precision struct {
	reports, causes share
	modules         map[string]*share
	mean            float64 // of the modules' shares
}

// precisionOf computes the shares. A cause is false in a module when one of its reports there is.
func precisionOf(all []judgement) precision {
	p := precision{modules: map[string]*share{}}
	causes := map[[2]string]string{}
	for _, j := range all {
		p.reports.add(j.verdict)
		if p.modules[j.module] == nil {
			p.modules[j.module] = new(share)
		}
		p.modules[j.module].add(j.verdict)
		key := [2]string{j.module, j.cause}
		if old, ok := causes[key]; !ok || old == "true" {
			causes[key] = j.verdict
		}
	}
	for _, verdict := range causes {
		p.causes.add(verdict)
	}
	for _, m := range p.modules {
		p.mean += float64(m.right) / float64(m.all) / float64(len(p.modules))
	}
	return p
}

// judged writes the precision by reports, by causes and by modules.
func (s *study) judged() error {
	all, err := s.judgements()
	if err != nil {
		return err
	}
	p := precisionOf(all)
	for _, module := range slices.Sorted(maps.Keys(p.modules)) {
		fmt.Printf("%s\t%v\n", module, p.modules[module])
	}
	fmt.Printf("reports true: %v; causes, each once in a module: %v; mean of %d modules: %.0f %%\n", p.reports, p.causes, len(p.modules), 100*p.mean)
	return nil
}
