// Package deploy checks the files of deploy/kubernetes and deploy/envoy without a cluster and without Envoy: by the code of
// Kubernetes' own API server, the schemas of the operators, and Envoy's messages with their rules. scripts/check-deploy runs it.
package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	extensions "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	securitypolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// render returns what `kubectl apply -k` would send, of a folder of deploy/kubernetes.
func render(t *testing.T, folder string) resmap.ResMap {
	t.Helper()
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join("../../deploy/kubernetes", folder))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// object is a resource as it was rendered.
type object struct {
	kind schema.GroupVersionKind
	name string
	yaml []byte
}

func objects(t *testing.T, folder string) []object {
	t.Helper()
	var all []object
	for _, r := range render(t, folder).Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		g := r.GetGvk()
		all = append(all, object{schema.GroupVersionKind{Group: g.Group, Version: g.Version, Kind: g.Kind}, r.GetName(), text})
	}
	return all
}

// TestKubernetes: everything that base and example make would be created: no field is unknown, none has a wrong value.
func TestKubernetes(t *testing.T) {
	customs := customTypes(t)
	for folder, want := range map[string][]string{
		"base": {"ConfigMap", "Service", "Service", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy"},
		"example": {"ConfigMap", "Service", "Service", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy",
			"Certificate", "Certificate", "Issuer", "Issuer", "PodMonitor", "ScaledObject"},
	} {
		t.Run(folder, func(t *testing.T) {
			var kinds []string
			for _, o := range objects(t, folder) {
				kinds = append(kinds, o.kind.Kind)
				if err := check(customs, o); err != nil {
					t.Errorf("%s %s: %v", o.kind.Kind, o.name, err)
				}
			}
			slices.Sort(kinds)
			slices.Sort(want)
			if !slices.Equal(kinds, want) {
				t.Errorf("got %v, want %v", kinds, want)
			}
		})
	}
}

// TestChecksFind: the checks refuse what is wrong, each in its own way.
func TestChecksFind(t *testing.T) {
	customs := customTypes(t)
	for _, c := range []struct{ kind, old, new, want string }{
		{"StatefulSet", "serviceName:", "servicename:", "unknown field"},
		{"StatefulSet", "replicas: 3", "replicas: -3", "greater than or equal to 0"},
		{"StatefulSet", "port: admin", "port: much-too-long-a-name", "no more than 15"},
		{"StatefulSet", "name: settings\n", "name: other\n", "Not found"},
		{"StatefulSet", "runAsUser: 65532", "runAsUser: root", "cannot unmarshal"},
		{"Service", "port: 8080", "port: 80800", "between 1 and 65535"},
		{"PodDisruptionBudget", "maxUnavailable: 1", "maxUnavailable: most", "valid percent"},
		{"NetworkPolicy", "- Ingress", "- Inside", "supported values"},
		{"ScaledObject", "minReplicaCount: 3", "minReplicaCount: three", "integer"},
		{"ScaledObject", "triggers:", "trigger:", "triggers"},
		{"Certificate", "algorithm: ECDSA", "algorithm: ECDSB", "supported values"},
		{"PodMonitor", "interval: 15s", "interval: 15", "interval"},
		{"PodMonitor", "replacement:", "replace:", "unknown field"},
	} {
		found := false
		for _, o := range append(objects(t, "base"), objects(t, "example")...) {
			if o.kind.Kind != c.kind || !bytes.Contains(o.yaml, []byte(c.old)) {
				continue
			}
			found = true
			o.yaml = bytes.Replace(o.yaml, []byte(c.old), []byte(c.new), 1)
			if err := check(customs, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s with %q in place of %q: got %v, want an error with %q", c.kind, c.new, c.old, err, c.want)
			}
		}
		if !found {
			t.Errorf("no %s has %q", c.kind, c.old)
		}
	}
}

// TestPodSecurity: a namespace that enforces the profile "restricted", the strictest there is, takes the pods.
func TestPodSecurity(t *testing.T) {
	evaluator, err := securitypolicy.NewEvaluator(securitypolicy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"base", "example"} {
		for _, o := range objects(t, folder) {
			if o.kind.Kind != "StatefulSet" {
				continue
			}
			set := decode(t, o).(*appsv1.StatefulSet)
			pod := &set.Spec.Template
			restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
			if r := securitypolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !r.Allowed {
				t.Errorf("%s: %s", folder, r.ForbiddenDetail())
			}
			pod.Spec.Containers[0].SecurityContext.Capabilities = nil
			if securitypolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)).Allowed {
				t.Error("a pod with all capabilities is allowed")
			}
		}
	}
}

