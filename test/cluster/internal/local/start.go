//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// starter starts the processes of one cluster and notices when one ends early.
type starter struct {
	folder *state.Folder
	// fail ends the whole attempt with the reason.
	fail context.CancelCauseFunc
}

// start starts a program so that it outlives this one, and gives its id.
func (s *starter) start(p program) (int, error) {
	mounts := p.mounts
	if mounts == "" {
		mounts = enter.HostMounts
	}
	arguments := enter.Arguments(s.folder.Name, p.name, mounts, append([]string{p.binary}, p.arguments...)...)
	attributes := &syscall.SysProcAttr{Setsid: true}
	if mounts == enter.NewMounts {
		attributes.Unshareflags = syscall.CLONE_NEWNS
	}
	return s.run(p.name, arguments, attributes, p.environment...)
}

// startRelay starts this program's relay, which stays outside of the namespace.
func (s *starter) startRelay() error {
	_, err := s.run("relay", []string{RelayCommand, s.folder.Name}, &syscall.SysProcAttr{Setsid: true})
	return err
}

func (s *starter) run(name string, arguments []string, attributes *syscall.SysProcAttr, more ...string) (int, error) {
	log, err := os.Create(s.folder.Log(name))
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	command := exec.Command(s.folder.Program(), arguments...)
	command.Dir = s.folder.Root
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = attributes
	command.Env = append(environment(), more...)
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		// A component never ends by itself. While this program waits for the
		// cluster, the end of one is the reason why it cannot come up.
		err := command.Wait()
		s.fail(fmt.Errorf("%s has ended: %w; the end of %s:\n%s", name, orEnded(err), log.Name(), end(log.Name())))
	}()
	return command.Process.Pid, nil
}

var errEnded = errors.New("exit status 0")

func orEnded(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

// environment is what components get: nothing that points them elsewhere.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch strings.ToUpper(name) {
		case "KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NOTIFY_SOCKET", "INVOCATION_ID":
		default:
			kept = append(kept, variable)
		}
	}
	return kept
}

// end gives the last lines of a log, at most some 2 kB.
func end(name string) string {
	file, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	const most = 2000
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// copyProgram copies this program into the state, since the one that go run made
// is removed when it ends.
func copyProgram(folder *state.Folder) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program: %w", err)
	}
	source, err := os.Open(self)
	if err != nil {
		return fmt.Errorf("this program: %w", err)
	}
	defer source.Close()
	target, err := os.OpenFile(folder.Program(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("this program: %w", err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Close()); err != nil {
		return fmt.Errorf("this program: %w", err)
	}
	return nil
}
