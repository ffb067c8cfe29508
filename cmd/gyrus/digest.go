package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/room"
)

// mailFile is the file of settings for mail, in the home folder.
const mailFile = "mail.json"

func (a *app) digestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "New papers by email: settings, sending, who gets them",
		Long: `New papers by email: settings, sending, who gets them. gyrus serve sends by itself what is due while it runs;
gyrus digest send does it once, for a timer. Both may run at the same time.

Whoever subscribes on the page gets a letter first and must confirm. Every digest has a link and a button to
unsubscribe. Letters hold no pictures and nothing that tells whether they were read.`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.digestSetupCommand(), a.digestSendCommand(), a.digestPreviewCommand(), a.digestSubscribersCommand(), a.digestOutboxCommand(),
		a.digestBounceCommand(), a.digestResumeCommand(), a.digestUnsubscribeCommand())
	return cmd
}

// feedDigestCommand is gyrus feed digest: the digest as it would be sent now, or sending it.
func (a *app) feedDigestCommand() *cobra.Command {
	var s sampling
	var preview string
	cmd := &cobra.Command{
		Use:     "digest",
		Short:   "Send the digests that are due, or write one to a file with --preview",
		Example: "  gyrus feed digest --preview digest.html\n  gyrus feed digest",
		Args:    usage(cobra.NoArgs),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error {
			if preview == "" {
				return a.sendDigests(cmd, store)
			}
			return a.previewDigest(cmd, store, &s, preview)
		}),
	}
	cmd.Flags().StringVar(&preview, "preview", "", "write the digest to this file (.html, .txt or .eml) and send nothing")
	s.flags(cmd)
	return cmd
}

func (a *app) mailSettings() (digest.Settings, error) {
	home, err := a.homeFolder()
	if err != nil {
		return digest.Settings{}, err
	}
	s, err := digest.ReadSettings(filepath.Join(home, mailFile))
	if err != nil {
		err = &runner.UsageError{Err: err}
	}
	return s, err
}

// mailer is the mailer of the home folder's feed. The search index is opened when a query needs it.
func (a *app) mailer(cmd *cobra.Command, store *feed.Store, s digest.Settings, now func() time.Time) (*digest.Mailer, error) {
	opened := sync.OnceValues(func() (*search.Index, error) { return a.openIndex(cmd, store, "") })
	find := func(ctx context.Context, query string, since time.Time, n int) ([]feed.Paper, error) {
		index, err := opened()
		if err != nil {
			return nil, err
		}
		return index.Find(ctx, query, since, n)
	}
	return digest.Open(cmd.Context(), store, digest.Config{Settings: s, Find: digest.FindInFeed(store, find), Paths: room.Paths(), Now: now})
}

// withMailer is withFeed for the verbs that manage mail and send none, which need no settings.
func (a *app) withMailer(run func(cmd *cobra.Command, m *digest.Mailer, args []string) error) func(*cobra.Command, []string) error {
	return a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
		s, err := a.settingsOrLocal()
		if err != nil {
			return err
		}
		m, err := a.mailer(cmd, store, s, nil)
		if err != nil {
			return err
		}
		return run(cmd, m, args)
	})
}

// settingsOrLocal returns the settings for mail, or such as a machine of one user would have.
func (a *app) settingsOrLocal() (digest.Settings, error) {
	s, err := a.mailSettings()
	if errors.Is(err, digest.ErrNoSettings) {
		return digest.Settings{Site: "http://" + studio.DefaultAddress, From: "Gyrus <gyrus@localhost>", Hour: defaultHour, SMTP: digest.SMTP{Host: "localhost", Security: digest.Plain}}, nil
	}
	return s, err
}

const defaultHour = 6

