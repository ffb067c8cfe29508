package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/recordings"
	reading "github.com/gyrus-dev/gyrus/studio/recordings/reader"
)

// readerCommand is how the studio starts this program anew to read a recording within bounds. It is not for people.
func readerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    reading.Verb,
		Short:  "Carry out the task that is read from standard input",
		Hidden: true,
		Args:   usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return reading.Work(cmd.Context(), os.Stdin, os.Stdout)
		},
	}
}

// addRecordings adds the pages of recordings and live decoding to a studio.
func addRecordings(s *studio.Server) error {
	r, err := recordings.New(s, recordings.Config{})
	if err != nil {
		return err
	}
	return s.Add(r)
}
