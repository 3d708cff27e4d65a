package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// TestEnvoy: Envoy's own messages take deploy/envoy/envoy.yaml: no field is unknown, none breaks a rule of its message, those inside
// of Any too, and routes name clusters that are there.
func TestEnvoy(t *testing.T) {
	text, err := os.ReadFile("../../deploy/envoy/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEnvoy(text); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"least_request.v3.LeastRequest", "least_request.v3.MostRequest", "unable to resolve"},
		{"choice_count: 3", "choice_count: 1", "ChoiceCount"},
		{"stat_prefix: grpc", `stat_prefix: ""`, "StatPrefix"},
		{"max_ejection_percent: 50", "max_ejection_percent: 101", "MaxEjectionPercent"},
		{"port_value: 9090", "port_value: 90900", "PortValue"},
		{"connect_timeout: 2s", "connect_timeout: 2", "unexpected token"},
		{"num_retries: 1", "retries: 1", "unknown field"},
		{"cluster: frames_views", "cluster: frames_view", "frames_view"},
		{"idle_timeout: 0s", "idle_timeout: 0s\n                idle: 1s", "unknown field"},
	} {
		if !strings.Contains(string(text), c.old) {
			t.Errorf("envoy.yaml has no %q", c.old)
		}
		if err := checkEnvoy([]byte(strings.ReplaceAll(string(text), c.old, c.new))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %q in place of %q: got %v, want an error with %q", c.new, c.old, err, c.want)
		}
	}
}

// checkEnvoy checks a bootstrap file.
func checkEnvoy(text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b bootstrap.Bootstrap
	if err := protojson.Unmarshal(data, &b); err != nil { // it refuses what it does not know
		return err
	}
	clusters := map[string]bool{}
	for _, c := range b.GetStaticResources().GetClusters() {
		clusters[c.GetName()] = true
	}
	return walk(b.ProtoReflect(), func(m proto.Message) error {
		if v, ok := m.(interface{ ValidateAll() error }); ok {
			if err := v.ValidateAll(); err != nil {
				return fmt.Errorf("%s: %w", m.ProtoReflect().Descriptor().Name(), err)
			}
		}
		if r, ok := m.(interface{ GetCluster() string }); ok && r.GetCluster() != "" && !clusters[r.GetCluster()] {
			return fmt.Errorf("a route names the cluster %s, which is not there", r.GetCluster())
		}
		return nil
	})
}

// walk calls visit for m and all messages in it, those in Any too.
func walk(m protoreflect.Message, visit func(proto.Message) error) (err error) {
	if packed, ok := m.Interface().(*anypb.Any); ok {
		inside, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		return walk(inside.ProtoReflect(), visit)
	}
	if err := visit(m.Interface()); err != nil {
		return err
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					err = walk(v.Message(), visit)
					return err == nil
				})
			}
		case f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = walk(v.List().Get(i).Message(), visit)
			}
		default:
			err = walk(v.Message(), visit)
		}
		return err == nil
	})
	return err
}
