package lint
import "testing"
func TestZZ(t *testing.T) {
	t.Log("\n"+lintFiles(t, "../../../config/samples"))
	t.Log("\n"+lintFiles(t, "../../../examples/canary"))
	t.Log("\n"+lintFiles(t, "../../../examples/demo/deploy/base", "../../../examples/demo/setup"))
}
