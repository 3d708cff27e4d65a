package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LoadOptions says where settings come from.
type LoadOptions struct {
	File    string            // a YAML file; "" for none
	Environ []string          // as os.Environ gives it; nil for none
	Set     map[string]string // flags: dotted keys and their values
	Renamed func(Renamed)     // called for each setting under an old name; may be nil
}

// Load returns the settings: defaults, then the file's, then the environment's, then the flags', each over the ones
// before. It returns an *UnknownKeyError or a *ValueError that says where the wrong setting is, or the error of reading
// the file. The result is valid (Validate).
func Load(o LoadOptions) (Config, error) {
	c := Default()
	t := newTarget(&c)
	t.renamed = o.Renamed
	if o.File != "" {
		data, err := os.ReadFile(o.File)
		if err != nil {
			return Config{}, fmt.Errorf("config: %w", err)
		}
		if err := t.setYAML(o.File, data); err != nil {
			return Config{}, err
		}
	}
	if err := t.setEnviron(o.Environ); err != nil {
		return Config{}, err
	}
	seen := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(o.Set)) {
		if err := t.set(key, o.Set[key], "flags", seen); err != nil {
			return Config{}, err
		}
	}
	return t.finish()
}

// Parse returns the defaults with the settings of a YAML document over them; name is what errors call it.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	t := newTarget(&c)
	if err := t.setYAML(name, data); err != nil {
		return Config{}, err
	}
	return t.finish()
}

// setYAML sets the settings of a YAML document. Each key may be there once. Only mappings and single values are allowed,
// without anchors and merging.
func (t *target) setYAML(name string, data []byte) error {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments
		return nil
	case err != nil && strings.Contains(string(data), "\t"):
		return fmt.Errorf("config: %s: %w; indent by spaces: YAML takes no tabs", name, err)
	case err != nil:
		return fmt.Errorf("config: %s: %w", name, err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return fmt.Errorf("config: %s: got more than one YAML document, want one", name)
	}
	return t.setNode(name, "", doc.Content[0], map[string]bool{})
}

// setNode sets the settings below prefix that the mapping n has.
func (t *target) setNode(name, prefix string, n *yaml.Node, seen map[string]bool) error {
	from := func(n *yaml.Node) string { return fmt.Sprintf("%s line %d", name, n.Line) }
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" { // "http:" with nothing below
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return &ValueError{Key: strings.TrimSuffix(prefix, "."), From: from(n), Reason: "got a " + kindName(n) + ", want a mapping"}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := prefix + k.Value
		var err error
		switch {
		case t.isGroup(prefix, k.Value):
			if seen[key] {
				return field{key: key}.twice(from(k))
			}
			seen[key] = true
			err = t.setNode(name, key+".", v, seen)
		case v.Kind == yaml.ScalarNode:
			err = t.set(key, v.Value, from(k), seen)
		default:
			if _, err = t.find(key, from(k)); err == nil {
				err = &ValueError{Key: key, From: from(k), Reason: "got a " + kindName(v) + ", want one value"}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	case yaml.AliasNode:
		return "alias"
	default:
		return "single value"
	}
}

const envPrefix = "STEADYFRAME_"

// urlVariable says to clients where the server is. Those of one shell share it with the server that is started there.
const urlVariable = envPrefix + "URL"

// setEnviron sets the settings of environment variables. It skips the one for clients, and those that Kubernetes makes for a
// service called steadyframe.
func (t *target) setEnviron(environ []string) error {
	seen := map[string]bool{}
	for _, kv := range environ {
		name, text, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, envPrefix) || name == urlVariable || isServiceVariable(name) {
			continue
		}
		f, ok := t.findEnv(name)
		if !ok {
			err := &UnknownKeyError{Key: name, From: "environment"}
			if key := nearest(strings.ToLower(strings.TrimPrefix(name, envPrefix)), t.all()); key != "" {
				err.Nearest = envName(key)
			}
			return err
		}
		if err := f.setOnce(text, "environment, "+name, seen); err != nil {
			return err
		}
	}
	return nil
}

// isServiceVariable reports whether Kubernetes or Docker's links made the variable: STEADYFRAME_SERVICE_HOST,
// STEADYFRAME_PORT_8080_TCP_ADDR.
func isServiceVariable(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}
