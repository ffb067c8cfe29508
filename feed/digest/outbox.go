package digest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed/readers"
)

// Letter is what somebody reads.
type Letter struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
	Leave   string `json:"leave,omitempty"` // address of the page to unsubscribe at; empty if the letter was asked for
}

// envelope is what a letter enters the outbox with.
type envelope struct {
	key     string // says what the letter is: the same letter enters once
	kind    string
	to      readers.Address
	expires time.Time // of no use to anybody afterwards
}

// The kinds of letters. Those that somebody waits for go first.
const (
	signInKind  = "sign-in"
	confirmKind = "confirm"
	digestKind  = "digest"
)

// queue puts a letter into the outbox.
func (m *Mailer) queue(ctx context.Context, tx *sql.Tx, e envelope, l Letter) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	now := m.now()
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO outbox (key, kind, urgent, address, message_id, letter, created, expires, next) VALUES (?, ?, ?, ?, '', ?, ?, ?, ?)
		ON CONFLICT (key) DO NOTHING RETURNING id`, e.key, e.kind, e.kind != digestKind, e.to, string(text), now, e.expires.UnixMilli(), now).Scan(&id)
	if err == sql.ErrNoRows { // it is there
		return nil
	} else if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE outbox SET message_id = ? WHERE id = ?", m.messageID(id, e.key), id)
	return err
}

// messageID is the same for a letter whenever it is sent, and can be told from a made-up one.
func (m *Mailer) messageID(id int64, key string) string {
	return strconv.FormatInt(id, 36) + "." + m.mac("message", fmt.Sprintf("%d %s", id, key)) + "@" + m.config.domain()
}

// SignIn puts a letter with a sign-in link into the outbox. It is what [readers.Config] wants as Letter. The link is in the database until
// the letter is sent or the link expires.
func (m *Mailer) SignIn(ctx context.Context, tx *sql.Tx, to readers.Address, token string, until time.Time) error {
	letter, err := m.signInLetter(m.link(m.config.Paths.SignIn, token), until.Sub(m.config.Now()))
	if err != nil {
		return err
	}
	return m.queue(ctx, tx, envelope{key: "sign-in " + m.mac("sign-in", token), kind: signInKind, to: to, expires: until}, letter)
}

// claimed is a letter that this process may send.
type claimed struct {
	id        int64
	kind      string
	to        readers.Address
	messageID string
	letter    Letter
	created   time.Time
	tries     int
}

const (
	// exchange is how long everything up to the last line of a letter may take, answer how long the server may then think (RFC 5321,
	// 4.5.3.2.6: impatience here makes second copies).
	exchange = 5 * time.Minute
	answer   = 10 * time.Minute
	// lease is how long a claim holds without a sign of life: longer than either.
	lease = 12 * time.Minute
	// keep is how long the outbox remembers what was done, for reports of mail that came back.
	keep = 90 * 24 * time.Hour
	// maxTries bounds the tries of a letter whose errors are temporary; with the growing pauses that is more than a day.
	maxTries = 14
)

// pause is how long to wait after so many tries: a minute at first, four hours at most, and not all at once.
func pause(tries int) time.Duration {
	d := min(time.Minute<<min(tries-1, 10), 4*time.Hour)
	return d + time.Duration(rand.Int64N(int64(d)/4+1))
}

// claim takes the next letter that can be sent, or returns nil if there is none. A letter whose claim has run out can be claimed again; if
// it was at "sending", whether it was sent is unsure.
func (m *Mailer) claim(ctx context.Context) (c *claimed, unsure bool, err error) {
	now := m.now()
	var some bool // found without taking the lock for writing
	if err := m.feed.DB().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM outbox WHERE "+ready+")", now).Scan(&some); err != nil || !some {
		return nil, false, err
	}
	err = m.feed.Update(ctx, func(tx *sql.Tx) error {
		var l claimed
		var letter, state string
		var created int64
		err := tx.QueryRowContext(ctx, "SELECT id, kind, address, message_id, letter, created, tries + 1, state FROM outbox WHERE "+ready+" AND expires > ?1 ORDER BY urgent DESC, next, id LIMIT 1", now).
			Scan(&l.id, &l.kind, &l.to, &l.messageID, &letter, &created, &l.tries, &state)
		if err == sql.ErrNoRows {
			return nil
		} else if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(letter), &l.letter); err != nil {
			return fmt.Errorf("letter %d: %w", l.id, err)
		}
		l.created = moment(created)
		unsure = state == "sending"
		_, err = tx.ExecContext(ctx, "UPDATE outbox SET state = 'claimed', holder = ?, lease = ?, tries = tries + 1, unsure = unsure + ? WHERE id = ?", m.holder, now+lease.Milliseconds(), unsure, l.id)
		c = &l
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("claiming a letter: %w", err)
	}
	return c, unsure, nil
}

// ready are the letters that can be claimed at ?1.
const ready = "(state = 'queued' AND next <= ?1 OR state IN ('claimed', 'sending') AND lease <= ?1)"

// sending notes that the letter is about to be completed, and begins the claim anew, so that it outlasts the answer. It fails if somebody
// else has claimed the letter meanwhile, or it was taken out.
func (m *Mailer) sending(ctx context.Context, c *claimed) error {
	return m.step(ctx, c, "claimed", "state = 'sending', lease = ?", m.now()+lease.Milliseconds())
}

// sent notes that the server took the letter, and forgets what it said.
func (m *Mailer) sent(ctx context.Context, c *claimed) error {
	return m.step(ctx, c, "sending", "state = 'sent', done = ?, letter = '', note = ''", m.now())
}

// again puts a letter back, to be tried after a pause.
func (m *Mailer) again(ctx context.Context, c *claimed, from, note string, unsure bool) error {
	if c.tries >= maxTries {
		return m.failed(ctx, c, from, "given up after "+strconv.Itoa(c.tries)+" tries: "+note)
	}
	return m.step(ctx, c, from, "state = 'queued', next = ?, unsure = unsure + ?, note = ?", m.now()+pause(c.tries).Milliseconds(), unsure, note)
}

// failed ends the tries of a letter.
func (m *Mailer) failed(ctx context.Context, c *claimed, from, note string) error {
	return m.step(ctx, c, from, "state = 'failed', done = ?, letter = '', note = ?", m.now(), note)
}

func (m *Mailer) step(ctx context.Context, c *claimed, from, set string, args ...any) error {
	return m.feed.Update(ctx, func(tx *sql.Tx) error { return m.stepTx(ctx, tx, c, from, set, args...) })
}

// errLost is the error of a step for who no longer holds the claim.
var errLost = errors.New("the letter is no longer claimed by this process")

func (m *Mailer) stepTx(ctx context.Context, tx *sql.Tx, c *claimed, from, set string, args ...any) error {
	result, err := tx.ExecContext(ctx, "UPDATE outbox SET "+set+" WHERE id = ? AND holder = ? AND state = ?", append(args, c.id, m.holder, from)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errLost
}

// tidy ends letters that have become useless, and forgets old ones.
func (m *Mailer) tidy(ctx context.Context) (expired int, err error) {
	err = m.feed.Update(ctx, func(tx *sql.Tx) error {
		now := m.now()
		result, err := tx.ExecContext(ctx, "UPDATE outbox SET state = 'expired', done = ?1, letter = '' WHERE "+ready+" AND expires <= ?1", now)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		expired = int(n)
		for _, q := range []string{"DELETE FROM outbox WHERE done < ?", "DELETE FROM mailed WHERE at < ?"} {
			if _, err := tx.ExecContext(ctx, q, now-keep.Milliseconds()); err != nil {
				return err
			}
		}
		return nil
	})
	return expired, err
}

// Posted is a letter of the outbox as the operator sees it.
type Posted struct {
	ID      int64           `json:"id"`
	Kind    string          `json:"kind"`
	Address readers.Address `json:"-"`
	State   string          `json:"state"` // queued, claimed, sending, sent, failed, expired
	Created time.Time       `json:"created"`
	Next    time.Time       `json:"next,omitzero"` // of the next try
	Done    time.Time       `json:"done,omitzero"`
	Tries   int             `json:"tries"`
	Unsure  int             `json:"unsure,omitempty"` // how often it may have been sent without our knowing
	Note    string          `json:"note,omitempty"`   // what the server said last, without addresses
}

// Outbox returns the letters in some states, or all, newest first, at most limit.
func (m *Mailer) Outbox(ctx context.Context, limit int, states ...string) ([]Posted, error) {
	rows, err := m.feed.DB().QueryContext(ctx, `SELECT id, kind, address, state, created, next, done, tries, unsure, note FROM outbox
		WHERE ?1 = '' OR instr(?1, ',' || state || ',') > 0 ORDER BY id DESC LIMIT ?2`, list(states), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Posted
	for rows.Next() {
		var p Posted
		var created, next int64
		var done sql.NullInt64
		if err := rows.Scan(&p.ID, &p.Kind, &p.Address, &p.State, &created, &next, &done, &p.Tries, &p.Unsure, &p.Note); err != nil {
			return nil, err
		}
		p.Created, p.Done = moment(created), orZero(done)
		if p.State == "queued" {
			p.Next = moment(next)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func list(states []string) string {
	if len(states) == 0 {
		return ""
	}
	return "," + strings.Join(states, ",") + ","
}
