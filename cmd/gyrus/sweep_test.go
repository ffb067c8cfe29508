package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gyrus-dev/gyrus/sweep"
)

// asCommand lets the worker processes of a sweep in this test be this binary in its role as the command.
func asCommand(t *testing.T) {
	t.Helper()
	t.Setenv("GYRUS_TEST_AS_COMMAND", "1")
	for _, name := range []string{"", "_TOKEN", "_USER", "_PASSWORD", "_CREDS", "_NKEY", "_CA", "_CERT", "_KEY"} {
		t.Setenv("GYRUS_QUEUE"+name, "")
	}
}

func TestSweepVerb(t *testing.T) {
	asCommand(t)
	home := t.TempDir()
	if out, _, status := gyrus(t, home, "sweep", "list"); status != 0 || !strings.Contains(out, "no sweep yet") {
		t.Errorf("status %d: %s", status, out)
	}
	grid := []string{"sweep", "leaky", "--quick", "--grid", "tau=2,8,32", "--seeds", "0..2"}
	if out, errs, status := gyrus(t, home, append(grid, "--dry-run")...); status != 0 || !strings.Contains(out, "3 points and 3 seeds, 9 jobs") || !strings.Contains(out, "tau=32") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	copied := filepath.Join(home, "copied")
	out, errs, status := gyrus(t, home, append(grid, "--workers", "2", "--out", copied)...)
	if status != 0 || !strings.Contains(out, "9 of 9 jobs done, 0 parked") || !strings.Contains(out, "tau=8") || !strings.Contains(out, filepath.Join(copied, "report.html")) {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	for _, name := range []string{"report.html", "results.csv", "jobs.csv", "sweep.json"} {
		if _, err := os.Stat(filepath.Join(copied, name)); err != nil {
			t.Error(err)
		}
	}
	// Workers are processes, and each says which it is.
	out, _, status = gyrus(t, home, "sweep", "show", "last", "--json")
	var r sweep.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 || len(r.Outcomes) != 9 {
		t.Fatalf("status %d, %v: %s", status, err, out)
	}
	host, _ := os.Hostname()
	for _, o := range r.Outcomes {
		if !strings.HasPrefix(o.Worker, host+"-") || strings.HasSuffix(o.Worker, "-0") {
			t.Errorf("%s was done by %s", o.Job, o.Worker)
		}
	}
	if out, _, status := gyrus(t, home, "sweep", "list"); status != 0 || !strings.Contains(out, r.Plan.ID) || !strings.Contains(out, "done") {
		t.Errorf("status %d: %s", status, out)
	}
	// The numbers are those of gyrus run.
	if _, errs, status := gyrus(t, home, "run", "leaky", "--quick", "--set", "tau=8", "--seed", "1", "--seeds", "1"); status != 0 {
		t.Fatal(errs)
	}
	out, _, _ = gyrus(t, home, "report", "last", "--json")
	var run struct {
		Records []struct{ Measurements []struct{ Value float64 } }
	}
	if err := json.Unmarshal([]byte(out), &run); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Outcomes, func(o sweep.Outcome) bool { return o.Job == "p1-s1" })
	if float64(r.Outcomes[i].Measurements[0].Value) != run.Records[0].Measurements[0].Value {
		t.Errorf("the sweep measured %v, a run %v", r.Outcomes[i].Measurements, run.Records[0].Measurements)
	}
	if out, errs, status := gyrus(t, home, "sweep", "remove", "last"); status != 0 || !strings.Contains(out, r.Plan.ID) {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if _, errs, status := gyrus(t, home, "sweep", "show", "last"); status != 2 || !strings.Contains(errs, "no sweep yet") {
		t.Errorf("status %d: %s", status, errs)
	}
}

func TestSweepRefuses(t *testing.T) {
	asCommand(t)
	home := t.TempDir()
	for _, c := range []struct {
		args, says string
	}{
		{"sweep", "say which paper"},
		{"sweep leaky --grid tau", "--grid tau"},
		{"sweep leaky --grid tua=1,2", "did you mean \"tau\""},
		{"sweep leaky --grid tau=0.5,2", "at least 1"},
		{"sweep leaky --seeds 3..1", "--seeds 3..1"},
		{"sweep leaky --quick --full", "exclude each other"},
		{"sweep leaky --retry", "--resume"},
		{"sweep leaky --batch 4", "cannot carry out several seeds at once"},
		{"sweep leaky --queue nats://me:secret@localhost", "GYRUS_QUEUE_PASSWORD"},
		{"sweep --resume last", "no sweep yet"},
		{"sweep --resume last --seeds 3", "cannot be changed"},
		{"sweep leaky --resume last", "do not name a paper"},
		{"sweep show nothing", "no sweep"},
		{"worker", "--queue"},
		{"worker --queue http://localhost --workers 1", "not of the form"},
	} {
		if _, errs, status := gyrus(t, home, strings.Fields(c.args)...); status != 2 || !strings.Contains(errs, c.says) {
			t.Errorf("gyrus %s: status %d, %s", c.args, status, errs)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(home, "sweeps", "*")); len(left) > 0 {
		t.Errorf("refused requests left %v", left)
	}
}

// TestSweepInterrupt sends the signal of Ctrl-C to a sweep and goes on with it.
func TestSweepInterrupt(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("sends a signal to a process")
	}
	asCommand(t)
	home := t.TempDir()
	run := command("--home", home, "sweep", "waits", "--seeds", "0..3", "--workers", "2")
	var errs bytes.Buffer
	run.Stderr = &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		stages, _ := filepath.Glob(filepath.Join(home, "sweeps", "*", "jobs", "*", "stages", "first.gob"))
		return len(stages) == 2
	})
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	run.Wait()
	if status := run.ProcessState.ExitCode(); status != 130 || !strings.Contains(errs.String(), "gyrus sweep --resume waits-") || !strings.Contains(errs.String(), "0 of 4 jobs done and 0 parked") {
		t.Fatalf("status %d, said %s", status, errs.String())
	}
	t.Setenv("GYRUS_TEST_GO_ON", "1")
	if out, said, status := gyrus(t, home, "sweep", "--resume", "last", "--workers", "2"); status != 0 || !strings.Contains(out, "4 of 4 jobs done") {
		t.Errorf("status %d: %s%s", status, out, said)
	}
}

