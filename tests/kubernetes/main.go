// Decodes manifests from standard input strictly, as the API server and the Prometheus Operator do: a field that their Go types do not
// have is an error, and so is a kind that is not listed here. With directories of Prometheus' rule files, each PrometheusRule must have
// the groups of the file whose name it bears. Prints the objects as a list in JSON, or one fault a line.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Types by apiVersion and kind.
var types = map[string]func() any{
	"v1/ConfigMap":                            func() any { return new(core.ConfigMap) },
	"v1/Namespace":                            func() any { return new(core.Namespace) },
	"v1/Secret":                               func() any { return new(core.Secret) },
	"v1/Service":                              func() any { return new(core.Service) },
	"v1/ServiceAccount":                       func() any { return new(core.ServiceAccount) },
	"apps/v1/StatefulSet":                     func() any { return new(apps.StatefulSet) },
	"networking.k8s.io/v1/NetworkPolicy":      func() any { return new(networking.NetworkPolicy) },
	"policy/v1/PodDisruptionBudget":           func() any { return new(policy.PodDisruptionBudget) },
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return new(monitoring.PrometheusRule) },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any { return new(monitoring.ServiceMonitor) },
}

type checker struct {
	objects []any
	rules   map[string]monitoring.PrometheusRuleSpec
	faults  []string
}

func (c *checker) fault(format string, arguments ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, arguments...))
}

func (c *checker) object(text []byte) {
	var header meta.TypeMeta
	if err := yaml.Unmarshal(text, &header); err != nil {
		c.fault("not an object: %v", err)
		return
	}
	name := header.APIVersion + "/" + header.Kind
	create, ok := types[name]
	if !ok {
		c.fault("%s: no type for this kind", name)
		return
	}
	object := create()
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		c.fault("%s: %v", name, err)
		return
	}
	c.objects = append(c.objects, object)
	if rule, ok := object.(*monitoring.PrometheusRule); ok {
		c.rules[strings.TrimPrefix(rule.Name, "pacemeter-")] = rule.Spec
	}
}

// Compares the rules with the files of a directory.
func (c *checker) compare(directory string) error {
	files, err := filepath.Glob(filepath.Join(directory, "*.yml"))
	if err != nil {
		return err
	}
	left := len(c.rules)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		var expected monitoring.PrometheusRuleSpec
		if err := yaml.UnmarshalStrict(text, &expected); err != nil {
			c.fault("%s: %v", file, err)
		} else if found, ok := c.rules[name]; !ok {
			c.fault("no PrometheusRule has the rules of %s", name)
		} else if left--; !reflect.DeepEqual(found, expected) {
			c.fault("the PrometheusRule %s differs from its file", name)
		}
	}
	if left != 0 {
		c.fault("%d PrometheusRules have no file", left)
	}
	return nil
}

func run() error {
	check := checker{rules: map[string]monitoring.PrometheusRuleSpec{}}
	reader := yamlutil.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		check.object(text)
	}
	for _, directory := range os.Args[1:] {
		if err := check.compare(directory); err != nil {
			return err
		}
	}
	if len(check.faults) > 0 {
		return errors.New(strings.Join(check.faults, "\n"))
	}
	return json.NewEncoder(os.Stdout).Encode(check.objects)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
