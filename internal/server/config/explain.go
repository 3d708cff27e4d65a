package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// WriteExplained writes what WriteYAML does, with comments: what each setting is, which values are valid, its default if that is
// not its value, and its variable of the environment.
func (c Config) WriteExplained(w io.Writer) error {
	var doc yaml.Node
	c = c.shown()
	if err := doc.Encode(c); err != nil {
		return err
	}
	usual := map[string]string{}
	for _, s := range Default().Settings() {
		usual[s.Key] = s.Value
	}
	comments := map[string]string{}
	for _, s := range c.Settings() {
		lines := []string{s.Doc}
		if s.Want != "" {
			lines[0] += " (" + s.Want + ")"
		}
		if d, ok := usual[s.Key]; ok && d != s.Value {
			lines = append(lines, "default: "+shown(d))
		}
		comments[s.Key] = strings.Join(append(lines, s.Env), "\n")
	}
	comment(&doc, "", comments)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

// comment puts comments on the keys of a mapping.
func comment(n *yaml.Node, prefix string, comments map[string]string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		key.HeadComment = comments[prefix+key.Value]
		if value.Kind == yaml.MappingNode {
			comment(value, prefix+key.Value+".", comments)
		}
	}
}

// shown is a value in a text.
func shown(value string) string {
	if value == "" {
		return "empty"
	}
	return value
}

// Flag returns the flag of cmd/steadyframe that a setting has of its own, such as --http of http.listen; empty if it has none,
// and is given as --set KEY=VALUE.
func Flag(key string) string { return flags[key] }

// flags are the settings that have flags of their own in cmd/steadyframe.
var flags = map[string]string{
	"http.listen": "--http", "grpc.listen": "--grpc", "rtsp.listen": "--rtsp", "admin.listen": "--admin", "limits.memory_budget": "--memory-budget",
	"log.level": "--log-level", "auth.insecure": "--insecure", "streams.NAME.source": "--stream NAME=SOURCE",
}

// WritePage writes docs/settings.md: all settings, with their defaults.
func WritePage(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Settings

All settings of ` + "`steadyframe serve`, `demo`, `check-config`, `doctor` and `health`" + `. This page is made from the descriptions in the
code; ` + "`steadyframe check-config --explain`" + ` prints the same for the settings that a server would run with, as a file.

A setting is given, each over the ones before:

1. in a YAML file, with ` + "`--config FILE`" + `: the parts of its name are nested keys;
2. in the environment, under the variable below;
3. with its own flag, or ` + "`--set NAME=VALUE`" + `. Secrets do not belong on a command line, which other users can see.

Sizes are bytes, or have a unit: ` + "`64MiB`, `20MB`, `1GiB`" + `. Times have a unit: ` + "`50ms`, `8s`, `5m`" + `. An unknown setting or a wrong
value is an error that says what was expected, and the server does not start.
`)
	c := Default()
	all := newTarget(&c).fields
	stream := appendFields(nil, streamsPrefix+"NAME.", reflect.ValueOf(&Stream{}).Elem())
	group := "\n"
	scene := field{key: scenesPrefix + "NAME", doc: sceneDoc, value: reflect.ValueOf(new(string)).Elem()}
	for _, f := range append(append(all, stream...), scene) {
		prefix, _, dotted := strings.Cut(f.key, ".")
		if !dotted {
			prefix = ""
		}
		if prefix != group {
			group = prefix
			title := map[string]string{"": "The rest", "http": "HTTP", "grpc": "gRPC", "ring": "The ring: shared memory", "rtsp": "RTSP", "admin": "Admin: metrics, health, profiles", "tls": "TLS", "auth": "Who may use the server",
				"limits": "Limits", "timeouts": "Timeouts", "live": "Live streams", "streams": "One live stream: streams.NAME", "scenes": "Scenes", "cluster": "Many machines", "log": "The log"}[prefix]
			if title == "" {
				title = prefix
			}
			fmt.Fprintf(&b, "\n## %s\n\n| setting | default | valid | what it is |\n|---|---|---|---|\n", title)
		}
		names := "`" + f.key + "`"
		if flag := flags[f.key]; flag != "" {
			names += "<br>`" + flag + "`"
		}
		names += "<br>`" + envName(f.key) + "`"
		if f.was != "" {
			names += "<br>formerly `" + f.was + "`"
		}
		value := ""
		if text := f.text(); text != "" {
			value = "`" + text + "`"
		}
		escape := strings.NewReplacer("|", `\|`).Replace
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", names, value, escape(f.want), escape(f.doc))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