// TestWorkerVerb lets worker processes do the jobs of a sweep through a server that wants a token.
func TestWorkerVerb(t *testing.T) {
	asCommand(t)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), Authorization: "sesame"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	url := s.ClientURL()
	if _, errs, status := gyrus(t, t.TempDir(), "worker", "--queue", url, "--workers", "1"); status != 1 || !strings.Contains(strings.ToLower(errs), "authorization") {
		t.Errorf("without the token: status %d, %s", status, errs)
	}
	t.Setenv("GYRUS_QUEUE_TOKEN", "sesame")
	home, away := t.TempDir(), t.TempDir()
	worker := command("--home", away, "worker", "--queue", url, "--workers", "2")
	var said bytes.Buffer
	worker.Stderr = &said
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer stop(worker)
	out, errs, status := gyrus(t, home, "sweep", "leaky", "--quick", "--grid", "tau=2,8", "--seeds", "4", "--queue", url, "--runs", "--collect")
	if status != 0 || !strings.Contains(out, "8 of 8 jobs done") {
		t.Fatalf("status %d: %s%s\n%s", status, out, errs, said.String())
	}
	pages, _ := filepath.Glob(filepath.Join(home, "sweeps", "*", "runs", "*", "report.html"))
	if len(pages) != 8 {
		t.Errorf("%d run directories came back", len(pages))
	}
	if status := stop(worker); status != 130 || !strings.Contains(said.String(), "2 workers take jobs") {
		t.Errorf("the workers ended with %d and said %s", status, said.String())
	}
}

// stop ends a process as Ctrl-C does and returns its status.
func stop(c *exec.Cmd) int {
	c.Process.Signal(os.Interrupt)
	c.Wait()
	return c.ProcessState.ExitCode()
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("waited for 30 s in vain")
}

// TestSweepGuide wants every command of docs/sweeps.md to be one that this program takes.
func TestSweepGuide(t *testing.T) {
	asCommand(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "sweeps.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(page)) {
		args, ok := strings.CutPrefix(line, "    gyrus ")
		if !ok {
			continue
		}
		n++
		cmd, rest, err := rootCommand().Find(strings.Fields(args))
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
		if sweeps := cmd.Name() == "sweep" && len(cmd.Flags().Args()) > 0; sweeps {
			if out, errs, status := gyrus(t, t.TempDir(), append(strings.Fields(args), "--dry-run")...); status != 0 || !strings.Contains(out, "points and") {
				t.Errorf("%s: status %d, %s%s", strings.TrimSpace(line), status, out, errs)
			}
		}
	}
	if n < 9 {
		t.Errorf("docs/sweeps.md has %d commands", n)
	}
	for _, flag := range strings.Fields("dry-run retries losses timeout lease workers runs collect batch random replicas out") {
		if !strings.Contains(string(page), "--"+flag) {
			t.Errorf("docs/sweeps.md does not mention --%s", flag)
		}
	}
}
