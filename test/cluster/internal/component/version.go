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
		if base := entry.Name(); entry.IsDir() || base != "go.mod" && base != "go.sum" && !strings.HasSuffix(base, ".go") {
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

// printed finds the version in what a program prints when asked for it.
var printed = regexp.MustCompile(`\bv?(\d+)\.(\d+)\.(\d+)`)

// fits says whether the text that a program printed names the wanted version's
// major and minor: patches do not change what the cluster relies on.
func fits(text, wanted string) bool {
	got, want := printed.FindStringSubmatch(text), printed.FindStringSubmatch(wanted)
	return got != nil && want != nil && got[1] == want[1] && got[2] == want[2]
}

// installed finds a program in KUBEBUILDER_ASSETS or on PATH that can take the
// component's place. What is there and does not fit is told through note.
func (c Component) installed(ctx context.Context, version string, note func(string)) string {
	if c.ask == nil {
		return ""
	}
	var candidates []string
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		candidates = append(candidates, filepath.Join(assets, c.Name))
	}
	if onPath, err := exec.LookPath(c.Name); err == nil {
		candidates = append(candidates, onPath)
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(candidate); err != nil || info.IsDir() {
			continue
		}
		text, err := exec.CommandContext(ctx, candidate, c.ask...).CombinedOutput()
		if err == nil && fits(string(text), version) {
			return candidate
		}
		note(fmt.Sprintf("%s: %s is not %s, so it is not used", c.Name, candidate, version))
	}
	return ""
}
