package rollout

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// endingPatience is how long a controller that was told to end may take to leave nothing behind.
const endingPatience = 10 * time.Second

// nothingLeft fails where a goroutine of a controller still runs when every controller has ended.
func nothingLeft() error {
	var left []string
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for range int(endingPatience / (100 * time.Millisecond)) {
		var err error
		if left, err = goroutines(); err != nil || len(left) == 0 {
			return err
		}
		<-ticker.C
	}
	return fmt.Errorf("every controller has ended, and %d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

// What holds that no goroutine is left must see those of a controller that runs.
func TestGoroutinesAreSeen(t *testing.T) {
	w := newWorld(t)
	w.Eventually(goroutines).ShouldNot(gomega.BeEmpty())
}

// machinery is the code that only controllers run: ours, and what they are made of.
var machinery = []string{"sluicehq/sluice/", "sigs.k8s.io/controller-runtime/pkg/", "k8s.io/client-go/tools/cache"}

// goroutines are the stacks that run the machinery. Tests, and the processes that they wait for, do not count.
func goroutines() ([]string, error) {
	var dump bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&dump, 2); err != nil {
		return nil, err
	}
	var found []string
	for stack := range strings.SplitSeq(dump.String(), "\n\n") {
		code := strings.ReplaceAll(stack, "sluicehq/sluice/test/", "")
		code = strings.ReplaceAll(code, "sigs.k8s.io/controller-runtime/pkg/internal/testing/", "")
		if slices.ContainsFunc(machinery, func(of string) bool { return strings.Contains(code, of) }) {
			found = append(found, stack)
		}
	}
	return found, nil
}
