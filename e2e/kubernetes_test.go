package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/steadyframe/steadyframe/internal/server"
	"github.com/steadyframe/steadyframe/internal/server/config"
	"github.com/steadyframe/steadyframe/internal/testkit/daemon"
)

const kubernetes = "../deploy/kubernetes/"

// statefulSet is what the test wants to know of deploy/kubernetes/base/statefulset.yaml.
type statefulSet struct {
	Spec struct {
		ServiceName string `yaml:"serviceName"`
		Template    struct {
			Spec struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext               struct {
					RunAsUser  int `yaml:"runAsUser"`
					RunAsGroup int `yaml:"runAsGroup"`
				} `yaml:"securityContext"`
				Containers []container
			}
		}
	}
}

type container struct {
	Args []string
	Env  []struct {
		Name, Value string
		ValueFrom   struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
			SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	}
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	Lifecycle      struct {
		PreStop struct {
			Sleep struct{ Seconds int }
		} `yaml:"preStop"`
	}
	Resources struct{ Requests, Limits map[string]string }
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// environment returns the variables of a pod of that name, secrets among them.
func (c container) environment(t *testing.T, pod string) []string {
	t.Helper()
	var all []string
	for _, e := range c.Env {
		value := strings.ReplaceAll(e.Value, "$(POD_NAME)", pod)
		switch {
		case e.ValueFrom.FieldRef.FieldPath == "metadata.name":
			value = pod
		case e.ValueFrom.SecretKeyRef.Key != "":
			value = "secret-" + e.ValueFrom.SecretKeyRef.Key
		}
		if value == "" || strings.Contains(value, "$(") {
			t.Errorf("%s: got %q, want a value", e.Name, value)
		}
		all = append(all, e.Name+"="+value)
	}
	return all
}

// The overlay that the page has its reader copy finds base and components where the copy is.
func TestKubernetesOverlay(t *testing.T) {
	page := string(read(t, kubernetes+"README.md"))
	step := regexp.MustCompile(`cd deploy/kubernetes\ncp -r (\S+) (\S+)`).FindStringSubmatch(page)
	if step == nil {
		t.Fatal("the page does not say what to copy")
	}
	var overlay struct{ Resources, Components []string }
	if err := yaml.Unmarshal(read(t, kubernetes+step[1]+"/kustomization.yaml"), &overlay); err != nil {
		t.Fatal(err)
	}
	parts := append(overlay.Resources, overlay.Components...)
	if len(parts) < 2 {
		t.Errorf("got %q, want base and components", parts)
	}
	for _, part := range parts {
		if at := filepath.Join(kubernetes, step[2], part); !exists(at) {
			t.Errorf("%s: the copy at %s asks for %s, which is not there", part, step[2], at)
		}
	}
}

// exists reports whether there is something at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The settings, the pod and the Services of deploy/kubernetes agree: a server runs with these settings, ports have their numbers
// everywhere, probes get what they want, memory fits, and a pod has the time to drain. scripts/check-deploy checks the files themselves.
func TestKubernetesAgrees(t *testing.T) {
	t.Parallel()
	var set statefulSet
	if err := yaml.Unmarshal(read(t, kubernetes+"base/statefulset.yaml"), &set); err != nil {
		t.Fatal(err)
	}
	pod := set.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("got %d containers, want 1", len(pod.Containers))
	}
	c := pod.Containers[0]
	settings := kubernetes + "base/steadyframe.yaml"
	if want := []string{"serve", "--config", "/etc/steadyframe/steadyframe.yaml"}; !slices.Equal(c.Args, want) {
		t.Errorf("got the arguments %q, want %q", c.Args, want)
	}
	const name = "steadyframe-1"
	environment := c.environment(t, name)
	cfg, err := config.Load(config.LoadOptions{File: settings, Environ: environment})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("ports", func(t *testing.T) {
		listens := map[string]string{"http": cfg.HTTP.Listen, "grpc": cfg.GRPC.Listen, "admin": cfg.Admin.Listen, "routes": cfg.Cluster.Listen}
		for _, p := range c.Ports {
			if want := fmt.Sprintf("0.0.0.0:%d", p.ContainerPort); listens[p.Name] != want {
				t.Errorf("port %s: the server listens on %q, want %q", p.Name, listens[p.Name], want)
			}
			delete(listens, p.Name)
		}
		if len(listens) > 0 {
			t.Errorf("these listeners have no port of the pod: %v", listens)
		}
		services := servicePorts(t)
		for _, address := range slices.Concat([]string{cfg.Cluster.Advertise}, cfg.Cluster.Routes) {
			host, port, err := net.SplitHostPort(strings.TrimPrefix(address, name+"."))
			if err != nil || host != set.Spec.ServiceName || !slices.Contains(services[host], port) {
				t.Errorf("got the address %s, want one of the Service %s with a port of its %v", address, set.Spec.ServiceName, services[set.Spec.ServiceName])
			}
		}
		if cfg.Cluster.NodeName() != name {
			t.Errorf("got the node %q, want %q", cfg.Cluster.NodeName(), name)
		}
	})

	t.Run("user", func(t *testing.T) {
		want := fmt.Sprintf("\nUSER %d:%d\n", pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup)
		if file := string(read(t, "../deploy/container/Containerfile")); !strings.Contains(file, want) {
			t.Errorf("the image has no line %q", want)
		}
	})

	t.Run("memory", func(t *testing.T) {
		limit := quantity(t, c.Resources.Limits["memory"])
		if needs := server.HeapLimit(int64(cfg.Limits.MemoryBudget)) + 256<<20; limit < needs { // the rest is for sockets
			t.Errorf("got the limit %d, want at least %d for limits.memory_budget %s", limit, needs, cfg.Limits.MemoryBudget)
		}
		if request := quantity(t, c.Resources.Requests["memory"]); request != limit {
			t.Errorf("got the request %d, want the limit, %d", request, limit)
		}
	})

	t.Run("time", func(t *testing.T) {
		needs := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second + time.Duration(cfg.DrainTimeout) + 5*time.Second
		if grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second; grace < needs || c.Lifecycle.PreStop.Sleep.Seconds < 1 {
			t.Errorf("got %v to end, want at least %v: the sleep before the drain, drain_timeout, and a reserve", grace, needs)
		}
	})

	t.Run("probes", func(t *testing.T) {
		s := &served{daemon.Serve(t, program, environment, "--config", absolute(t, settings), "--set", "cluster.listen=127.0.0.1:0", "--set", "cluster.routes=127.0.0.1:1")}
		ask := func(path string) int {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Admin+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "10.0.0.7:9090" // as a kubelet asks: by the address of the pod
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode
		}
		for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if status := ask(p.HTTPGet.Path); status != http.StatusOK || p.HTTPGet.Port != "admin" {
				t.Errorf("%s of port %s: got %d, want 200 of port admin", p.HTTPGet.Path, p.HTTPGet.Port, status)
			}
		}
	})
}

