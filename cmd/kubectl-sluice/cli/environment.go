package cli

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Environment is what the commands know of the world.
type Environment struct {
	Streams genericiooptions.IOStreams
	// Terminal tells the size of the terminal that Out is, in characters and lines; ok is false where it is none.
	Terminal func() (width, height int, ok bool)
	// NoColour switches colour off even on a terminal.
	NoColour bool
	// Now tells the time.
	Now func() time.Time
	// NewID makes an identity that nobody has used.
	NewID func() string
	// NewClient connects to the cluster that the flags name.
	NewClient func(*genericclioptions.ConfigFlags) (client.WithWatch, error)
	// Version of this build; empty means that the build information is asked.
	Version string
}

// Scheme returns the kinds that the commands read and write.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}

// ClusterClient connects to the cluster that the flags and the kubeconfig name. Nothing is sent yet.
func ClusterClient(flags *genericclioptions.ConfigFlags) (client.WithWatch, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NoWarnings{}
	mapper, err := flags.ToRESTMapper()
	if err != nil {
		return nil, fmt.Errorf("ask the cluster what it serves: %w", err)
	}
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
}

// FileTerminal tells the size of the terminal that a file is, if it is one that can move its cursor.
func FileTerminal(f *os.File) func() (int, int, bool) {
	return func() (int, int, bool) {
		fd := int(f.Fd())
		if !term.IsTerminal(fd) || os.Getenv("TERM") == "dumb" {
			return 0, 0, false
		}
		width, height, err := term.GetSize(fd)
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24, true
		}
		return width, height, true
	}
}
