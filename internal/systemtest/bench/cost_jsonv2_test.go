package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// inNextJSON compares our side in one build with json.Unmarshal in the other.
// All four medians are logged, because they also say what the experiment does to
// each side alone.
func inNextJSON(name string, c eventCost) func(m *meter) float64 {
	ours := newRemote("plan "+name, func(t *testing.T) batch { return c.batch(t) })
	reference := newRemote("unmarshal "+name, func(t *testing.T) batch { return c.unmarshalBatch(t) })
	return func(m *meter) float64 {
		v1, v2 := buildWith(m, "nojsonv2"), buildWith(m, "jsonv2")
		batches := [...]batch{ours.startIn(m, v1), reference.startIn(m, v1), ours.startIn(m, v2), reference.startIn(m, v2)}
		var figures [len(batches)][]float64
		for range m.rounds * turns {
			for i, run := range batches {
				figures[i] = append(figures[i], run())
			}
		}
		oursV1, referenceV1, oursV2, referenceV2 := median(figures[0]), median(figures[1]), median(figures[2]), median(figures[3])
		m.Logf("ns without jsonv2: plan %.0f, json.Unmarshal %.0f; with it: plan %.0f, json.Unmarshal %.0f",
			oursV1, referenceV1, oursV2, referenceV2)
		return oursV2 / referenceV1
	}
}

// buildWith builds the tests of this package with a GOEXPERIMENT.
func buildWith(m *meter, experiment string) (executable string) {
	m.Helper()
	executable = filepath.Join(m.TempDir(), experiment+".exe")
	cmd := exec.Command("go", "test", "-c", "-o", executable, ".")
	cmd.Env = append(os.Environ(), "GOEXPERIMENT="+experiment)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Fatalf("%v: %s", err, out)
	}
	return executable
}
