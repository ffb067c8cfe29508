package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gyrus-dev/gyrus/runner"
)

// Connection says how to reach a NATS server. Secrets come from files and from the environment (see the command line), never from the URL,
// which stands in process lists and in plan.json.
type Connection struct {
	URL            string // nats://host:4222 or tls://host:4222; several are separated by commas
	Creds          string // file of user credentials, as nsc makes them
	NKey           string // file of an NKey seed
	Token          string
	User, Password string
	CA             string // file of certificates to trust, PEM
	Cert, Key      string // files of a client certificate, PEM
}

// secure reports whether the connection is encrypted or stays on this machine.
func (c *Connection) secure() bool {
	for one := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			return false
		}
		if h := u.Hostname(); u.Scheme != "tls" && u.Scheme != "wss" && c.CA == "" && h != "localhost" && h != "127.0.0.1" && h != "::1" {
			return false
		}
	}
	return true
}

// Warning is what the user of a connection should know about it, or empty.
func (c *Connection) Warning() string {
	if c.URL == "" || c.secure() {
		return ""
	}
	return "the connection to " + c.URL + " is not encrypted: anyone between can read it, and whoever can write to the queue decides what workers compute; use tls://"
}

// check refuses what would put a secret where others see it.
func (c *Connection) check() error {
	for one := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		switch {
		case err != nil:
			return fmt.Errorf("the queue's address %q cannot be read: %w", one, err)
		case u.User != nil:
			return fmt.Errorf("the queue's address holds a password, which process lists show and plan.json would keep: give it by GYRUS_QUEUE_USER and GYRUS_QUEUE_PASSWORD, GYRUS_QUEUE_TOKEN or --creds FILE")
		case u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "":
			return fmt.Errorf("the queue's address %q is not of the form nats://HOST:PORT or tls://HOST:PORT", one)
		}
	}
	return nil
}

// options are those of a client that outlives its server: it tries to reconnect for ever.
func (c *Connection) options(name string) ([]nats.Option, error) {
	opts := []nats.Option{nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(5 * time.Second), nats.IgnoreAuthErrorAbort(),
		// Without a server, operations fail and are repeated. Requests that are sent late would fetch jobs for nobody.
		nats.ReconnectBufSize(-1)}
	if c.Creds != "" {
		opts = append(opts, nats.UserCredentials(c.Creds))
	}
	if c.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, fmt.Errorf("reading the NKey %s: %w", c.NKey, err)
		}
		opts = append(opts, o)
	}
	if c.Token != "" {
		opts = append(opts, nats.Token(c.Token))
	}
	if c.User != "" {
		opts = append(opts, nats.UserInfo(c.User, c.Password))
	}
	if c.CA != "" {
		opts = append(opts, nats.RootCAs(c.CA))
	}
	if c.Cert != "" || c.Key != "" {
		opts = append(opts, nats.ClientCert(c.Cert, c.Key))
	}
	return opts, nil
}

// queue is a connection to JetStream, and what sweeps keep there:
//
//	stream GYRUS_SWEEPS       gyrus.sweep.ID        the manifest of each open sweep
//	stream GYRUS_TASKS_ID     gyrus.task.ID.TASK    a work queue
//	stream GYRUS_OUTCOMES_ID  gyrus.outcome.ID.JOB  at most one, for good
//	                          gyrus.try.ID.TASK     the deliveries of a task that came to no outcome
//	                          gyrus.refusal.ID.WORKER  why a worker takes no job of the sweep
type queue struct {
	conn *nats.Conn
	js   jetstream.JetStream
}

const sweepsStream = "GYRUS_SWEEPS"

func tasksStream(id string) string         { return "GYRUS_TASKS_" + id }
func outcomesStream(id string) string      { return "GYRUS_OUTCOMES_" + id }
func manifestSubject(id string) string     { return "gyrus.sweep." + id }
func taskSubject(id, task string) string   { return "gyrus.task." + id + "." + task }
func outcomeSubject(id, job string) string { return "gyrus.outcome." + id + "." + job }
func trySubject(id, task string) string    { return "gyrus.try." + id + "." + task }
func refusalSubject(id, worker string) string {
	return "gyrus.refusal." + id + "." + unsafeInSubject.ReplaceAllString(worker, "_")
}

var (
	unsafeInSubject = regexp.MustCompile(`[^A-Za-z0-9_-]`)
	idForm          = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
)

// dial connects to a server that is there.
func dial(c Connection, name string, extra ...nats.Option) (*queue, error) {
	if err := c.check(); err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	opts, err := c.options(name)
	if err != nil {
		return nil, &runner.UsageError{Err: err}
	}
	conn, err := nats.Connect(c.URL, append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the queue at %s: %w", c.URL, err)
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(512), jetstream.WithDefaultTimeout(5*time.Second))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &queue{conn, js}, nil
}

