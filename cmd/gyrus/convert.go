package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/export"
	"github.com/gyrus-dev/gyrus/recording/nifti"
	"github.com/gyrus-dev/gyrus/runner"
)

func convertCommand() *cobra.Command {
	var out string
	var overwrite, asJSON, types, positions bool
	endings := append(slices.Clone(export.Endings), ".npy", ".nii", ".nii.gz")
	cmd := &cobra.Command{
		Use:   "convert FILE --out FILE",
		Short: "Write a recording, arrays or an image in another format",
		Long: `Write a recording as EDF+ (.edf, 16 bits), BDF+ (.bdf, 24 bits), NumPy arrays (.npz) or a table (.csv, .tsv); an image as NIfTI
(.nii, .nii.gz); the arrays of any other file as .npz, or one alone as .npy. Events, units, names and gaps go along where the format has a
place for them: a table has its events in a column, and BDF keeps finer steps than EDF. Neither of these has the types of channels or their
positions: --types puts a type before each label, as EDF+ recommends ("EEG C3"), which gyrus takes off again; --positions writes
NAME_electrodes.tsv and NAME_coordsystem.json beside the file, as BIDS does. A recording is converted while it is read, in memory that does
not depend on its length; images and arrays are read whole.`,
		Example: "  gyrus convert subject01.vhdr --out subject01.bdf\n  gyrus convert T1.mgz --out T1.nii.gz\n  gyrus convert trials.mat --out trials.npz",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); err != nil {
				return &runner.UsageError{Err: err}
			}
			if err := outAsked(out, overwrite); err != nil {
				return err
			}
			ending := extension(out)
			if ending == ".nii" || ending == ".nii.gz" {
				return convertImage(cmd, args[0], out, overwrite, asJSON)
			}
			r, err := openRecording(cmd.Context(), args[0])
			var own *recording.Error
			switch {
			case err == nil:
				defer r.Close()
				if types && ending != ".edf" && ending != ".bdf" {
					return asked("--types is for .edf and .bdf; %s keeps types as they are, or has no place for them", ending)
				}
				o := export.Options{Overwrite: overwrite, Types: types, Positions: positions}
				if err := export.Recording(out, r, o); err != nil {
					return err
				}
				did := []string{}
				if positions {
					electrodes, system := export.PositionFiles(out)
					did = append(did, fmt.Sprintf("Wrote %s and %s", electrodes, system))
				}
				return wrote(cmd, asJSON, written{File: out, Did: did, Channels: len(r.Channels), Frames: r.Frames, Rate: r.Rate, Events: len(r.Events), Lost: export.TypesLost(out, r, o)})
			case !errors.As(err, &own) || ending != ".npz" && ending != ".npy":
				return err
			}
			arrays, second := recording.Arrays(args[0])
			if second != nil {
				return err // what is wrong with it as a recording says more
			}
			if err := export.Arrays(out, arrays, export.Options{Overwrite: overwrite}); err != nil {
				return err
			}
			return wroteArrays(cmd, asJSON, out, arrays)
		},
	}
	cmd.Flags().BoolVar(&types, "types", false, "EDF and BDF: put the type of each channel before its label")
	cmd.Flags().BoolVar(&positions, "positions", false, "write the positions of the channels beside the file, as BIDS does")
	outFlags(cmd, &out, &overwrite, endings...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

func convertImage(cmd *cobra.Command, path, out string, overwrite, asJSON bool) error {
	f, err := recording.Detect(path)
	if err != nil {
		return err
	}
	if f.Name != "nifti" && f.Name != "mgh" {
		return asked("%s is %s, and only images are written as NIfTI; write a recording as .edf, .bdf, .npz or .csv", path, f.Title)
	}
	im, err := nifti.Open(path)
	if err != nil {
		return err
	}
	defer im.Close()
	a, err := im.Array()
	if err != nil {
		return err
	}
	form := im.SForm
	if form == 0 {
		form = im.QForm
	}
	err = nifti.Write(out, a, nifti.WriteOptions{Affine: im.Affine, Zooms: im.Zooms, Form: form, Intent: im.Intent, IntentName: im.IntentName, Description: im.Description, Overwrite: overwrite})
	if err != nil {
		return err
	}
	a.Name = "image"
	return wroteArrays(cmd, asJSON, out, []*recording.Array{a})
}

// arrayLine is an array in the output of --json.
type arrayLine struct {
	Name string `json:"name"`
	Dims []int  `json:"dims"`
	Type string `json:"type"`
}

func wroteArrays(cmd *cobra.Command, asJSON bool, out string, arrays []*recording.Array) error {
	var lines []arrayLine
	for _, a := range arrays {
		lines = append(lines, arrayLine{a.Name, a.Dims, a.Type()})
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), struct {
			File   string      `json:"file"`
			Arrays []arrayLine `json:"arrays"`
		}{out, lines})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s\n", out)
	for _, a := range arrays {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", a)
	}
	return nil
}