func (a *app) digestSetupCommand() *cobra.Command {
	var s digest.Settings
	var server, security, passwordFile string
	var force bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Write the settings for mail",
		Long: `Write the settings for mail to mail.json in the home folder, which only you can read.

The password of the mail server is read from --password-file, or asked for; or leave it out and set
$` + digest.PasswordVariable + ` where gyrus serve or gyrus digest send runs. Mail goes through TLS always, but for a server on
this machine. The mail server should sign what it sends (DKIM).`,
		Example: `  gyrus digest setup --site https://papers.example.org --from "Papers <papers@example.org>" --smtp mail.example.org --user papers`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			path := filepath.Join(home, mailFile)
			if _, err := os.Lstat(path); err == nil && !force {
				return &runner.UsageError{Err: fmt.Errorf("%s is there; --force replaces it", path)}
			}
			s.SMTP.Host, s.SMTP.Security = server, digest.Security(security)
			if host, port, err := net.SplitHostPort(server); err == nil {
				s.SMTP.Host = host
				if s.SMTP.Port, err = strconv.Atoi(port); err != nil {
					return &runner.UsageError{Err: fmt.Errorf("--smtp %s: %q is no port", server, port)}
				}
			}
			if s.SMTP.User != "" {
				if s.SMTP.Password, err = mailPassword(cmd, passwordFile); err != nil {
					return err
				}
			}
			if err := s.Check(); err != nil {
				return &runner.UsageError{Err: err}
			}
			if err := os.MkdirAll(home, 0o755); err != nil {
				return err
			}
			if err := s.Write(path); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Written to %s. Letters go from %s through %s:%d (%s).\n", path, s.From, s.SMTP.Host, s.SMTP.Port, s.SMTP.Security)
			if s.SMTP.User != "" && s.SMTP.Password == "" && os.Getenv(digest.PasswordVariable) == "" {
				fmt.Fprintf(cmd.OutOrStdout(), "There is no password yet: set %s before sending.\n", digest.PasswordVariable)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.Site, "site", "", "address of the reading room that links in letters begin with (needed)")
	f.StringVar(&s.From, "from", "", `sender, such as "Papers <papers@example.org>" (needed)`)
	f.StringVar(&s.Bounces, "bounces", "", "address that mail servers report to (default that of the sender)")
	f.StringVar(&s.Contact, "contact", "", "who sends this, for the last line of letters")
	f.IntVar(&s.Hour, "hour", defaultHour, "hour of the day at which digests are sent, UTC")
	f.StringVar(&server, "smtp", "", "mail server, HOST or HOST:PORT (needed)")
	f.StringVar(&security, "security", string(digest.StartTLS), "starttls, tls, or none for a server on this machine")
	f.StringVar(&s.SMTP.User, "user", "", "user name at the mail server")
	f.StringVar(&passwordFile, "password-file", "", "file whose first line is the password")
	f.BoolVar(&force, "force", false, "replace settings that are there")
	return cmd
}

// mailPassword reads the password from a file or asks for it. It is not a flag, since everybody on the machine can read those.
func mailPassword(cmd *cobra.Command, file string) (string, error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", &runner.UsageError{Err: fmt.Errorf("reading the password: %w", err)}
		}
		line, _, _ := bufio.NewReader(bytes.NewReader(data)).ReadLine()
		if len(line) == 0 {
			return "", &runner.UsageError{Err: fmt.Errorf("the first line of %s is empty", file)}
		}
		return string(line), nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", nil
	}
	fmt.Fprint(cmd.ErrOrStderr(), "Password of the mail server (empty to take it from the environment): ")
	typed, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(typed), err
}

func (a *app) digestSendCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "send",
		Short: "Compose the digests that are due, and send what is in the outbox",
		Long: `Compose the digests that are due, and send what is in the outbox. What cannot be sent for now stays there and is
tried again by the next call after a pause, for two days. A call that is killed neither loses a letter nor sends
one twice, but for one span: a letter that the mail server was just taking is sent again, with the same Message-ID.`,
		Args: usage(cobra.NoArgs),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, _ []string) error { return a.sendDigests(cmd, store) }),
	}
}

func (a *app) sendDigests(cmd *cobra.Command, store *feed.Store) error {
	s, err := a.mailSettings()
	if err != nil {
		return err
	}
	m, err := a.mailer(cmd, store, s, nil)
	if err != nil {
		return err
	}
	n, composing := m.Compose(cmd.Context())
	report, sending := m.Deliver(cmd.Context())
	fmt.Fprintf(cmd.OutOrStdout(), "%s composed; of the outbox %s.\n", plural(n, "digest"), report)
	return errors.Join(composing, sending)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sampling is what a preview shows.
type sampling struct {
	every   string
	queries []string
	at      string
	force   bool
}

func (s *sampling) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.every, "every", "day", "day or week")
	f.StringArrayVar(&s.queries, "query", nil, "what is followed, such as \"travelling waves\" or family:spiking; repeatable (default everything)")
	f.StringVar(&s.at, "at", "", "the day it is of, such as 2026-04-20 (default today)")
	f.BoolVar(&s.force, "force", false, "overwrite the file")
}

