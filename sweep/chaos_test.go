package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is this test's binary in one of its other roles.
func process(t *testing.T, role string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "GYRUS_SWEEP_TEST="+role, "GOMAXPROCS=2"), env...)
	if _, err := cmd.StdinPipe(); err != nil { // which ends it, should the test end
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// starts counts how often each job was begun, by the marks it left.
func starts(t *testing.T, marks string) (jobs, total int) {
	t.Helper()
	files, err := os.ReadDir(marks)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(marks, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		total += strings.Count(string(data), "\n")
	}
	return len(files), total
}

// chaosTime is how long the long form of the tests goes on, with seed after seed; 0 for a single short one.
func chaosTime(t *testing.T) time.Duration {
	text := os.Getenv("GYRUS_SWEEP_CHAOS")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("GYRUS_SWEEP_CHAOS: %v", err)
	}
	return d
}

// TestChaos kills worker processes and the server, as by kill -9, at random times: every job must be done and count once. GYRUS_SWEEP_CHAOS=10m makes it go
// on for so long, GYRUS_SWEEP_CHAOS_SEED begins with another seed.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed, _ := strconv.ParseUint(os.Getenv("GYRUS_SWEEP_CHAOS_SEED"), 10, 64)
	for start := time.Now(); ; seed++ {
		if !t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) { chaos(t, seed) }) || time.Since(start) >= chaosTime(t) {
			return
		}
	}
}

func chaos(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	home, marks, store := t.TempDir(), t.TempDir(), t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	conn := Connection{URL: fmt.Sprintf("nats://127.0.0.1:%d", port), Token: "secret"}
	startServer := func() *exec.Cmd {
		return process(t, "server", fmt.Sprintf("GYRUS_SWEEP_TEST_PORT=%d", port), "GYRUS_SWEEP_TEST_STORE="+store, "GYRUS_SWEEP_TEST_TOKEN=secret")
	}
	startWorker := func() *exec.Cmd {
		return process(t, "worker", "GYRUS_SWEEP_TEST_URL="+conn.URL, "GYRUS_SWEEP_TEST_TOKEN=secret", "GYRUS_SWEEP_TEST_HOME="+home)
	}
	end := func(cmd *exec.Cmd) { cmd.Process.Kill(); cmd.Wait() }
	server := startServer()
	defer func() { end(server) }()
	await(t, func() bool {
		q, err := dial(conn, "test")
		if err == nil {
			q.conn.Close()
		}
		return err == nil
	})
	p := plan(t, Config{Set: map[string]string{"sleep": "15ms", "marks": marks}, Axes: []Axis{axis(t, "x=1:20:1")}, Seeds: seeds(t, "20"), Lease: 400 * time.Millisecond,
		Losses: 1000, Queue: conn.URL})
	type result struct {
		s   *Sweep
		err error
	}
	done := make(chan result, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		s, err := Begin(ctx, p, Options{Home: home, Connection: conn, Listen: listen(t)})
		done <- result{s, err}
	}()
	workers := make([]*exec.Cmd, 3)
	for i := range workers {
		workers[i] = startWorker()
	}
	defer func() {
		for _, w := range workers {
			end(w)
		}
	}()
	// That a request to begin a sweep fails with the server is no loss of jobs: the chaos begins with the sweep under way.
	await(t, func() bool { jobs, _ := starts(t, marks); return jobs > 5 })
	killed, stopped, servers := 0, 0, 0
	for {
		select {
		case r := <-done:
			if r.err != nil {
				t.Fatal(r.err)
			}
			check(t, r.s)
			again, err := Load(r.s.Dir)
			if err != nil {
				t.Fatal(err)
			}
			check(t, again)
			jobs, total := starts(t, marks)
			t.Logf("%d jobs were begun %d times; %d workers and %d servers killed, %d workers stopped", jobs, total, killed, servers, stopped)
			if jobs != p.Jobs() {
				t.Errorf("%d of %d jobs left a mark", jobs, p.Jobs())
			}
			if killed+servers == 0 {
				t.Error("the sweep was over before anything was killed")
			}
			return
		case <-time.After(time.Duration(40+rng.IntN(250)) * time.Millisecond):
		case <-time.After(2 * time.Minute):
			t.Fatal("the sweep does not end")
		}
		i := rng.IntN(len(workers))
		switch rng.IntN(6) {
		case 0:
			servers++
			end(server)
			time.Sleep(time.Duration(rng.IntN(400)) * time.Millisecond)
			server = startServer()
		case 1:
			stopped++
			workers[i].Process.Signal(syscall.SIGTERM)
			workers[i].Wait()
			workers[i] = startWorker()
		default:
			killed++
			end(workers[i])
			workers[i] = startWorker()
		}
	}
}

