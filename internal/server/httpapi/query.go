package httpapi

import (
	"cmp"
	"encoding"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyframe/steadyframe/frame"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/server/fault"
	"github.com/steadyframe/steadyframe/pipeline"
)

// parameters are those of a Spec, by name, with what each sets in it.
var parameters = map[string]func(s *pipeline.Spec, value string) error{
	"format":      text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Input.Format }),
	"range":       text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Input.Range }),
	"color":       text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Input.Color }),
	"crop":        setCrop,
	"mode":        text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Resize.Mode }),
	"filter":      text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Resize.Filter }),
	"background":  text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Resize.Background }),
	"output":      text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Output.Format }),
	"subsampling": text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Output.Subsampling }),
	"restart":     text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Output.Restart }),
	"scene":       func(s *pipeline.Spec, value string) error { s.Scene = value; return config.CheckSceneName(value) },
	"reuse":       text(func(s *pipeline.Spec) encoding.TextUnmarshaler { return &s.Output.Reuse }),
	"noise":       setNoise,
	"size":        setSize,
	"resize":      setResize,
	"quality":     setQuality,
}

// text returns the setter of a field that knows its own text.
func text(field func(*pipeline.Spec) encoding.TextUnmarshaler) func(*pipeline.Spec, string) error {
	return func(s *pipeline.Spec, value string) error { return field(s).UnmarshalText([]byte(value)) }
}

// setCrop accepts WIDTHxHEIGHT+X+Y, also where the + was not escaped: in a query that is a space.
func setCrop(s *pipeline.Spec, value string) error {
	return s.Crop.UnmarshalText([]byte(strings.ReplaceAll(value, " ", "+")))
}

func setSize(s *pipeline.Spec, value string) (err error) {
	s.Input.Width, s.Input.Height, err = frame.ParseSize(value)
	return err
}

func setResize(s *pipeline.Spec, value string) (err error) {
	s.Resize.Width, s.Resize.Height, err = pipeline.ParseResize(value)
	return err
}

func setQuality(s *pipeline.Spec, value string) error {
	n, err := strconv.ParseUint(value, 10, 7)
	if err != nil || n < 1 || n > 100 {
		return fault.Errorf(fault.Invalid, "got %q, want 1..100", value)
	}
	s.Output.Quality = int(n)
	return nil
}

func setNoise(s *pipeline.Spec, value string) error {
	n, err := strconv.ParseUint(value, 10, 8)
	if err != nil {
		return fault.Errorf(fault.Invalid, "got %q, want 0..255", value)
	}
	s.Output.Noise = int(n)
	return nil
}

// ParseQuery returns the Spec of a query, and the names of the parameters in it. Input is incomplete where the body has
// to complete it. The error is a *fault.Error of kind Invalid that names the parameter.
func ParseQuery(raw string) (pipeline.Spec, []string, error) { return parseQuery(raw, nil) }

// parseQuery is ParseQuery for a path that has parameters of its own, also, which are no part of the Spec.
func parseQuery(raw string, also map[string]func(value string) error) (pipeline.Spec, []string, error) {
	var s pipeline.Spec
	check := func(name string) error {
		if parameters[name] != nil || also[name] != nil {
			return nil
		}
		known := slices.Sorted(maps.Keys(parameters))
		known = append(known, slices.Sorted(maps.Keys(also))...)
		return &fault.Error{Kind: fault.Invalid, Field: cmp.Or(name, "query"),
			Reason: "unknown parameter " + strconv.Quote(name) + ", want some of " + strings.Join(known, ", ")}
	}
	names, err := parseParameters(raw, check, func(name, value string) error {
		if set := also[name]; set != nil {
			return set(value)
		}
		return parameters[name](&s, value)
	})
	return s, names, err
}

// parseParameters calls set with each parameter of a query, in the order of their names, which it returns. check returns the
// error of a name that is not known. Any other error is a *fault.Error of kind Invalid that names the parameter.
func parseParameters(raw string, check func(name string) error, set func(name, value string) error) ([]string, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "query", Err: err}
	}
	names := slices.Sorted(maps.Keys(q))
	for _, name := range names {
		if err := check(name); err != nil {
			return nil, err
		}
		if len(q[name]) > 1 {
			return nil, fieldError(name, "got it "+strconv.Itoa(len(q[name]))+" times, want it once")
		}
		if err := set(name, q[name][0]); err != nil {
			return nil, fieldError(name, err.Error())
		}
	}
	return names, nil
}

// fieldError returns the fault of a parameter or header.
func fieldError(name, reason string) *fault.Error {
	return &fault.Error{Kind: fault.Invalid, Field: name, Reason: name + ": " + reason}
}
