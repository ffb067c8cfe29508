package digest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/readers"
)

// Finder returns the papers that answer a query and were listed at or after since, best first, at most n. The empty query stands for the
// whole feed, "family:NAME" for a family of papers.
type Finder func(ctx context.Context, query string, since time.Time, n int) ([]feed.Paper, error)

// Mailer keeps subscriptions and an outbox, and sends what is in it. It is safe for concurrent use; several processes may have one of the
// same database.
type Mailer struct {
	feed   *feed.Store
	config Config
	key    []byte // signs links and Message-IDs
	limits struct{ to, from *readers.Limiter }
	holder string // of the claims of this Mailer

	exchange, answer time.Duration // tests shorten them
}

// Config is what a Mailer needs to know.
type Config struct {
	Settings
	Find  Finder           // nil: the feed itself, see [FindInFeed]
	Paths Paths            // of the reading room's pages
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none; it is told no address and no link
	Roots *x509.CertPool   // who may vouch for the SMTP server; nil: the system's
}

// Paths are where the pages are that letters link to. An empty one takes the default.
type Paths struct {
	Paper   func(feed.Paper) string   // default /feed/ID
	Search  func(query string) string // default /search?q=QUERY, and / for the whole feed
	Confirm string                    // a page with a button that posts t to itself, which calls Confirm; default /digest/confirm
	Leave   string                    // a page that shows the subscriptions and a button; POST of t to it calls Leave; default /digest/leave
	SignIn  string                    // a page with a button that posts t to itself, which calls readers.Store.SignIn; default /reader/enter
}

func (p Paths) orDefault() Paths {
	if p.Paper == nil {
		p.Paper = func(p feed.Paper) string { return "/feed/" + strconv.FormatInt(p.ID, 10) }
	}
	if p.Search == nil {
		p.Search = func(query string) string {
			if query == "" {
				return "/"
			}
			return "/search?" + url.Values{"q": {query}}.Encode()
		}
	}
	for path, def := range map[*string]string{&p.Confirm: "/digest/confirm", &p.Leave: "/digest/leave", &p.SignIn: "/reader/enter"} {
		if *path == "" {
			*path = def
		}
	}
	return p
}

// Lives of links.
const (
	ConfirmLife = 3 * 24 * time.Hour
	LeaveLife   = 400 * 24 * time.Hour // people find old letters
)

// ErrLink is the error of a link that cannot be used.
var ErrLink = errors.New("this link has expired, or is not one of this reading room")

// migrations are the steps of the component "digest". Times are milliseconds since 1970.
var migrations = []string{`
	CREATE TABLE digest_keys (name TEXT PRIMARY KEY, key BLOB NOT NULL);
	CREATE TABLE recipients (
		id INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL UNIQUE, bounces INTEGER NOT NULL DEFAULT 0, bounced INTEGER,
		suspended INTEGER, why TEXT NOT NULL DEFAULT '');
	CREATE TABLE subscriptions (
		id INTEGER PRIMARY KEY AUTOINCREMENT, recipient INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE, query TEXT NOT NULL,
		label TEXT NOT NULL, every TEXT NOT NULL, created INTEGER NOT NULL, confirmed INTEGER, due INTEGER, since INTEGER);
	CREATE UNIQUE INDEX subscriptions_confirmed ON subscriptions (recipient, query) WHERE confirmed IS NOT NULL;
	CREATE INDEX subscriptions_due ON subscriptions (due) WHERE confirmed IS NOT NULL;
	CREATE TABLE mailed (
		recipient INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE, paper INTEGER NOT NULL REFERENCES papers (id), at INTEGER NOT NULL,
		PRIMARY KEY (recipient, paper)) WITHOUT ROWID;
	CREATE INDEX mailed_by_paper ON mailed (paper);
	CREATE TABLE outbox (
		id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, urgent INTEGER NOT NULL, address TEXT NOT NULL,
		message_id TEXT NOT NULL, letter TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'queued', created INTEGER NOT NULL, expires INTEGER NOT NULL,
		next INTEGER NOT NULL, holder TEXT NOT NULL DEFAULT '', lease INTEGER, tries INTEGER NOT NULL DEFAULT 0, unsure INTEGER NOT NULL DEFAULT 0,
		done INTEGER, note TEXT NOT NULL DEFAULT '');
	CREATE INDEX outbox_waiting ON outbox (urgent DESC, next) WHERE state IN ('queued', 'claimed', 'sending');
	CREATE INDEX outbox_by_address ON outbox (address);
	CREATE TRIGGER digest_follow AFTER UPDATE OF merged_into ON papers WHEN NEW.merged_into IS NOT NULL BEGIN
		UPDATE OR IGNORE mailed SET paper = NEW.merged_into WHERE paper = NEW.id;
		DELETE FROM mailed WHERE paper = NEW.id;
	END;`,
}

