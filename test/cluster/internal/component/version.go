package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// version is the component's version as its module's go.mod requires it,
// "dev" for our own programs.
func (c Component) version(source string) (string, error) {
	if c.versioned == "" {
		return "dev", nil
	}
	name := filepath.Join(source, c.module, "go.mod")
	content, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("component %s: %w (is %s the folder test/cluster?)", c.Name, err, source)
	}
	version := requiredVersion(string(content), c.versioned)
	if version == "" {
		return "", fmt.Errorf("component %s: %s does not require %s", c.Name, name, c.versioned)
	}
	return version, nil
}

// requiredVersion finds a module's version in the text of a go.mod file.
func requiredVersion(gomod, module string) string {
	for line := range strings.Lines(gomod) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == module && strings.HasPrefix(fields[1], "v") {
			return fields[1]
		}
	}
	return ""
}

// key names a build: equal keys mean equal sources, flags and Go version.
func (c Component) key(source, goVersion string, flags []string) (string, error) {
	version, err := c.version(source)
	if err != nil {
		return "", err
	}
	root := filepath.Join(source, c.module)
	if c.module == "." { // our own program: its folder, not the whole orchestrator
		root = filepath.Join(source, c.pkg)
	}
	hash := sha256.New()
	fmt.Fprintln(hash, c.pkg, goVersion, strings.Join(flags, " "))
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || !shapesBuild(entry.Name()) {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		fmt.Fprintln(hash, relative, len(content))
		_, err = hash.Write(content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("component %s: %w", c.Name, err)
	}
	return fmt.Sprintf("%s-%s-%s", c.Name, version, hex.EncodeToString(hash.Sum(nil))[:10]), nil
}

// shapesBuild says whether a file of that name is part of what is built.
func shapesBuild(name string) bool {
	return name == "go.mod" || name == "go.sum" || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// printed finds the version in what a program prints when asked for it.
var printed = regexp.MustCompile(`\bv?(\d+)\.(\d+)\.(\d+)`)

// fits says whether the text that a program printed names the wanted version's
// major and minor: patches do not change what the cluster relies on.
func fits(text, wanted string) bool {
	got, want := printed.FindStringSubmatch(text), printed.FindStringSubmatch(wanted)
	return got != nil && want != nil && got[1] == want[1] && got[2] == want[2]
}

// inAssets finds the component in KUBEBUILDER_ASSETS.
func (c Component) inAssets(ctx context.Context, version string, note func(string)) string {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		return c.accept(ctx, filepath.Join(assets, c.Name), version, note)
	}
	return ""
}

// onPath finds the component on PATH.
func (c Component) onPath(ctx context.Context, version string, note func(string)) string {
	path, err := exec.LookPath(c.Name)
	if err != nil {
		return ""
	}
	return c.accept(ctx, path, version, note)
}

// accept gives the path of a program if it can take the component's place. One
// that is there and does not fit is told through note.
func (c Component) accept(ctx context.Context, path, version string, note func(string)) string {
	if info, err := os.Stat(path); c.ask == nil || err != nil || info.IsDir() {
		return ""
	}
	text, err := exec.CommandContext(ctx, path, c.ask...).CombinedOutput()
	if err == nil && fits(string(text), version) {
		return path
	}
	note(fmt.Sprintf("%s is not %s %s, so it is not used", path, c.Name, version))
	return ""
}
