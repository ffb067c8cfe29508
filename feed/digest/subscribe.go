package digest

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gyrus-dev/gyrus/feed/readers"
)

// Every is how often a digest comes.
type Every string

// The rhythms of digests.
const (
	Daily  Every = "day"
	Weekly Every = "week" // on Mondays
)

// length is the time a digest covers.
func (e Every) length() time.Duration {
	if e == Weekly {
		return 7 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// late is how much further back a digest looks, for papers that came into the feed after the day they are listed on.
const late = 2 * 24 * time.Hour

// after is when the next digest is due after a time.
func (e Every) after(t time.Time, hour int) time.Time {
	t = t.UTC()
	next := time.Date(t.Year(), t.Month(), t.Day(), hour, 0, 0, 0, time.UTC)
	for !next.After(t) || e == Weekly && next.Weekday() != time.Monday {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// Request asks for a digest.
type Request struct {
	Address readers.Address
	Query   string // empty for the whole feed
	Label   string // what the reader calls it; empty: the query
	Every   Every  // empty: Daily
	From    string // the network address that asks, empty for none
	// Proven says that the reader has shown that the address is theirs, by signing in with it: no letter is needed.
	Proven bool
}

const (
	maxQuery         = 400 // bytes
	maxSubscriptions = 50  // of an address
)

// Subscribe sends a letter with a link that [Mailer.Confirm] takes. Until then nothing else is sent. It makes no difference to the answer
// whether the address is subscribed already or suspended. The error of what cannot be asked for is a [readers.Refusal], that of asking too
// often [readers.ErrTooOften].
func (m *Mailer) Subscribe(ctx context.Context, r Request) error {
	query, label := words(r.Query), words(r.Label)
	if r.Every == "" {
		r.Every = Daily
	}
	switch {
	case r.Address.IsZero():
		return &readers.Refusal{Why: "say where to send it"}
	case r.Every != Daily && r.Every != Weekly:
		return &readers.Refusal{Why: "a digest comes every day or every week"}
	case len(query) > maxQuery || len(label) > maxQuery:
		return &readers.Refusal{Why: fmt.Sprintf("a query has at most %d bytes", maxQuery)}
	}
	if !r.Proven {
		if err := m.limits.from.Allow(r.From); err != nil {
			return err
		}
		if err := m.limits.to.Allow(r.Address.Reveal()); err != nil {
			return err
		}
	}
	return m.feed.Update(ctx, func(tx *sql.Tx) error {
		now := m.config.Now()
		// Requests that nobody confirmed leave nothing behind.
		if _, err := tx.ExecContext(ctx, "DELETE FROM subscriptions WHERE confirmed IS NULL AND created < ?", now.Add(-ConfirmLife).UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, forgetIdle); err != nil {
			return err
		}
		var recipient int64
		if err := tx.QueryRowContext(ctx, "INSERT INTO recipients (address) VALUES (?) ON CONFLICT (address) DO UPDATE SET address = excluded.address RETURNING id", r.Address).Scan(&recipient); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM subscriptions WHERE recipient = ?", recipient).Scan(&n); err != nil {
			return err
		}
		if n >= maxSubscriptions {
			if !r.Proven { // whoever asks is not to know what goes there
				return nil
			}
			return &readers.Refusal{Why: fmt.Sprintf("at most %d digests go to one address", maxSubscriptions)}
		}
		var id int64
		if err := tx.QueryRowContext(ctx, "INSERT INTO subscriptions (recipient, query, label, every, created) VALUES (?, ?, ?, ?, ?) RETURNING id",
			recipient, query, label, r.Every, now.UnixMilli()).Scan(&id); err != nil {
			return err
		}
		if r.Proven {
			return m.confirm(ctx, tx, id)
		}
		until := now.Add(ConfirmLife)
		letter, err := m.confirmLetter(label, query, r.Every, m.link(m.config.Paths.Confirm, m.token("confirm", strconv.FormatInt(id, 36), until)))
		if err != nil {
			return err
		}
		return m.queue(ctx, tx, envelope{key: fmt.Sprintf("confirm %d", id), kind: confirmKind, to: r.Address, expires: until}, letter)
	})
}

// forgetIdle forgets addresses that nothing goes to, but for those that nothing must go to.
const forgetIdle = "DELETE FROM recipients WHERE suspended IS NULL AND id NOT IN (SELECT recipient FROM subscriptions)"

// Subscription is a digest somebody gets.
type Subscription struct {
	ID        int64     `json:"id"`
	Query     string    `json:"query"`
	Label     string    `json:"label"` // as it is shown
	Every     Every     `json:"every"`
	Confirmed time.Time `json:"confirmed,omitzero"` // zero if it waits for that
	Due       time.Time `json:"due,omitzero"`
}

const subscriptionColumns = "s.id, s.query, s.label, s.every, s.confirmed, s.due"

func scanSubscription(row interface{ Scan(...any) error }, more ...any) (s Subscription, err error) {
	var confirmed, due sql.NullInt64
	err = row.Scan(append([]any{&s.ID, &s.Query, &s.Label, &s.Every, &confirmed, &due}, more...)...)
	s.Confirmed, s.Due = orZero(confirmed), orZero(due)
	s.Label = labelOf(s.Label, s.Query)
	return s, err
}

// labelOf is how a query is called in letters.
func labelOf(label, query string) string {
	if label != "" {
		return label
	}
	if query == "" {
		return "All new papers"
	}
	if family, ok := strings.CutPrefix(query, readers.FollowFamily("")); ok && !strings.Contains(family, " ") && family != "" {
		return strings.ToUpper(family[:1]) + family[1:]
	}
	return query
}

// CheckConfirm returns what a link to confirm would confirm, without doing it.
func (m *Mailer) CheckConfirm(ctx context.Context, token string) (Subscription, error) {
	id, err := m.confirmed(token)
	if err != nil {
		return Subscription{}, err
	}
	s, err := scanSubscription(m.feed.DB().QueryRowContext(ctx, "SELECT "+subscriptionColumns+" FROM subscriptions s WHERE s.id = ?", id))
	if err == sql.ErrNoRows {
		err = ErrLink
	}
	return s, err
}

func (m *Mailer) confirmed(token string) (int64, error) {
	value, err := m.open("confirm", token)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(value, 36, 64)
	if err != nil {
		return 0, ErrLink
	}
	return id, nil
}

// Confirm begins the subscription of a link. Doing it again changes nothing. A subscription to the same query is replaced, so that its
// rhythm can be changed, and an address that was suspended because mail came back is trusted again.
func (m *Mailer) Confirm(ctx context.Context, token string) error {
	id, err := m.confirmed(token)
	if err != nil {
		return err
	}
	return m.feed.Update(ctx, func(tx *sql.Tx) error { return m.confirm(ctx, tx, id) })
}

func (m *Mailer) confirm(ctx context.Context, tx *sql.Tx, id int64) error {
	var recipient int64
	var query string
	var every Every
	var confirmed sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT recipient, query, every, confirmed FROM subscriptions WHERE id = ?", id).Scan(&recipient, &query, &every, &confirmed)
	if err == sql.ErrNoRows {
		return ErrLink
	} else if err != nil || confirmed.Valid {
		return err
	}
	now := m.config.Now()
	if _, err := tx.ExecContext(ctx, "DELETE FROM subscriptions WHERE recipient = ? AND query = ? AND id <> ?", recipient, query, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE recipients SET bounces = 0, bounced = NULL, suspended = NULL, why = '' WHERE id = ?", recipient); err != nil {
		return err
	}
	// The first digest already has something to say.
	_, err = tx.ExecContext(ctx, "UPDATE subscriptions SET confirmed = ?, due = ?, since = ? WHERE id = ?",
		now.UnixMilli(), every.after(now, m.config.Hour).UnixMilli(), now.Add(-every.length()).UnixMilli(), id)
	return err
}

// Subscriptions returns what goes to the address that a link to leave was sent to.
func (m *Mailer) Subscriptions(ctx context.Context, token string) ([]Subscription, error) {
	recipient, err := m.recipient(token)
	if err != nil {
		return nil, err
	}
	return m.subscriptions(ctx, "s.recipient = ?", recipient)
}

// SubscriptionsOf returns what goes to an address, for a reader who has signed in with it.
func (m *Mailer) SubscriptionsOf(ctx context.Context, a readers.Address) ([]Subscription, error) {
	return m.subscriptions(ctx, "s.recipient = (SELECT id FROM recipients WHERE address = ?)", a)
}

func (m *Mailer) subscriptions(ctx context.Context, where string, args ...any) ([]Subscription, error) {
	rows, err := m.feed.DB().QueryContext(ctx, "SELECT "+subscriptionColumns+" FROM subscriptions s WHERE s.confirmed IS NOT NULL AND "+where+" ORDER BY s.id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Subscription
	for rows.Next() {
		s, err := scanSubscription(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// leaveToken is what the links to leave that are sent to a recipient hold.
func (m *Mailer) leaveToken(recipient int64) string {
	return m.token("leave", strconv.FormatInt(recipient, 36), m.config.Now().Add(LeaveLife))
}

func (m *Mailer) recipient(token string) (int64, error) {
	value, err := m.open("leave", token)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(value, 36, 64)
	if err != nil {
		return 0, ErrLink
	}
	return id, nil
}

// Leave ends a subscription of the address that a link to leave was sent to, or all of them if the ID is 0, which is what the button of a
// mail program asks for (RFC 8058: a POST without cookies, answered with 200 whether or not anything was left to end). Digests that wait in
// the outbox are taken out.
func (m *Mailer) Leave(ctx context.Context, token string, subscription int64) error {
	recipient, err := m.recipient(token)
	if err != nil {
		return err
	}
	return m.leave(ctx, subscription, "id = ?", recipient)
}

// LeaveOf is [Mailer.Leave] for a reader who has signed in with the address, and for the operator.
func (m *Mailer) LeaveOf(ctx context.Context, a readers.Address, subscription int64) error {
	return m.leave(ctx, subscription, "address = ?", a)
}

func (m *Mailer) leave(ctx context.Context, subscription int64, who string, arg any) error {
	return m.feed.Update(ctx, func(tx *sql.Tx) error {
		var recipient int64
		var address readers.Address
		err := tx.QueryRowContext(ctx, "SELECT id, address FROM recipients WHERE "+who, arg).Scan(&recipient, &address)
		if err == sql.ErrNoRows {
			return nil
		} else if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM subscriptions WHERE recipient = ?1 AND (?2 = 0 OR id = ?2)", recipient, subscription); err != nil {
			return err
		}
		var left int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM subscriptions WHERE recipient = ? AND confirmed IS NOT NULL", recipient).Scan(&left); err != nil || left > 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE address = ? AND kind = ? AND state = 'queued'", address, digestKind); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, forgetIdle)
		return err
	})
}

// Forget deletes everything that is kept under an address, letters included, in a transaction: subscriptions, what was sent, and the
// outbox but for a letter that is being sent at this moment. It is for [readers.Store.Delete]. That mail to it came back is forgotten too.
func (m *Mailer) Forget(ctx context.Context, tx *sql.Tx, a readers.Address) error {
	for _, q := range []string{"DELETE FROM recipients WHERE address = ?", "DELETE FROM outbox WHERE address = ? AND state <> 'sending'"} {
		if _, err := tx.ExecContext(ctx, q, a); err != nil {
			return err
		}
	}
	return nil
}

// Subscriber is an address that digests go to, as its operator sees it.
type Subscriber struct {
	Address       readers.Address
	Subscriptions []Subscription // unconfirmed ones too
	Bounces       int            // within a month
	Suspended     time.Time
	Why           string
}

// Subscribers returns all addresses that digests go to or went to.
func (m *Mailer) Subscribers(ctx context.Context) ([]Subscriber, error) {
	rows, err := m.feed.DB().QueryContext(ctx, "SELECT "+subscriptionColumns+`, r.address, r.bounces, r.suspended, r.why
		FROM recipients r JOIN subscriptions s ON s.recipient = r.id
		UNION ALL SELECT 0, '', '', '', NULL, NULL, r.address, r.bounces, r.suspended, r.why FROM recipients r WHERE r.id NOT IN (SELECT recipient FROM subscriptions)
		ORDER BY 7, 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Subscriber
	for rows.Next() {
		var who Subscriber
		var suspended sql.NullInt64
		s, err := scanSubscription(rows, &who.Address, &who.Bounces, &suspended, &who.Why)
		if err != nil {
			return nil, err
		}
		who.Suspended = orZero(suspended)
		if len(out) == 0 || out[len(out)-1].Address.Reveal() != who.Address.Reveal() {
			out = append(out, who)
		}
		if s.ID != 0 {
			last := &out[len(out)-1]
			last.Subscriptions = append(last.Subscriptions, s)
		}
	}
	return out, rows.Err()
}

// words brings a query or a label into one printable line.
func words(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}