// TestReferences: what one object says of another by name is there.
func TestReferences(t *testing.T) {
	for _, folder := range []string{"base", "example"} {
		names := map[string]bool{"Secret/steadyframe": true} // made by hand, as README.md says
		for _, o := range objects(t, folder) {
			names[o.kind.Kind+"/"+o.name] = true
			if o.kind.Kind == "Certificate" {
				names["Secret/"+lookup(t, o, "spec", "secretName").(string)] = true
			}
		}
		for _, o := range objects(t, folder) {
			var wants []string
			switch o.kind.Kind {
			case "StatefulSet":
				set := decode(t, o).(*appsv1.StatefulSet)
				wants = append(wants, "Service/"+set.Spec.ServiceName)
				for _, v := range set.Spec.Template.Spec.Volumes {
					switch {
					case v.ConfigMap != nil:
						wants = append(wants, "ConfigMap/"+v.ConfigMap.Name)
					case v.Secret != nil:
						wants = append(wants, "Secret/"+v.Secret.SecretName)
					}
				}
				for _, e := range set.Spec.Template.Spec.Containers[0].Env {
					if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
						wants = append(wants, "Secret/"+e.ValueFrom.SecretKeyRef.Name)
					}
				}
			case "Certificate":
				wants = append(wants, "Issuer/"+lookup(t, o, "spec", "issuerRef", "name").(string))
			case "ScaledObject":
				wants = append(wants, lookup(t, o, "spec", "scaleTargetRef", "kind").(string)+"/"+lookup(t, o, "spec", "scaleTargetRef", "name").(string))
			}
			for _, want := range wants {
				if !names[want] {
					t.Errorf("%s: %s %s refers to %s, which is not there: %v", folder, o.kind.Kind, o.name, want, names)
				}
			}
		}
	}
}

// lookup returns a value inside o.
func lookup(t *testing.T, o object, path ...string) any {
	t.Helper()
	v, err := values(o)
	if err != nil {
		t.Fatal(err)
	}
	var at any = v
	for _, name := range path {
		m, ok := at.(map[string]any)
		if !ok || m[name] == nil {
			t.Fatalf("%s %s has no %v", o.kind.Kind, o.name, path)
		}
		at = m[name]
	}
	return at
}

func values(o object) (v map[string]any, err error) {
	data, err := yaml.ToJSON(o.yaml)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	return v, err
}

// strict decodes the types of Kubernetes and refuses unknown and double fields, as `kubectl apply` does by default.
var strict = serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, legacyscheme.Scheme, legacyscheme.Scheme, serializer.SerializerOptions{Yaml: true, Strict: true})