// Open returns the mailer of a feed. It checks the settings.
func Open(ctx context.Context, store *feed.Store, c Config) (*Mailer, error) {
	if err := c.Settings.Check(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Find == nil {
		c.Find = FindInFeed(store, nil)
	}
	c.Paths = c.Paths.orDefault()
	m := &Mailer{feed: store, config: c, holder: rand.Text(), exchange: exchange, answer: answer}
	m.limits.to = readers.NewLimiter(readers.Rate{Times: 4, In: time.Hour}, c.Now)
	m.limits.from = readers.NewLimiter(readers.Rate{Times: 20, In: time.Hour}, c.Now)
	if err := store.Migrate(ctx, "digest", migrations...); err != nil {
		return nil, fmt.Errorf("opening the tables of the digest: %w", err)
	}
	err := store.Update(ctx, func(tx *sql.Tx) error {
		key := make([]byte, 32)
		rand.Read(key)
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO digest_keys VALUES ('links', ?)", key); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT key FROM digest_keys WHERE name = 'links'").Scan(&m.key)
	})
	if err != nil {
		return nil, fmt.Errorf("opening the tables of the digest: %w", err)
	}
	return m, nil
}

// FindInFeed finds by the feed alone: everything, or a family, what trends first. Other queries go to search; if that is nil, they find
// the papers that have all words of the query in their title or abstract.
func FindInFeed(store *feed.Store, search Finder) Finder {
	return func(ctx context.Context, query string, since time.Time, n int) ([]feed.Paper, error) {
		family, isFamily := strings.CutPrefix(query, readers.FollowFamily(""))
		isFamily = isFamily && !strings.Contains(family, " ")
		if query != "" && !isFamily && search != nil {
			return search(ctx, query, since, n)
		}
		f := feed.Filter{Listed: feed.Span{From: since}, Limit: maxConsidered}
		if isFamily {
			f.Families = []string{family}
		}
		all, err := store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		if query != "" && !isFamily {
			all = matching(all, query)
		}
		// What trends comes first; the rest stays in its order, newest first.
		scored, err := store.Trending(ctx, feed.Week, time.Time{}, 0)
		if err != nil {
			return nil, err
		}
		rank := make(map[int64]int, len(scored))
		for i, s := range scored {
			rank[s.ID] = len(scored) - i
		}
		slices.SortStableFunc(all, func(a, b feed.Paper) int { return cmp.Compare(rank[b.ID], rank[a.ID]) })
		return all[:min(n, len(all))], nil
	}
}

// maxConsidered bounds how many new papers the feed is asked for.
const maxConsidered = 5000

func matching(all []feed.Paper, query string) []feed.Paper {
	var out []feed.Paper
	for _, p := range all {
		text, fits := strings.ToLower(p.Title+" "+p.Abstract), true
		for word := range strings.FieldsSeq(strings.ToLower(query)) {
			fits = fits && strings.Contains(text, word)
		}
		if fits {
			out = append(out, p)
		}
	}
	return out
}

// token signs a value for a purpose until a time. Anybody can read the value, nobody else can make another.
func (m *Mailer) token(purpose, value string, until time.Time) string {
	body := value + "." + strconv.FormatInt(until.Unix(), 36)
	return body + "." + m.mac(purpose, body)
}

// open returns the value of a token for that purpose.
func (m *Mailer) open(purpose, token string) (string, error) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || len(token) > 200 || !hmac.Equal([]byte(token[cut+1:]), []byte(m.mac(purpose, token[:cut]))) {
		return "", ErrLink
	}
	value, until, _ := strings.Cut(token[:cut], ".")
	end, err := strconv.ParseInt(until, 36, 64)
	if err != nil || m.config.Now().Unix() >= end {
		return "", ErrLink
	}
	return value, nil
}

var base = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// mac is a keyed digest of a value for one purpose, of 160 bits.
func (m *Mailer) mac(purpose, value string) string {
	h := hmac.New(sha256.New, m.key)
	fmt.Fprintf(h, "%d:%s:%s", len(purpose), purpose, value)
	return base.EncodeToString(h.Sum(nil)[:20])
}

// link is the address of a page with a token.
func (m *Mailer) link(path, token string) string {
	return m.config.Site + path + "?" + url.Values{"t": {token}}.Encode()
}

func (m *Mailer) now() int64 { return m.config.Now().UnixMilli() }

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func orZero(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return moment(ms.Int64)
}
