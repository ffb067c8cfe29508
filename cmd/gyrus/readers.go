package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/runner"
)

func (a *app) readersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "readers",
		Short: "The readers of the reading room: accounts, comments, reports, claims of authorship",
		Long: `The readers of the reading room, for whoever runs it: accounts, comments, reports, claims of authorship.

A reader is named by number or by email address. Moderators can do the same on the page.`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.readersListCommand(), a.readersSuspendCommand(), a.readersReinstateCommand(), a.readersModeratorCommand(), a.readersExportCommand(), a.readersDeleteCommand(),
		a.readersCommentsCommand(), a.readersUncommentCommand(), a.readersReportsCommand(), a.readersDecideCommand("report", "uphold", "dismiss"),
		a.readersClaimsCommand(), a.readersDecideCommand("claim", "accept", "refuse"))
	return cmd
}

// withReaders is withFeed with the readers.
func (a *app) withReaders(run func(cmd *cobra.Command, s *readers.Store, args []string) error) func(*cobra.Command, []string) error {
	return a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
		s, err := readers.Open(cmd.Context(), store, readers.Config{})
		if err != nil {
			return err
		}
		return refused(run(cmd, s, args))
	})
}

// refused makes a usage error of what cannot be done as put.
func refused(err error) error {
	var refusal *readers.Refusal
	if errors.As(err, &refusal) || errors.Is(err, readers.ErrNotFound) || errors.Is(err, readers.ErrSignedOut) {
		return &runner.UsageError{Err: err}
	}
	return err
}

// reader finds an account by its number or its address.
func reader(ctx context.Context, s *readers.Store, name string) (readers.Reader, error) {
	unknown := &runner.UsageError{Err: fmt.Errorf("there is no reader %s; gyrus readers list shows them", name)}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		r, err := s.Reader(ctx, id)
		if errors.Is(err, readers.ErrSignedOut) {
			err = unknown
		}
		return r, err
	}
	address, err := readers.ParseAddress(name)
	if err != nil {
		return readers.Reader{}, unknown
	}
	r, err := s.ByAddress(ctx, address)
	if errors.Is(err, readers.ErrNotFound) {
		err = unknown
	}
	return r, err
}

// aboutReader is the body of a verb about one account.
func (a *app) aboutReader(run func(cmd *cobra.Command, s *readers.Store, r readers.Reader) error) func(*cobra.Command, []string) error {
	return a.withReaders(func(cmd *cobra.Command, s *readers.Store, args []string) error {
		r, err := reader(cmd.Context(), s, args[0])
		if err != nil {
			return err
		}
		return run(cmd, s, r)
	})
}

func (a *app) readersListCommand() *cobra.Command {
	var suspended, asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Args:  usage(cobra.NoArgs),
		RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, _ []string) error {
			all, err := s.Readers(cmd.Context(), suspended)
			if err != nil {
				return err
			}
			if asJSON {
				type line struct {
					readers.Reader
					Address string `json:"address,omitempty"`
				}
				lines := make([]line, 0, len(all))
				for _, r := range all {
					lines = append(lines, line{r, r.Address.Reveal()})
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is nobody.")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tADDRESS\tSINCE\tSTANDING")
			for _, r := range all {
				var standing []string
				if r.Local {
					standing = append(standing, "this machine's user")
				}
				if r.Moderator {
					standing = append(standing, "moderator")
				}
				if !r.Suspended.IsZero() {
					standing = append(standing, strings.TrimSuffix("suspended "+r.Suspended.Format(time.DateOnly)+": "+r.Why, ": "))
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", r.ID, r.Name, r.Address.Reveal(), r.Created.Format(time.DateOnly), strings.Join(standing, ", "))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&suspended, "suspended", false, "only those that are suspended")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) readersSuspendCommand() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "suspend READER",
		Short: "Sign a reader out everywhere and keep them from signing in",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.aboutReader(func(cmd *cobra.Command, s *readers.Store, r readers.Reader) error {
			if r.Local {
				return &runner.UsageError{Err: errors.New("the user of this machine cannot be suspended")}
			}
			if err := s.Suspend(cmd.Context(), r.ID, why); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d, %s: suspended. Undo it with: gyrus readers reinstate %d\n", r.ID, r.Name, r.ID)
			return nil
		}),
	}
	cmd.Flags().StringVar(&why, "why", "", "why, for your own records")
	return cmd
}

func (a *app) readersReinstateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reinstate READER",
		Short: "Let a suspended reader sign in again",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.aboutReader(func(cmd *cobra.Command, s *readers.Store, r readers.Reader) error {
			if r.Suspended.IsZero() {
				return &runner.UsageError{Err: fmt.Errorf("%s is not suspended", r.Name)}
			}
			if err := s.Reinstate(cmd.Context(), r.ID); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d, %s: may sign in\n", r.ID, r.Name)
			return nil
		}),
	}
}

