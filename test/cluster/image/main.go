// Command image writes a container image as a docker-archive tar without any
// container engine:
//
//	image -o out.tar -name sluice:dev -user 65532 -entrypoint /sluice sluice=bin/sluice
//
// Each argument is a path in the image and the local file that goes there.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/sluicehq/sluice/test/cluster/image/archive"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var image archive.Image
	var entrypoint, command, env list
	flags := flag.NewFlagSet("image", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: image -o OUT.tar -name NAME:TAG [flags] path/in/image=local/file ...")
		flags.PrintDefaults()
	}
	out := flags.String("o", "", "the archive to write (required)")
	flags.StringVar(&image.Name, "name", "", "the image's name with its tag (required)")
	flags.StringVar(&image.User, "user", "", "numeric user, or user:group")
	flags.StringVar(&image.WorkingDir, "workdir", "", "working directory")
	flags.StringVar(&image.Architecture, "arch", "", "architecture in Go's words (default: this machine's)")
	flags.Var(&entrypoint, "entrypoint", "entry point; may be given several times, one argument each")
	flags.Var(&command, "cmd", "default argument; may be given several times")
	flags.Var(&env, "env", "NAME=value; may be given several times")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" {
		return fmt.Errorf("-o is missing: the archive to write")
	}
	image.Entrypoint, image.Command, image.Env = entrypoint, command, env
	for _, argument := range flags.Args() {
		inside, local, ok := strings.Cut(argument, "=")
		if !ok {
			return fmt.Errorf("argument %q is not of the form path/in/image=local/file", argument)
		}
		image.Files = append(image.Files, archive.File{Path: inside, Source: local})
	}
	return archive.WriteFile(*out, image)
}