// openSweeps makes sure of the stream of manifests.
func (q *queue) openSweeps(ctx context.Context, replicas int) error {
	_, err := q.js.CreateStream(ctx, jetstream.StreamConfig{Name: sweepsStream, Subjects: []string{manifestSubject("*")},
		MaxMsgsPerSubject: 1, Replicas: replicas, AllowDirect: true})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // it exists, perhaps with other replicas
		return jetstreamError(err)
	}
	return nil
}

// openSweep makes sure of what a sweep keeps in the queue and announces it.
func (q *queue) openSweep(ctx context.Context, p *Plan) error {
	if err := q.openSweeps(ctx, p.Replicas); err != nil {
		return err
	}
	_, err := q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: tasksStream(p.ID), Subjects: []string{taskSubject(p.ID, "*")}, Retention: jetstream.WorkQueuePolicy,
		// A task that is still there is not put in twice.
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgs: -1, Replicas: p.Replicas})
	if err != nil {
		return jetstreamError(err)
	}
	_, err = q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: outcomesStream(p.ID),
		Subjects:          []string{outcomeSubject(p.ID, "*"), trySubject(p.ID, "*"), "gyrus.refusal." + p.ID + ".*"},
		MaxMsgsPerSubject: 1, Replicas: p.Replicas, AllowDirect: true})
	if err != nil {
		return jetstreamError(err)
	}
	tasks, err := q.js.Stream(ctx, tasksStream(p.ID))
	if err != nil {
		return err
	}
	names := tasks.ConsumerNames(ctx)
	for name := range names.Name() {
		if name != p.Consumer { // a work queue has one consumer
			if err := tasks.DeleteConsumer(ctx, name); err != nil {
				return err
			}
		}
	}
	if err := names.Err(); err != nil {
		return err
	}
	// MaxDeliver is unlimited: how often a job is tried is counted by workers, who know a try that failed from one that was returned.
	_, err = tasks.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: p.Consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: p.Lease,
		MaxDeliver: -1, MaxAckPending: -1, Replicas: p.Replicas})
	if err != nil {
		return err
	}
	if p.Collect {
		if _, err := q.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: files(p.ID), Replicas: p.Replicas}); err != nil {
			return err
		}
	}
	data, err := json.Marshal(p.manifest())
	if err != nil {
		return err
	}
	_, err = q.js.Publish(ctx, manifestSubject(p.ID), data)
	return err
}

// closeSweep removes what a sweep keeps in the queue; workers that still hold a job of it give up.
func (q *queue) closeSweep(ctx context.Context, id string) error {
	sweeps, err := q.js.Stream(ctx, sweepsStream)
	if err == nil {
		err = sweeps.Purge(ctx, jetstream.WithPurgeSubject(manifestSubject(id)))
	}
	for _, name := range []string{tasksStream(id), outcomesStream(id)} {
		if derr := q.js.DeleteStream(ctx, name); !errors.Is(derr, jetstream.ErrStreamNotFound) {
			err = errors.Join(err, derr)
		}
	}
	if derr := q.js.DeleteObjectStore(ctx, files(id)); !errors.Is(derr, jetstream.ErrBucketNotFound) && !errors.Is(derr, jetstream.ErrStreamNotFound) {
		err = errors.Join(err, derr)
	}
	return err
}

// manifests lists the open sweeps, oldest first.
func (q *queue) manifests(ctx context.Context) ([]*Plan, error) {
	s, err := q.js.Stream(ctx, sweepsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, jetstreamError(err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Plan
	for seq := info.State.FirstSeq; seq > 0 && seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(manifestSubject("*")))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		} else if err != nil {
			return nil, err
		}
		seq = m.Sequence
		var p Plan
		if json.Unmarshal(m.Data, &p) == nil && p.Format == 1 && idForm.MatchString(p.ID) && m.Subject == manifestSubject(p.ID) && p.Lease > 0 {
			out = append(out, &p)
		}
	}
	return out, nil
}

// jetstreamError says what is amiss with a server that has no JetStream.
func jetstreamError(err error) error {
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("the queue has no JetStream for this user: start the server with -js, or ask whoever runs it: %w", err)
	}
	return err
}

// offer puts a task into the queue, unless it is there.
func (q *queue) offer(ctx context.Context, id string, t task) (jetstream.PubAckFuture, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return q.js.PublishAsync(taskSubject(id, t.name()), data)
}

// queued reports whether a task was not put in because it is there.
func queued(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject")
}

// taken reports whether something was stored under a subject before.
func taken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// isTimeout reports whether a fetch has merely found nothing in its time.
func isTimeout(err error) bool {
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// create stores data under a subject that has none, and reports whether it did.
func (q *queue) create(ctx context.Context, subject string, data []byte) (bool, error) {
	_, err := q.js.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithRetryAttempts(0))
	if taken(err) {
		return false, nil
	}
	return err == nil, err
}
