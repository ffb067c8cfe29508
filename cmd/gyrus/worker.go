package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gyrus-dev/gyrus/runner"
	"github.com/gyrus-dev/gyrus/sweep"
)

// queueFlags are the flags that say how to reach a queue. What they leave open comes from the environment, which also holds the secrets.
type queueFlags struct{ url, creds, ca, cert, key string }

func (q *queueFlags) add(f *pflag.FlagSet) {
	f.StringVar(&q.url, "queue", os.Getenv("GYRUS_QUEUE"), "NATS server with JetStream: nats://HOST:4222 or tls://HOST:4222; several with commas (default $GYRUS_QUEUE)")
	f.StringVar(&q.creds, "creds", os.Getenv("GYRUS_QUEUE_CREDS"), "file of NATS user credentials (default $GYRUS_QUEUE_CREDS)")
	f.StringVar(&q.ca, "ca", os.Getenv("GYRUS_QUEUE_CA"), "file of certificates to trust, PEM (default $GYRUS_QUEUE_CA)")
	f.StringVar(&q.cert, "cert", os.Getenv("GYRUS_QUEUE_CERT"), "file of the client's certificate, PEM (default $GYRUS_QUEUE_CERT)")
	f.StringVar(&q.key, "key", os.Getenv("GYRUS_QUEUE_KEY"), "file of the client's key, PEM (default $GYRUS_QUEUE_KEY)")
	for _, name := range []string{"queue", "creds", "ca", "cert", "key"} {
		f.Lookup(name).DefValue = "" // the help says where it comes from, and shows no value of the environment
	}
}

func (q *queueFlags) connection() sweep.Connection {
	return sweep.Connection{URL: q.url, Creds: q.creds, CA: q.ca, Cert: q.cert, Key: q.key, NKey: os.Getenv("GYRUS_QUEUE_NKEY"),
		Token: os.Getenv("GYRUS_QUEUE_TOKEN"), User: os.Getenv("GYRUS_QUEUE_USER"), Password: os.Getenv("GYRUS_QUEUE_PASSWORD")}
}

// workerProcess makes a process of this program that works for a queue. Secrets go by its environment, which other users cannot read.
func workerProcess(home string, c sweep.Connection, threads int, args ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append([]string{"--home", home, "worker", "--workers", "1", "--child"}, args...)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GYRUS_QUEUE") && !strings.HasPrefix(v, "GOMAXPROCS=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	for name, value := range map[string]string{"": c.URL, "_CREDS": c.Creds, "_NKEY": c.NKey, "_TOKEN": c.Token, "_USER": c.User, "_PASSWORD": c.Password,
		"_CA": c.CA, "_CERT": c.Cert, "_KEY": c.Key} {
		if value != "" {
			cmd.Env = append(cmd.Env, "GYRUS_QUEUE"+name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(threads))
	return cmd, nil
}

// threadsEach shares the processors among workers.
func threadsEach(workers int) int { return max(1, runtime.GOMAXPROCS(0)/max(1, workers)) }

func (a *app) workerCommand() *cobra.Command {
	var (
		q       queueFlags
		c       sweep.WorkerConfig
		workers int
		child   bool
		data    []string
	)
	cmd := &cobra.Command{
		Use:   "worker --queue URL",
		Short: "Carry out jobs of sweeps from a queue, on any machine",
		Long: `Carry out jobs of sweeps that gyrus sweep --queue has put into a NATS server with JetStream, on as many machines as you
like, until Ctrl-C. A worker that is stopped gives its job back at once; the job of one that dies goes to another after its lease.

A worker refuses sweeps of another version of Gyrus, of papers it does not have, and of data it does not have.
Passwords and tokens are read from GYRUS_QUEUE_USER and GYRUS_QUEUE_PASSWORD, GYRUS_QUEUE_TOKEN or GYRUS_QUEUE_NKEY (a file).
See docs/sweeps.md.`,
		Example: `  gyrus worker --queue tls://queue.example.org:4222 --creds me.creds
  gyrus worker --queue nats://localhost:4222 --workers 4 --data trials=/data/trials.mat`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := a.homeFolder()
			if err != nil {
				return err
			}
			c.Connection, c.Home = q.connection(), home
			if c.Connection.URL == "" {
				return &runner.UsageError{Err: fmt.Errorf("say where the jobs are: --queue nats://HOST:4222; on one machine, gyrus sweep needs no worker beside it")}
			}
			if c.Inputs, err = pairs("--data", data); err != nil {
				return err
			}
			for name, path := range c.Inputs {
				if c.Inputs[name], err = filepath.Abs(path); err != nil {
					return err
				}
			}
			say := cmd.ErrOrStderr()
			if workers == 1 {
				ctx := cmd.Context()
				if child {
					ctx = sweep.EndWith(ctx, os.Stdin)
				} else if w := c.Connection.Warning(); w != "" {
					fmt.Fprintln(say, "warning:", w)
				}
				var mu sync.Mutex
				c.Say = func(line string) { mu.Lock(); fmt.Fprintln(say, line); mu.Unlock() }
				return sweep.Work(ctx, c)
			}
			if workers < 1 {
				workers = runtime.NumCPU()
			}
			if w := c.Connection.Warning(); w != "" {
				fmt.Fprintln(say, "warning:", w)
			}
			var args []string
			for _, d := range data {
				args = append(args, "--data", d)
			}
			if c.Sweep != "" {
				args = append(args, "--sweep", c.Sweep)
			}
			if c.AnyVersion {
				args = append(args, "--any-version")
			}
			logs := filepath.Join(home, "sweeps", "workers", strconv.Itoa(os.Getpid()))
			fmt.Fprintf(say, "%d workers take jobs from %s; stop them with Ctrl-C\n", workers, c.Connection.URL)
			var mu sync.Mutex
			said := map[string]bool{} // all say the same when the network goes
			pool := &sweep.Pool{Workers: workers, Logs: logs, Echo: func(line string) {
				mu.Lock()
				defer mu.Unlock()
				if !said[line] && len(said) < 10_000 {
					said[line] = true
					fmt.Fprintln(say, line)
				}
			}, Say: func(line string) { mu.Lock(); fmt.Fprintln(say, line); mu.Unlock() },
				Command: func(int) *exec.Cmd {
					return mustProcess(workerProcess(home, c.Connection, threadsEach(workers), args...))
				}}
			defer os.RemoveAll(logs)
			return pool.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	q.add(f)
	f.IntVar(&workers, "workers", 0, "number of worker processes (default: one a core)")
	f.StringVar(&c.Sweep, "sweep", "", "take jobs of this sweep only, and end with it")
	f.StringArrayVar(&data, "data", nil, "where this machine has an input of the sweep: INPUT=FILE; repeatable")
	f.BoolVar(&c.AnyVersion, "any-version", false, "also serve sweeps of another version of Gyrus, if the experiment declares the same")
	f.BoolVar(&child, "child", false, "end with standard input")
	f.MarkHidden("child")
	return cmd
}

// mustProcess makes a process that fails to start of one that could not be made.
func mustProcess(cmd *exec.Cmd, err error) *exec.Cmd {
	if err != nil {
		return &exec.Cmd{Err: err}
	}
	return cmd
}