// TestKilledSweep kills the process that coordinates a sweep with its own server, again and again, and goes on.
func TestKilledSweep(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 1))
	home, marks := t.TempDir(), t.TempDir()
	p := plan(t, Config{Set: map[string]string{"sleep": "10ms", "marks": marks}, Axes: []Axis{axis(t, "x=1:20:1")}, Seeds: seeds(t, "15"), Lease: time.Minute})
	s := &Sweep{Plan: p, Dir: filepath.Join(home, "sweeps", p.ID)}
	if err := s.writePlan(); err != nil {
		t.Fatal(err)
	}
	rounds := 0
	for ; rounds < 12; rounds++ {
		cmd := process(t, "sweep", "GYRUS_SWEEP_TEST_HOME="+home, "GYRUS_SWEEP_TEST_ID="+p.ID)
		time.Sleep(time.Duration(150+rng.IntN(500)) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		var err error
		if s, err = Load(s.Dir); err != nil {
			t.Fatal(err)
		}
		if s.State == Finished || len(s.Outcomes) > 200 {
			break
		}
	}
	t.Logf("killed %d times, %d outcomes so far", rounds+1, len(s.Outcomes))
	// Its workers end with it, though they cannot give anything back: each prints how it ended as its last word.
	logs := filepath.Join(s.Dir, "workers")
	await(t, func() bool {
		files, err := os.ReadDir(logs)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if text, err := os.ReadFile(filepath.Join(logs, f.Name())); err != nil || !strings.HasSuffix(string(text), "context canceled\n") {
				return false
			}
		}
		return len(files) > 0
	})
	s, err := Resume(t.Context(), p.ID, Options{Home: home, Workers: 3, Command: command(home), Listen: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	jobs, total := starts(t, marks)
	t.Logf("%d jobs were begun %d times", jobs, total)
	if jobs != p.Jobs() || total > p.Jobs()+(rounds+2)*3*mostAhead {
		t.Errorf("%d jobs were begun %d times", jobs, total)
	}
}

// proxy stands between workers and a server and can fall silent or break.
type proxy struct {
	to       string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	down     bool
	silent   chan struct{} // closed when the proxy passes bytes on
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: to, listener: l, silent: make(chan struct{})}
	close(p.silent)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); p.hear(); p.cut() })
	return p
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	if err != nil || p.down {
		p.mu.Unlock()
		client.Close()
		if err == nil {
			server.Close()
		}
		return
	}
	p.conns = append(p.conns, client, server)
	p.mu.Unlock()
	pass := func(to, from net.Conn) {
		defer to.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			p.mu.Lock()
			silent := p.silent
			p.mu.Unlock()
			<-silent
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go pass(server, client)
	pass(client, server)
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// hush holds back all bytes until hear.
func (p *proxy) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = make(chan struct{})
}

func (p *proxy) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.silent:
	default:
		close(p.silent)
	}
}

func (p *proxy) setDown(down bool) {
	p.mu.Lock()
	p.down = down
	p.mu.Unlock()
	if down {
		p.cut()
	}
}

// TestPartition breaks and silences the networks of two workers and of the coordinator for longer than the lease: jobs are then done twice, and
// count once.
func TestPartition(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 1))
	q := newTestQueue(t)
	home, marks := t.TempDir(), t.TempDir()
	address := strings.TrimPrefix(q.conn.URL, "nats://")
	through := make([]*proxy, 3)
	conns := make([]Connection, 3)
	for i := range through {
		through[i] = newProxy(t, address)
		conns[i] = Connection{URL: "nats://" + through[i].listener.Addr().String(), Token: q.conn.Token}
	}
	p := plan(t, Config{Set: map[string]string{"sleep": "60ms", "marks": marks}, Axes: []Axis{axis(t, "x=1:10:1")}, Seeds: seeds(t, "8"), Lease: 250 * time.Millisecond,
		Losses: 1000, Queue: q.conn.URL})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	for i := range 2 {
		all.Go(func() {
			Work(ctx, WorkerConfig{Connection: conns[i], Home: home, Name: fmt.Sprintf("w%d", i), AnyVersion: true})
		})
	}
	done := make(chan *Sweep, 1)
	all.Go(func() {
		s, err := Begin(ctx, p, Options{Home: home, Connection: conns[2], Listen: listen(t)})
		if err != nil {
			t.Error(err)
		}
		done <- s
	})
	await(t, func() bool { jobs, _ := starts(t, marks); return jobs > 2 })
	deadline := time.After(90 * time.Second)
	for n := 0; ; n++ {
		select {
		case s := <-done:
			stop()
			check(t, s)
			jobs, total := starts(t, marks)
			t.Logf("%d jobs were begun %d times over %d partitions", jobs, total, n)
			if total == jobs {
				t.Error("no job was done twice: the test would not see one counted twice")
			}
			return
		case <-deadline:
			t.Fatal("the sweep does not end")
		case <-time.After(time.Duration(100+rng.IntN(200)) * time.Millisecond):
		}
		x := through[rng.IntN(3)]
		switch rng.IntN(3) {
		case 0: // for a moment
			x.cut()
		case 1:
			x.setDown(true)
			time.Sleep(time.Duration(rng.IntN(600)) * time.Millisecond)
			x.setDown(false)
		case 2: // longer than the lease, with connections that seem alive
			x.hush()
			time.Sleep(time.Duration(300+rng.IntN(400)) * time.Millisecond)
			x.hear()
		}
	}
}

