package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/sluicehq/sluice/test/gitserver"
)

//go:embed deploy
var deploy embed.FS

// releaseFile is what a release changes in the team's repository.
const releaseFile = "overlays/prod/release.yaml"

// release is one version of the app.
type release struct {
	version, errorRate, latency string
	message                     string
}

var (
	first = release{version: "v1", errorRate: "0", latency: "1ms", message: "The app, v1"}
	good  = release{version: "v2", errorRate: "0", latency: "2ms", message: "Release v2: friendlier answers"}
	bad   = release{version: "v3", errorRate: "0.3", latency: "1ms", message: "Release v3: faster than ever"}
)

// files gives the files that the release changes.
func (r release) files() (map[string][]byte, error) {
	content, err := deploy.ReadFile("deploy/" + releaseFile)
	if err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	text := string(content)
	for old, value := range map[string]string{"value: v1\n": r.version, "value: \"0\"\n": fmt.Sprintf("%q", r.errorRate), "value: 1ms\n": r.latency} {
		if strings.Count(text, old) != 1 {
			return nil, fmt.Errorf("release: deploy/%s does not have %q once", releaseFile, old)
		}
		text = strings.Replace(text, old, "value: "+value+"\n", 1)
	}
	return map[string][]byte{releaseFile: []byte(text)}, nil
}

// deployFiles gives the whole first content of the team's repository.
func deployFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(deploy, "deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[strings.TrimPrefix(path, "deploy/")], err = deploy.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("files of the repository: %w", err)
	}
	return files, nil
}

// gitForward serves the Git server of the cluster on a loopback port of this machine until the context ends, by way of
// the API server, and gives its address.
func (c *cluster) gitForward(ctx context.Context) (string, error) {
	transport, err := rest.TransportFor(c.config)
	if err != nil {
		return "", fmt.Errorf("forward to the Git server: %w", err)
	}
	target, err := url.Parse(c.config.Host)
	if err != nil {
		return "", fmt.Errorf("forward to the Git server: %w", err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("forward to the Git server: %w", err)
	}
	target.Path = "/" + strings.Trim(target.Path, "/")
	target = target.JoinPath("api/v1/namespaces", demoNamespace, "services/git:http/proxy")
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// cloneRepository clones the team's repository, once the Git server answers, into the folder.
func (c *cluster) cloneRepository(ctx context.Context, folder string) (*gitserver.Worktree, error) {
	address, err := c.gitForward(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/demo.git/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	err = await(ctx, "the Git server to answer", time.Minute, func(context.Context) (bool, string, error) {
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return notYet(err)
		}
		return answer.StatusCode == http.StatusOK, answer.Status, answer.Body.Close()
	})
	if err != nil {
		return nil, err
	}
	work, err := gitserver.Clone(ctx, address+"/demo.git", folder)
	if err != nil {
		return nil, fmt.Errorf("clone the team's repository: %w", err)
	}
	return work, nil
}

// commit pushes a release and gives its commit.
func commit(ctx context.Context, work *gitserver.Worktree, r release) (string, error) {
	files, err := r.files()
	if err != nil {
		return "", err
	}
	if r == first {
		all, err := deployFiles()
		if err != nil {
			return "", err
		}
		all[releaseFile] = files[releaseFile]
		files = all
	}
	sha, err := work.Push(ctx, r.message, files)
	if err != nil {
		return "", errors.Join(fmt.Errorf("push %s", r.version), err)
	}
	return sha, nil
}
