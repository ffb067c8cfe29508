package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/jobs"
)

func (a *app) serveCommand() *cobra.Command {
	var (
		c         studio.Config
		tokenFile string
		mail      string
		worker    bool
		verbose   bool
		open      bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Show the reading room, papers and runs in the browser",
		Long: `Show papers in the browser, run them there, watch them, and compare what they measured.

It listens on this machine only. To listen beyond it (--listen :7433), give a token, or a TLS certificate with its
key: with a token a browser shows it once and may then do everything; with --public, or with TLS and no token,
everybody may read, and only whoever has the token may start runs and upload files.

Runs started from the browser read files of the uploads, of --data folders, of downloaded data sets and of
$GYRUS_DATA, and nothing else. Runs under way stop when the server stops, and can be gone on with.`,
		Example: `  gyrus serve --open
  gyrus serve --data ~/recordings
  gyrus serve --listen :7433 --token-file token.txt --cert cert.pem --key key.pem --public`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if worker {
				return jobs.Work(cmd.Context(), os.Stdin, os.Stdout)
			}
			var err error
			if c.Home, err = a.homeFolder(); err != nil {
				return err
			}
			if c.Token, err = serveToken(tokenFile); err != nil {
				return err
			}
			c.DataFolders = append(c.DataFolders, ownData(c.Home)...)
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelInfo
			}
			c.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			s, err := studio.New(c)
			if err != nil {
				return &runner.UsageError{Err: err}
			}
			defer s.Close()
			if mail == "" {
				mail = filepath.Join(c.Home, "mail.json")
			}
			if err := a.addReadingRoom(cmd, s, mail); err != nil {
				return err
			}
			if err := addRecordings(s); err != nil {
				return err
			}
			if c.Address == "" {
				c.Address = studio.DefaultAddress
			}
			l, err := net.Listen("tcp", c.Address)
			if err != nil {
				return &runner.UsageError{Err: fmt.Errorf("listening: %w (choose another port with --listen)", err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Gyrus is at %s  (stop it with Ctrl-C)\n", s.URL(l.Addr()))
			if open {
				if err := openPage(s.URL(l.Addr())); err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), err)
				}
			}
			return s.Serve(cmd.Context(), l)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Address, "listen", "", "address to listen on, host:port (default "+studio.DefaultAddress+")")
	f.StringArrayVar(&c.DataFolders, "data", nil, "folder that runs may read; repeatable")
	f.StringVar(&tokenFile, "token-file", "", "file that holds the token; without it $GYRUS_TOKEN is taken")
	f.StringVar(&mail, "mail", "", "file of settings for sending mail (default mail.json in the home folder; without one none is sent)")
	f.BoolVar(&c.Public, "public", false, "let everybody read; only what starts runs or reads data needs the token")
	f.StringVar(&c.Certificate, "cert", "", "TLS certificate with its chain, PEM")
	f.StringVar(&c.Key, "key", "", "key of the TLS certificate, PEM")
	f.StringArrayVar(&c.Hosts, "host", nil, "further name the server is called by; repeatable")
	f.IntVar(&c.Parallel, "parallel", 1, "runs at once")
	f.BoolVar(&verbose, "verbose", false, "print every request")
	f.BoolVar(&open, "open", false, "open the page in the browser")
	f.BoolVar(&worker, "worker", false, "carry out the job that is read from standard input")
	f.MarkHidden("worker")
	return cmd
}

// serveToken reads the token. It is not a flag, since everybody on the machine can read those.
func serveToken(file string) (string, error) {
	if file == "" {
		return os.Getenv("GYRUS_TOKEN"), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", &runner.UsageError{Err: fmt.Errorf("reading the token: %w", err)}
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if token := strings.TrimSpace(line); token != "" {
		return token, nil
	} else if err == nil || err == io.EOF {
		err = fmt.Errorf("its first line is empty")
	}
	return "", &runner.UsageError{Err: fmt.Errorf("reading the token from %s: %w", file, err)}
}

// ownData lists the folders of data that are there anyway: downloaded data sets, and the mirror.
func ownData(home string) (folders []string) {
	for _, f := range []string{filepath.Join(home, "data"), os.Getenv("GYRUS_DATA")} {
		if info, err := os.Stat(f); f != "" && err == nil && info.IsDir() {
			folders = append(folders, f)
		}
	}
	return folders
}