// TestDeliveredTwice lets two workers have the same job at the same time: the outcome that comes first counts, the other is refused.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	q := newTestQueue(t)
	home, marks := t.TempDir(), t.TempDir()
	p := plan(t, Config{Set: map[string]string{"sleep": "700ms", "marks": marks}, Seeds: seeds(t, "1"), Lease: time.Minute, Queue: q.conn.URL})
	here := q.dial(t)
	if err := here.openSweep(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	offer := func() error {
		return p.tasks(func(string) bool { return false }, func(task task) error {
			future, err := here.offer(t.Context(), p.ID, task)
			if err != nil {
				return err
			}
			select {
			case <-future.Ok():
				return nil
			case err := <-future.Err():
				return err
			}
		})
	}
	if err := offer(); err != nil {
		t.Fatal(err)
	}
	if err := offer(); !queued(err) {
		t.Errorf("a job was put in twice: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	work := func(name string) {
		all.Go(func() { Work(ctx, WorkerConfig{Connection: q.conn, Home: home, Name: name, AnyVersion: true}) })
	}
	work("first")
	await(t, func() bool { _, total := starts(t, marks); return total == 1 })
	second := *p
	second.Consumer = "workers-again" // as when an embedded server starts anew: what was under way is free
	if err := here.openSweep(t.Context(), &second); err != nil {
		t.Fatal(err)
	}
	work("second")
	await(t, func() bool { _, total := starts(t, marks); return total == 2 })
	outcomes, err := here.js.Stream(t.Context(), outcomesStream(p.ID))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	await(t, func() bool {
		s, err := here.js.Stream(t.Context(), tasksStream(p.ID))
		return err == nil && s.CachedInfo().State.Msgs == 0
	})
	stop()
	all.Wait()
	m, err := outcomes.GetLastMsgForSubject(t.Context(), outcomeSubject(p.ID, "p0-s0"))
	if err != nil || !strings.Contains(string(m.Data), `"worker":"first"`) || m.Sequence != 1 {
		t.Fatalf("the outcome is %s, %v", m.Data, err)
	}
	info, err := outcomes.Info(t.Context())
	if err != nil || info.State.LastSeq != 1 {
		t.Errorf("%d outcomes were stored", info.State.LastSeq)
	}
	if ok, err := here.create(t.Context(), outcomeSubject(p.ID, "p0-s0"), []byte("{}")); ok || err != nil {
		t.Errorf("another outcome was taken: %v, %v", ok, err)
	}
}

// TestLostQueue takes the sweep out of the queue while it is under way: what is missing is put in again.
func TestLostQueue(t *testing.T) {
	t.Parallel()
	q := newTestQueue(t)
	home := t.TempDir()
	p := plan(t, Config{Set: map[string]string{"sleep": "10ms"}, Axes: []Axis{axis(t, "x=1:10:1")}, Seeds: seeds(t, "10"), Lease: 300 * time.Millisecond, Queue: q.conn.URL})
	lost := make(chan bool, 1)
	s, err := Begin(t.Context(), p, Options{Home: home, Connection: q.conn, Workers: 2, Listen: func(e Event) {
		if e.Done == 30 {
			select {
			case lost <- true:
			default:
				return
			}
			other, err := dial(q.conn, "test")
			if err != nil {
				t.Error(err)
				return
			}
			defer other.conn.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := other.js.DeleteStream(ctx, tasksStream(p.ID)); err != nil {
				t.Error(err)
			}
			if err := other.js.DeleteStream(ctx, outcomesStream(p.ID)); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s)
	if len(lost) != 1 {
		t.Error("nothing was lost")
	}
}