func decode(t *testing.T, o object) runtime.Object {
	t.Helper()
	decoded, _, err := strict.Decode(o.yaml, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// check does with o what the API server does with a new object.
func check(customs map[schema.GroupVersionKind]*custom, o object) error {
	if c := customs[o.kind]; c != nil {
		return c.check(o)
	}
	external, _, err := strict.Decode(o.yaml, nil, nil)
	if err != nil {
		return err
	}
	legacyscheme.Scheme.Default(external)
	internal, err := legacyscheme.Scheme.ConvertToVersion(external, schema.GroupVersion{Group: o.kind.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return err
	}
	var list field.ErrorList
	switch x := internal.(type) {
	case *apps.StatefulSet:
		inNamespace(&x.Namespace)
		list = appsvalidation.ValidateStatefulSet(x, corevalidation.PodValidationOptions{})
	case *core.Service:
		inNamespace(&x.Namespace)
		if x.Spec.ClusterIP == core.ClusterIPNone {
			x.Spec.ClusterIPs = []string{core.ClusterIPNone}
		}
		// The server's defaults that are not in the scheme.
		single := core.IPFamilyPolicySingleStack
		x.Spec.IPFamilyPolicy, x.Spec.IPFamilies = &single, []core.IPFamily{core.IPv4Protocol}
		list = corevalidation.ValidateServiceCreate(x)
	case *core.ConfigMap:
		inNamespace(&x.Namespace)
		list = corevalidation.ValidateConfigMap(x)
	case *policy.PodDisruptionBudget:
		list = policyvalidation.ValidatePodDisruptionBudget(x, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *networking.NetworkPolicy:
		inNamespace(&x.Namespace)
		list = networkingvalidation.ValidateNetworkPolicy(x, networkingvalidation.NetworkPolicyValidationOptions{})
	default:
		return fmt.Errorf("got a kind that is not checked: %T", x)
	}
	return list.ToAggregate()
}

// inNamespace puts an object without a namespace into that of the context, as kubectl does.
func inNamespace(namespace *string) {
	if *namespace == "" {
		*namespace = "default"
	}
}

// custom is a type that an operator adds to Kubernetes.
type custom struct {
	validator extensions.SchemaValidator
	fields    *structuralschema.Structural
}

// customTypes returns the types of the operators that components are for, from the modules that these are published in.
func customTypes(t *testing.T) map[schema.GroupVersionKind]*custom {
	t.Helper()
	all := map[schema.GroupVersionKind]*custom{}
	for module, names := range map[string][]string{
		"github.com/kedacore/keda/v2@v2.19.0":                        {"config/crd/bases/keda.sh_scaledobjects.yaml"},
		"github.com/cert-manager/cert-manager@v1.19.2":               {"deploy/crds/cert-manager.io_issuers.yaml", "deploy/crds/cert-manager.io_certificates.yaml"},
		"github.com/prometheus-operator/prometheus-operator@v0.89.0": {"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"},
	} {
		folder := download(t, module)
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			add(t, all, name, text)
		}
	}
	return all
}

// add adds the types of a CustomResourceDefinition to all.
func add(t *testing.T, all map[schema.GroupVersionKind]*custom, name string, text []byte) {
	t.Helper()
	var definition extensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, v := range definition.Spec.Versions {
		var internal apiextensions.JSONSchemaProps
		if err := extensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &internal, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		validator, _, err := extensions.NewSchemaValidator(&internal)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fields, err := structuralschema.NewStructural(&internal)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[schema.GroupVersionKind{Group: definition.Spec.Group, Version: v.Name, Kind: definition.Spec.Names.Kind}] = &custom{validator, fields}
	}
}

func (c *custom) check(o object) error {
	v, err := values(o)
	if err != nil {
		return err
	}
	list := extensions.ValidateCustomResource(nil, v, c.validator)
	err = list.ToAggregate()
	if unknown := pruning.PruneWithOptions(v, c.fields, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}); len(unknown) > 0 {
		err = errors.Join(err, fmt.Errorf("unknown field %v", unknown))
	}
	return err
}

// download returns the folder of a module.
func download(t *testing.T, module string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	command.Dir = t.TempDir() // no module: its requirements do not count
	command.Stderr = io.Discard
	out, err := command.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); err != nil || jsonErr != nil || m.Dir == "" {
		t.Fatalf("go mod download %s: %v %s", module, err, m.Error)
	}
	return m.Dir
}