// The query by which KEDA scales asks for what a server exports.
func TestKubernetesScales(t *testing.T) {
	t.Parallel()
	var scaled struct {
		Spec struct {
			Triggers []struct {
				Metadata map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(read(t, kubernetes+"components/keda/scaledobject.yaml"), &scaled); err != nil {
		t.Fatal(err)
	}
	query := ""
	for _, trigger := range scaled.Spec.Triggers {
		if trigger.Metadata["query"] != "" {
			query = trigger.Metadata["query"]
		}
	}
	names := regexp.MustCompile(`steadyframe_[a-z_]+`).FindAllString(query, -1)
	if len(names) == 0 {
		t.Fatalf("got the query %q, want one of our metrics", query)
	}
	s := serve(t)
	exported := get(t, http.DefaultClient, "http://"+s.Admin+"/metrics", http.StatusOK)
	for _, name := range names {
		if base := strings.TrimSuffix(name, "_sum"); !strings.Contains(exported, "# TYPE "+base+" histogram") {
			t.Errorf("the query asks for %s, and no histogram of that name is exported", name)
		}
	}
}

// servicePorts returns the ports of each Service.
func servicePorts(t *testing.T) map[string][]string {
	t.Helper()
	ports := map[string][]string{}
	for text := range strings.SplitSeq(string(read(t, kubernetes+"base/services.yaml")), "\n---\n") {
		var service struct {
			Metadata struct{ Name string }
			Spec     struct {
				Ports []struct{ Port int }
			}
		}
		if err := yaml.Unmarshal([]byte(text), &service); err != nil {
			t.Fatal(err)
		}
		for _, p := range service.Spec.Ports {
			ports[service.Metadata.Name] = append(ports[service.Metadata.Name], strconv.Itoa(p.Port))
		}
	}
	return ports
}

// quantity returns the bytes of an amount of memory as Kubernetes writes it.
func quantity(t *testing.T, text string) int64 {
	t.Helper()
	for unit, factor := range map[string]int64{"Mi": 1 << 20, "Gi": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			return n * factor
		}
	}
	t.Fatalf("got %q, want Mi or Gi", text)
	return 0
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}
