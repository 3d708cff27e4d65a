package config

import (
	"strings"
	"testing"
)

// TestCluster: settings of a cluster that no node could run with are errors that say what to set.
func TestCluster(t *testing.T) {
	for name, tt := range map[string]struct{ yaml, want string }{
		"none":               {"cluster: {max_edges: 4}", ""},
		"least":              {"cluster: {name: production}", ""},
		"all":                {`{cluster: {name: a.b, node: n-1, listen: "0.0.0.0:6222", routes: "h:6222, [fd00::1]:6222", advertise: "h:50051", token: t0ken, max_edges: 3}, grpc: {listen: ":50051"}, auth: {token: x}}`, ""},
		"outside":            {`cluster: {name: a, nats: "nats://h:4222,tls://u:p@h:4223", token: t}`, ""},
		"outside-with-token": {`cluster: {name: a, nats: "nats://:t0ken@h:4222"}`, ""},
		"origins-alone":      {`cluster: {origins: "h:1, 10.0.0.1:2"}`, ""},
		"client-only":        {`cluster: {name: a, listen: off, routes: "h:1"}`, ""},
		"name":               {"cluster: {name: A b}", "cluster.name"},
		"name-dots":          {"cluster: {name: a..b}", "cluster.name"},
		"node":               {"cluster: {name: a, node: n*}", "cluster.node"},
		"no-name":            {`cluster: {routes: "h:1"}`, "cluster.name: got none with cluster.routes"},
		"no-name-nats":       {`cluster: {nats: "nats://h:1"}`, "cluster.name: got none with cluster.nats"},
		"nats":               {"cluster: {name: a, nats: on}", "cluster.nats"},
		"nats-scheme":        {`cluster: {name: a, nats: "http://h:1"}`, "cluster.nats"},
		"nats-port":          {`cluster: {name: a, nats: "nats://h"}`, "cluster.nats"},
		"nats-user":          {`cluster: {name: a, nats: "nats://t0ken@h:1"}`, "cluster.nats"},
		"nats-shown":         {`cluster: {name: a, nats: "nats://u:xxxxx@h:1"}`, "only stands for a secret"},
		"nats-and-routes":    {`cluster: {name: a, nats: "nats://h:1", routes: "h:2"}`, "cluster.routes"},
		"routes":             {`cluster: {name: a, routes: "h"}`, "cluster.routes"},
		"routes-port":        {`cluster: {name: a, routes: "h:0"}`, "cluster.routes"},
		"listen":             {"cluster: {name: a, listen: here}", "cluster.listen"},
		"listen-unix":        {`cluster: {name: a, listen: "unix:/x"}`, "cluster.listen"},
		"alone":              {"cluster: {name: a, listen: off}", "cluster.routes"},
		"advertise":          {"cluster: {name: a, advertise: here}", "cluster.advertise"},
		"all-addresses":      {`{cluster: {name: a}, grpc: {listen: "0.0.0.0:1"}, auth: {token: x}}`, "cluster.advertise: got none"},
		"grpc-off":           {"{cluster: {name: a}, grpc: {listen: off}}", "grpc.listen"},
		"grpc-unix":          {`{cluster: {name: a}, grpc: {listen: "unix:/x"}}`, "grpc.listen"},
		"token-shown":        {"cluster: {name: a, token: (set)}", "only stands for a token"},
		"token":              {"cluster: {name: a, token: a b}", "cluster.token"},
		"token-of-all":       {"{cluster: {name: a, token: x}, auth: {token: x}}", "cluster.token: got auth.token"},
		"edges":              {"cluster: {max_edges: 0}", "cluster.max_edges"},
		"exposed":            {`{cluster: {name: a, listen: "0.0.0.0:6222"}, auth: {token: x}}`, "cluster.listen: got 0.0.0.0:6222"},
		"exposed-insecure":   {`{cluster: {name: a, listen: "0.0.0.0:6222"}, auth: {insecure: true}}`, ""},
		"exposed-with-token": {`cluster: {name: a, listen: "0.0.0.0:6222", token: t}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(tt.yaml))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "t0ken") {
				t.Errorf("got %v, which shows a secret", err)
			}
		})
	}
}

// TestClusterSecrets: neither the token nor the password of NATS is shown where settings are.
func TestClusterSecrets(t *testing.T) {
	c, err := Parse("f.yaml", []byte(`cluster: {name: a, nats: "nats://u:hunter2@h:1,tls://:hunter3@h:2", token: hunter4}`))
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	if err := c.WriteYAML(&shown); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteExplained(&shown); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		shown.WriteString(s.Value)
	}
	if text := shown.String(); strings.Contains(text, "hunter") || !strings.Contains(text, "u:xxxxx@h:1") || !strings.Contains(text, tokenSet) {
		t.Errorf("got %s", text)
	}
	if c.Cluster.Token != "hunter4" {
		t.Error("showing settings has changed them")
	}
}

// TestNodeName: without a setting the machine's name is the node's, where it can be.
func TestNodeName(t *testing.T) {
	if got := (Cluster{Node: "n1"}).NodeName(); got != "n1" {
		t.Errorf("got %q, want n1", got)
	}
	if got := (Cluster{}).NodeName(); CheckNodeName(got) != nil {
		t.Errorf("got %q, which can be no name", got)
	}
}
