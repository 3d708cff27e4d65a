package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promUse is what an expression of PromQL asks of the metrics: the series it selects, and the labels it groups or matches by.
type promUse struct {
	selectors []promSelector
	labels    []string
}

// promSelector is one metric of an expression, with its matchers.
type promSelector struct {
	metric   string
	matchers []promMatcher
}

type promMatcher struct{ label, op, value string }

// Words of PromQL that are neither metrics nor labels. What an expression has besides is an error: the list grows with what
// the rules and the dashboard use, and a misspelt function is not taken for a metric.
var (
	promFunctions = []string{"absent", "count", "histogram_quantile", "increase", "max", "rate", "resets", "sum", "time"}
	promGroupings = []string{"by", "group_left", "ignoring", "on", "without"}
	promOperators = []string{"and", "or", "unless"}
)

var (
	promToken = regexp.MustCompile(`^(?:\s+|[A-Za-z_:][\w:]*|\d[\w.]*|"[^"\\]*"|=~|!~|!=|==|>=|<=|[-+*/<>=(){},]|\[(?:\d+[smhd]|\$__rate_interval)\])`)
	promName  = regexp.MustCompile(`^[A-Za-z_:]`)
)

// promTokens splits an expression; ranges and strings are one token each.
func promTokens(expr string) (tokens []string, err error) {
	for rest := expr; rest != ""; {
		token := promToken.FindString(rest)
		if token == "" {
			return nil, fmt.Errorf("cannot read %q", rest)
		}
		rest = rest[len(token):]
		if token = strings.TrimSpace(token); token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens, nil
}

// readProm returns what expr uses. It knows the parts of PromQL that it has seen and refuses all others; whether the whole is
// PromQL, promtool says. (The parser of Prometheus is Go, but brings some two hundred modules.)
func readProm(expr string) (use promUse, err error) {
	tokens, err := promTokens(expr)
	if err != nil {
		return use, err
	}
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		token := tokens[i]
		switch {
		case !promName.MatchString(token), slices.Contains(promOperators, token):
		case slices.Contains(promGroupings, token):
			if at(i+1) != "(" {
				return use, fmt.Errorf("%s without a list", token)
			}
			for i += 2; at(i) != ")"; i++ {
				if at(i) == "" {
					return use, fmt.Errorf("%s without an end", token)
				}
				if at(i) != "," {
					use.labels = append(use.labels, at(i))
				}
			}
		case at(i+1) == "(" || slices.Contains(promGroupings, at(i+1)):
			if !slices.Contains(promFunctions, token) {
				return use, fmt.Errorf("no function %s is known", token)
			}
		default:
			s := promSelector{metric: token}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}"; i++ {
					if at(i) == "," {
						continue
					}
					value := at(i + 2)
					if !promName.MatchString(at(i)) || !strings.HasPrefix(value, `"`) {
						return use, fmt.Errorf("cannot read the matchers of %s", token)
					}
					s.matchers = append(s.matchers, promMatcher{at(i), at(i + 1), strings.Trim(value, `"`)})
					i += 2
				}
			}
			if next := at(i + 1); promName.MatchString(next) && !slices.Contains(promOperators, next) {
				return use, fmt.Errorf("cannot read %s after %s", next, token)
			}
			use.selectors = append(use.selectors, s)
		}
	}
	if len(use.selectors) == 0 {
		return use, fmt.Errorf("no metric in %q", expr)
	}
	return use, nil
}

func TestReadProm(t *testing.T) {
	tests := []struct {
		expr string
		want string // as Sprint shows it; "" for an error
	}{
		{`up{job="a"} == 0`, `{[{up [{job = a}]}] []}`},
		{`rate(x_total{a!~"b|c", d=~"$e"}[$__rate_interval]) > 1.5e6`, `{[{x_total [{a !~ b|c} {d =~ $e}]}] []}`},
		{`sum without (class) (rate(a[5m])) / ignoring (b, c) group_left () d:e:f or g unless h`, `{[{a []} {d:e:f []} {g []} {h []}] [class b c]}`},
		{`histogram_quantile(0.99, sum by (le) (rate(a_bucket[1h])))`, `{[{a_bucket []}] [le]}`},
		{`(time() - a) * -2`, `{[{a []}] []}`},
		{`raet(a[5m])`, ""},
		{`a offset 5m`, ""},
		{`a{b=c}`, ""},
		{`a{b="c"`, ""},
		{`sum by (a`, ""},
		{`a[5x]`, ""},
		{`a @ 3`, ""},
		{`1 > 2`, ""},
		{``, ""},
	}
	for _, tt := range tests {
		use, err := readProm(tt.expr)
		if got := fmt.Sprint(use); (err == nil) != (tt.want != "") || err == nil && got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.expr, got, err, tt.want)
		}
	}
}
