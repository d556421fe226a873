// Reads a compose file as `docker compose` does, with its schema and its checks, and prints it as JSON with every value resolved.
// Paths are relative to the working directory.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func read(path string) ([]byte, error) {
	directory, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	options, err := cli.NewProjectOptions([]string{path}, cli.WithWorkingDirectory(directory))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}

func main() {
	json, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(json))
}