func (a *app) readersModeratorCommand() *cobra.Command {
	var off bool
	cmd := &cobra.Command{
		Use:   "moderator READER",
		Short: "Let a reader moderate on the page, or no longer with --off",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.aboutReader(func(cmd *cobra.Command, s *readers.Store, r readers.Reader) error {
			if r.Local {
				return &runner.UsageError{Err: errors.New("the user of this machine is a moderator always")}
			}
			if err := s.SetModerator(cmd.Context(), r.ID, !off); err != nil {
				return err
			}
			state := "moderates"
			if off {
				state = "moderates no longer"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d, %s: %s\n", r.ID, r.Name, state)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&off, "off", false, "no longer")
	return cmd
}

func (a *app) readersExportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export READER",
		Short: "Write everything that is kept of a reader as JSON",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			s, err := readers.Open(cmd.Context(), store, readers.Config{})
			if err != nil {
				return err
			}
			r, err := reader(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			settings, err := a.settingsOrLocal()
			if err != nil {
				return err
			}
			m, err := a.mailer(cmd, store, settings, nil)
			if err != nil {
				return err
			}
			digests, err := m.SubscriptionsOf(cmd.Context(), r.Address)
			if err != nil {
				return err
			}
			var w io.Writer = cmd.OutOrStdout()
			if out != "" {
				f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return &runner.UsageError{Err: err}
				}
				defer f.Close()
				w = f
			}
			return s.Export(cmd.Context(), w, r.ID, map[string]any{"digests": digests})
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "new file to write to (default standard output)")
	return cmd
}

func (a *app) readersDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete READER",
		Short: "Delete an account with all that belongs to it, digests included",
		Long: `Delete an account with all that belongs to it: upvotes, reading list, follows, claims, digests, and the text of all
comments, in whose place a mark remains. There is no way back.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			s, err := readers.Open(cmd.Context(), store, readers.Config{})
			if err != nil {
				return err
			}
			r, err := reader(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			if !yes {
				return &runner.UsageError{Err: fmt.Errorf("this deletes %d, %s, for good; say so with --yes", r.ID, r.Name)}
			}
			settings, err := a.settingsOrLocal()
			if err != nil {
				return err
			}
			m, err := a.mailer(cmd, store, settings, nil)
			if err != nil {
				return err
			}
			if err := s.Delete(cmd.Context(), r.ID, m.Forget); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d, %s: deleted\n", r.ID, r.Name)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really")
	return cmd
}

func (a *app) readersCommentsCommand() *cobra.Command {
	var of string
	var limit int
	cmd := &cobra.Command{
		Use:   "comments",
		Short: "List the newest comments",
		Args:  usage(cobra.NoArgs),
		RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, _ []string) error {
			var id int64
			if of != "" {
				r, err := reader(cmd.Context(), s, of)
				if err != nil {
					return err
				}
				id = r.ID
			}
			all, err := s.Comments(cmd.Context(), id, limit)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There are no comments.")
			}
			for _, c := range all {
				printComment(cmd.OutOrStdout(), c)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&of, "reader", "", "only those of a reader")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "the newest so many")
	return cmd
}

// printComment prints a comment with its text indented, so that nobody can write what looks like another line of the list.
func printComment(w io.Writer, c *readers.Comment) {
	who := "somebody who has left"
	if c.Author != nil {
		who = fmt.Sprintf("%s (%d)", c.Author.Name, c.Author.ID)
	}
	fmt.Fprintf(w, "comment %d on paper %d by %s, %s\n", c.ID, c.Paper, who, c.Created.Format("2006-01-02 15:04"))
	if !c.Deleted.IsZero() {
		fmt.Fprintln(w, "    (deleted)")
		return
	}
	for line := range strings.SplitSeq(c.Body, "\n") {
		fmt.Fprintf(w, "    %s\n", line)
	}
}

func (a *app) readersUncommentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete-comment ID...",
		Short: "Delete comments as a moderator; a mark remains in their place",
		Args:  usage(cobra.MinimumNArgs(1)),
		RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, args []string) error {
			for _, arg := range args {
				id, err := strconv.ParseInt(arg, 10, 64)
				if err == nil {
					err = s.RemoveComment(cmd.Context(), id)
				} else {
					err = readers.ErrNotFound
				}
				if errors.Is(err, readers.ErrNotFound) {
					return &runner.UsageError{Err: fmt.Errorf("there is no comment %s; gyrus readers comments shows them", arg)}
				} else if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "comment %d: deleted\n", id)
			}
			return nil
		}),
	}
}

func (a *app) readersReportsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reports",
		Short: "List the complaints about comments that wait for a decision",
		Args:  usage(cobra.NoArgs),
		RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, _ []string) error {
			all, err := s.Reports(cmd.Context())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if len(all) == 0 {
				fmt.Fprintln(w, "Nothing waits for a decision.")
			}
			for _, r := range all {
				fmt.Fprintf(w, "report %d by reader %d, %s: %s\n  ", r.ID, r.Reader, r.At.Format("2006-01-02 15:04"), oneLine(r.Reason))
				printComment(w, r.Comment)
				fmt.Fprintf(w, "  gyrus readers report uphold %d (deletes the comment), or dismiss %d\n", r.ID, r.ID)
			}
			return nil
		}),
	}
}

func (a *app) readersClaimsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "claims",
		Short: "List the claims of authorship that wait for a decision",
		Args:  usage(cobra.NoArgs),
		RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, _ []string) error {
			all, err := s.OpenClaims(cmd.Context())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if len(all) == 0 {
				fmt.Fprintln(w, "Nothing waits for a decision.")
			}
			for _, c := range all {
				who, err := s.Reader(cmd.Context(), c.Reader)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "claim %d by %s (%d, %s), %s\n  paper %d: %s\n  evidence: %s\n  gyrus readers claim accept %d, or refuse %d --why \"...\"\n", c.ID, c.Name, c.Reader, who.Address.Reveal(), c.At.Format("2006-01-02 15:04"),
					c.Paper, c.Title, oneLine(c.Evidence), c.ID, c.ID)
			}
			return nil
		}),
	}
}

// oneLine keeps what readers wrote on the line it is printed in.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// readersDecideCommand is the verb that decides reports or claims.
func (a *app) readersDecideCommand(what, yes, no string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   what,
		Short: "Decide a " + what + ": " + yes + " or " + no,
		Args:  knownVerb,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, word := range []string{yes, no} {
		var why string
		one := &cobra.Command{
			Use:   word + " ID",
			Short: map[string]string{"uphold": "Delete the comment", "dismiss": "Leave the comment", "accept": "Show the reader as an author of the paper", "refuse": "Do not"}[word],
			Args:  usage(cobra.ExactArgs(1)),
			RunE: a.withReaders(func(cmd *cobra.Command, s *readers.Store, args []string) error {
				id, err := strconv.ParseInt(args[0], 10, 64)
				if err == nil {
					verdict := map[string]readers.Verdict{"uphold": readers.Upheld, "dismiss": readers.Dismissed, "accept": readers.Accepted, "refuse": readers.Refused}[word]
					if what == "report" {
						err = s.DecideReport(cmd.Context(), id, verdict)
					} else {
						err = s.DecideClaim(cmd.Context(), id, verdict, why)
					}
				} else {
					err = readers.ErrNotFound
				}
				if errors.Is(err, readers.ErrNotFound) {
					return &runner.UsageError{Err: fmt.Errorf("there is no %s %s to decide; gyrus readers %ss shows them", what, args[0], what)}
				} else if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %d: decided\n", what, id)
				return nil
			}),
		}
		if what == "claim" {
			one.Flags().StringVar(&why, "why", "", "what the reader is told")
		}
		cmd.AddCommand(one)
	}
	return cmd
}
