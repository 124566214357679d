// Command gateway is a small gateway for the Gateway API whose faults can be set; package faultgateway says which, and
// what each means.
//
//	go run ./test/gateway -kubeconfig FILE -listen 127.0.0.1:8000 -admin 127.0.0.1:8001 -route-lag 5s
//
// It serves the Gateways of every GatewayClass whose controllerName is that of -controller-name. In a pod it needs no
// kubeconfig; it must be able to reach the addresses of pods. Faults are changed at the admin address while it runs:
//
//	curl -X PUT 127.0.0.1:8001/faults -d '{"routeLag":"5s","skew":[{},{"routes":"3s"}],"refused":["shop/web"]}'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/test/gateway/faultgateway"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	kubeconfig, admin string
	options           faultgateway.Options
}

// parse reads the flags. Its error names the one that is wrong.
func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.StringVar(&s.kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "how to reach the API server (default: KUBECONFIG, else the pod's account)")
	flags.StringVar(&s.admin, "admin", "127.0.0.1:0", "address at which faults are changed, and requests and metrics are shown")
	flags.StringVar(&s.options.Listen, "listen", "127.0.0.1:0", "address of the data plane")
	flags.StringVar(&s.options.ControllerName, "controller-name", faultgateway.ControllerName, "controllerName of the GatewayClasses that are served")
	flags.IntVar(&s.options.Replicas, "replicas", 1, "replicas of the data plane, 1 to 16; each request goes to one of them by lot")
	flags.Uint64Var(&s.options.Seed, "seed", 0, "seed of what is drawn; 0 chooses one and prints it")
	faults := &s.options.Faults
	lag := func(field *metav1.Duration, name, usage string) { flags.DurationVar(&field.Duration, name, 0, usage) }
	lag(&faults.StatusLag, "status-lag", "how long a route's change waits before status says that it was seen")
	lag(&faults.RouteLag, "route-lag", "how long a route's change waits before the data plane follows")
	lag(&faults.EndpointLag, "endpoint-lag", "how long a change of endpoints waits before the data plane follows")
	lag(&faults.Throttle, "throttle", "shortest time between two changes of a replica's configuration")
	flags.Func("skew", "what each replica lags behind more, as ROUTES/ENDPOINTS,…, such as 0s/0s,2s/5s", func(text string) (err error) {
		faults.Skew, err = parseSkew(text)
		return err
	})
	list := func(field *[]string, name, usage string) {
		flags.Func(name, usage, func(text string) error { *field = strings.Split(text, ","); return nil })
	}
	list(&faults.Silent, "silent", "routes of which status says nothing, as namespace/name,… or *")
	list(&faults.Refused, "refused", "routes that are not accepted, as namespace/name,… or *")
	list(&faults.LackFeatures, "lack-features", "names that supportedFeatures of the GatewayClass leaves out, separated by commas")
	flags.BoolVar(&faults.DropRefused, "drop-refused", false, "take refused routes out of the data plane instead of keeping what was accepted last")
	flags.BoolVar(&faults.KeepTerminating, "keep-terminating", false, "keep endpoints in use that are terminating and still serve")
	flags.BoolVar(&faults.HideFeatures, "hide-features", false, "leave supportedFeatures of the GatewayClass empty")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return s, faults.Validate(s.options.Replicas)
}

func parseSkew(text string) ([]faultgateway.Skew, error) {
	var skews []faultgateway.Skew
	for part := range strings.SplitSeq(text, ",") {
		routes, endpoints, ok := strings.Cut(part, "/")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form ROUTES/ENDPOINTS, such as 2s/5s", part)
		}
		var skew faultgateway.Skew
		var errs [2]error
		skew.Routes.Duration, errs[0] = time.ParseDuration(routes)
		skew.Endpoints.Duration, errs[1] = time.ParseDuration(endpoints)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		skews = append(skews, skew)
	}
	return skews, nil
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.options.Config, err = clientcmd.BuildConfigFromFlags("", s.kubeconfig); err != nil {
		return err
	}
	s.options.Log = funcr.New(func(prefix, args string) { fmt.Fprintln(os.Stderr, "gateway:", prefix, args) }, funcr.Options{})
	log.SetLogger(s.options.Log)
	gateway, err := faultgateway.Start(ctx, s.options)
	if err != nil {
		return err
	}
	defer gateway.Close()
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", s.admin)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	fmt.Fprintf(os.Stderr, "gateway: serving %s, admin http://%s, seed %d\n", gateway.URL(), listener.Addr(), gateway.Seed())
	server := &http.Server{Handler: gateway.AdminHandler(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case <-ctx.Done():
		return server.Close()
	case err := <-ended:
		return fmt.Errorf("admin: %w", err)
	}
}