func (a *app) digestPreviewCommand() *cobra.Command {
	var s sampling
	cmd := &cobra.Command{
		Use:   "preview FILE",
		Short: "Write a digest to a file as it would be sent, and send nothing",
		Long: `Write a digest to a file as it would be sent, and send nothing. The name of the file says what it holds: .html the
letter as mail programs show it, .txt its text for those that show no HTML, .eml the whole message.`,
		Example: "  gyrus digest preview digest.html --every week --query \"travelling waves\"\n  gyrus digest preview digest.eml --at 2026-04-20",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: a.withFeed(func(cmd *cobra.Command, store *feed.Store, args []string) error {
			return a.previewDigest(cmd, store, &s, args[0])
		}),
	}
	s.flags(cmd)
	return cmd
}

func (a *app) previewDigest(cmd *cobra.Command, store *feed.Store, s *sampling, path string) error {
	kind := strings.ToLower(filepath.Ext(path))
	if !slices.Contains([]string{".html", ".txt", ".eml"}, kind) {
		return &runner.UsageError{Err: fmt.Errorf("%s: name a file that ends in .html, .txt or .eml", path)}
	}
	every := digest.Every(s.every)
	if every != digest.Daily && every != digest.Weekly {
		return &runner.UsageError{Err: fmt.Errorf("--every %s: a digest comes every day or every week", s.every)}
	}
	now := time.Now
	if s.at != "" {
		day, err := time.Parse(time.DateOnly, s.at)
		if err != nil {
			return &runner.UsageError{Err: fmt.Errorf("--at %s: write a day like 2026-04-20", s.at)}
		}
		day = day.Add(24*time.Hour - time.Second) // with the papers of that day
		now = func() time.Time { return day }
	}
	settings, err := a.settingsOrLocal()
	if err != nil {
		return err
	}
	m, err := a.mailer(cmd, store, settings, now)
	if err != nil {
		return err
	}
	letter, err := m.Sample(cmd.Context(), every, s.queries...)
	if errors.Is(err, digest.ErrNothingNew) {
		return &runner.UsageError{Err: fmt.Errorf("%w; --at and --every choose another time, gyrus feed archive says when papers came", err)}
	} else if err != nil {
		return err
	}
	var b bytes.Buffer
	switch kind {
	case ".html":
		b.WriteString(letter.HTML)
	case ".txt":
		b.WriteString(letter.Text)
	case ".eml":
		if err := m.WriteMessage(&b, "reader@example.org", letter); err != nil {
			return err
		}
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if s.force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return &runner.UsageError{Err: fmt.Errorf("%s is there; --force overwrites it", path)}
	} else if err != nil {
		return &runner.UsageError{Err: err}
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %q\n", path, size(int64(b.Len())), letter.Subject)
	return nil
}

func (a *app) digestSubscribersCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "subscribers",
		Short: "List who gets digests, and whose mail came back",
		Args:  usage(cobra.NoArgs),
		RunE: a.withMailer(func(cmd *cobra.Command, m *digest.Mailer, _ []string) error {
			all, err := m.Subscribers(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				type line struct {
					Address       string                `json:"address"`
					Subscriptions []digest.Subscription `json:"subscriptions"`
					Bounces       int                   `json:"bounces,omitempty"`
					Suspended     time.Time             `json:"suspended,omitzero"`
					Why           string                `json:"why,omitempty"`
				}
				lines := make([]line, 0, len(all))
				for _, s := range all {
					lines = append(lines, line{s.Address.Reveal(), s.Subscriptions, s.Bounces, s.Suspended, s.Why})
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "Nobody has subscribed.")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ADDRESS\tEVERY\tWHAT\tSTATE")
			for _, s := range all {
				state := ""
				if !s.Suspended.IsZero() {
					state = "suspended " + s.Suspended.Format(time.DateOnly) + ": " + s.Why
				}
				if len(s.Subscriptions) == 0 {
					fmt.Fprintf(w, "%s\t\t\t%s\n", s.Address.Reveal(), state)
				}
				for _, sub := range s.Subscriptions {
					of := state
					switch {
					case of != "":
					case sub.Confirmed.IsZero():
						of = "not confirmed"
					default:
						of = "next " + sub.Due.Format("2006-01-02 15:04")
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Address.Reveal(), sub.Every, sub.Label, of)
				}
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) digestOutboxCommand() *cobra.Command {
	var states []string
	var limit int
	var asJSON bool
	known := []string{"queued", "claimed", "sending", "sent", "failed", "expired"}
	cmd := &cobra.Command{
		Use:   "outbox",
		Short: "List letters: which wait, which were sent, what the mail server said",
		Args:  usage(cobra.NoArgs),
		RunE: a.withMailer(func(cmd *cobra.Command, m *digest.Mailer, _ []string) error {
			for _, s := range states {
				if !slices.Contains(known, s) {
					return &runner.UsageError{Err: fmt.Errorf("--state %s: there are %s", s, strings.Join(known, ", "))}
				}
			}
			all, err := m.Outbox(cmd.Context(), limit, states...)
			if err != nil {
				return err
			}
			if asJSON {
				type line struct {
					digest.Posted
					Address string `json:"address"`
				}
				lines := make([]line, 0, len(all))
				for _, p := range all {
					lines = append(lines, line{p, p.Address.Reveal()})
				}
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "There is no such letter.")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tKIND\tTO\tWRITTEN\tSTATE\tTRIES\tNOTE")
			for _, p := range all {
				note := p.Note
				if p.Unsure > 0 {
					note = strings.TrimSpace(fmt.Sprintf("the server may have got it %d times; %s", p.Unsure+1, note))
				}
				if !p.Next.IsZero() && p.Tries > 0 {
					note += ", next try " + p.Next.Format("2006-01-02 15:04")
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", p.ID, p.Kind, p.Address.Reveal(), p.Created.Format("2006-01-02 15:04"), p.State, p.Tries, note)
			}
			return w.Flush()
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, "only letters in this state ("+strings.Join(known, ", ")+"); repeatable")
	f.IntVarP(&limit, "limit", "n", 50, "the newest so many")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) digestBounceCommand() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "bounce ADDRESS|FILE...",
		Short: "Note that mail came back: stop sending to an address, or read reports of mail servers",
		Long: `Note that mail came back. An address is suspended: no digest goes there until its owner subscribes and confirms
again. A file is a report of a mail server (RFC 3464) as it lies in the mailbox for bounces; it counts if it is about
a letter that was sent from here, which is known by its Message-ID.`,
		Example: "  gyrus digest bounce ada@example.org --why \"she wrote to us\"\n  gyrus digest bounce Maildir/new/*",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: a.withMailer(func(cmd *cobra.Command, m *digest.Mailer, args []string) error {
			var failures []error
			for _, arg := range args {
				f, err := os.Open(arg)
				if errors.Is(err, os.ErrNotExist) && strings.Contains(arg, "@") {
					to, err := readers.ParseAddress(arg)
					if err != nil {
						failures = append(failures, &runner.UsageError{Err: fmt.Errorf("%s: %w, and there is no file of that name", arg, err)})
						continue
					}
					if err := m.Suspend(cmd.Context(), to, why); err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s: suspended\n", to.Reveal())
					continue
				} else if err != nil {
					failures = append(failures, &runner.UsageError{Err: err})
					continue
				}
				b, to, suspended, err := m.Bounced(cmd.Context(), f)
				f.Close()
				switch {
				case errors.Is(err, digest.ErrNoReport) || errors.Is(err, digest.ErrNotOurs):
					failures = append(failures, &runner.UsageError{Err: fmt.Errorf("%s: %w", arg, err)})
				case err != nil:
					return err
				default:
					state := ""
					if suspended {
						state = "; suspended"
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s %s %s%s\n", arg, to.Reveal(), b.Action, b.Status, state)
				}
			}
			return errors.Join(failures...)
		}),
	}
	cmd.Flags().StringVar(&why, "why", "by the operator", "why an address is suspended")
	return cmd
}

// oneAddress is the body of a verb about one address.
func (a *app) oneAddress(run func(cmd *cobra.Command, m *digest.Mailer, to readers.Address) error) func(*cobra.Command, []string) error {
	return a.withMailer(func(cmd *cobra.Command, m *digest.Mailer, args []string) error {
		to, err := readers.ParseAddress(args[0])
		if err != nil {
			return &runner.UsageError{Err: fmt.Errorf("%s: %w", args[0], err)}
		}
		return run(cmd, m, to)
	})
}

func (a *app) digestResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume ADDRESS",
		Short: "Send digests again to an address whose mail came back",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.oneAddress(func(cmd *cobra.Command, m *digest.Mailer, to readers.Address) error {
			err := m.Resume(cmd.Context(), to)
			if errors.Is(err, readers.ErrNotFound) {
				return &runner.UsageError{Err: fmt.Errorf("%s is not suspended", to.Reveal())}
			} else if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: digests go there again\n", to.Reveal())
			return nil
		}),
	}
}

func (a *app) digestUnsubscribeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unsubscribe ADDRESS",
		Short: "End all digests to an address whose owner asks for it",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: a.oneAddress(func(cmd *cobra.Command, m *digest.Mailer, to readers.Address) error {
			subs, err := m.SubscriptionsOf(cmd.Context(), to)
			if err != nil {
				return err
			}
			if err := m.LeaveOf(cmd.Context(), to, 0); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s ended\n", to.Reveal(), plural(len(subs), "digest"))
			return nil
		}),
	}
}
