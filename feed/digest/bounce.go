package digest

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed/readers"
)

// So many letters may be refused within a month for other reasons than that there is no such mailbox. They need not follow each other: mail
// that comes back later was taken first.
const (
	maxSoft = 3
	month   = 30 * 24 * time.Hour
)

// bounced notes that a letter was refused for good. An address without a mailbox is suspended at once, another one after several letters
// within a month: no digest goes there until somebody confirms a subscription with it again.
func (m *Mailer) bounced(ctx context.Context, a readers.Address, hard bool, why string) error {
	return m.feed.Update(ctx, func(tx *sql.Tx) error { return m.bouncedTx(ctx, tx, a, hard, why) })
}

func (m *Mailer) bouncedTx(ctx context.Context, tx *sql.Tx, a readers.Address, hard bool, why string) error {
	now := m.now()
	if _, err := tx.ExecContext(ctx, `UPDATE recipients SET bounced = ?1,
		bounces = CASE WHEN bounced > ?6 THEN bounces + 1 ELSE 1 END,
		why = CASE WHEN suspended IS NULL THEN ?2 ELSE why END,
		suspended = CASE WHEN ?3 OR bounced > ?6 AND bounces + 1 >= ?4 THEN coalesce(suspended, ?1) ELSE suspended END WHERE address = ?5`,
		now, why, hard, maxSoft, a, now-month.Milliseconds()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'failed', done = ?, letter = '', note = 'the address is suspended' WHERE address = ? AND kind = ? AND state = 'queued'
		AND (SELECT suspended FROM recipients WHERE recipients.address = outbox.address) IS NOT NULL`, now, a, digestKind)
	return err
}

// Suspend ends digests to an address, as when its owner says that it is dead. It is not an error if nothing goes there, since nothing
// will from now on.
func (m *Mailer) Suspend(ctx context.Context, a readers.Address, why string) error {
	return m.feed.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO recipients (address) VALUES (?) ON CONFLICT DO NOTHING", a); err != nil {
			return err
		}
		return m.bouncedTx(ctx, tx, a, true, words(why))
	})
}

// Resume undoes a suspension.
func (m *Mailer) Resume(ctx context.Context, a readers.Address) error {
	return m.feed.Update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE recipients SET suspended = NULL, why = '', bounces = 0 WHERE address = ? AND suspended IS NOT NULL", a)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return readers.ErrNotFound
	})
}

// Bounce is what a report of mail that came back says.
type Bounce struct {
	MessageID string // of the letter that came back
	Action    string // failed, delayed, delivered, relayed, expanded
	Status    string // such as "5.1.1" (RFC 3463)
	Why       string // what the other server said, without addresses
}

// The errors of reports.
var (
	ErrNoReport = errors.New("this is no report of mail that came back (RFC 3464)")
	ErrNotOurs  = errors.New("the report is not about a letter of this reading room")
)

// Bounds of a report.
const (
	maxReport = 4 << 20 // bytes
	maxParts  = 50
	maxLayers = 5
)

// Bounced reads a delivery report (RFC 3464) as it lies in a mailbox, and notes it if it says that a letter of ours could not be
// delivered. Which letter it was is known by its Message-ID, which nobody else can make: a report cannot suspend an address that nothing was
// sent to. The returned address is that of the letter; suspended says whether no more digests go to it.
func (m *Mailer) Bounced(ctx context.Context, report io.Reader) (b Bounce, to readers.Address, suspended bool, err error) {
	if b, err = ParseBounce(report); err != nil {
		return b, to, false, err
	}
	b.Why = m.note(errors.New(b.Status + " " + b.Why))
	err = m.feed.Update(ctx, func(tx *sql.Tx) error {
		first, _, _ := strings.Cut(b.MessageID, ".")
		id, err := strconv.ParseInt(first, 36, 64)
		if err != nil {
			return ErrNotOurs
		}
		var key, state string
		err = tx.QueryRowContext(ctx, "SELECT key, state, address FROM outbox WHERE id = ? AND message_id = ?", id, b.MessageID).Scan(&key, &state, &to)
		if err == sql.ErrNoRows || err == nil && m.messageID(id, key) != b.MessageID {
			return ErrNotOurs
		} else if err != nil {
			return err
		}
		if b.Action != "failed" || !strings.HasPrefix(b.Status, "5.") {
			return nil // delayed, or delivered after all
		}
		if state == "sent" { // the same report again counts once
			if _, err := tx.ExecContext(ctx, "UPDATE outbox SET state = 'failed', note = ? WHERE id = ?", b.Why, id); err != nil {
				return err
			}
			if err := m.bouncedTx(ctx, tx, to, hard(&textproto.Error{Msg: b.Status}), b.Why); err != nil {
				return err
			}
		}
		var at sql.NullInt64
		err = tx.QueryRowContext(ctx, "SELECT suspended FROM recipients WHERE address = ?", to).Scan(&at)
		if suspended = at.Valid; err == sql.ErrNoRows {
			err = nil
		}
		return err
	})
	return b, to, suspended, err
}

// ParseBounce reads a delivery report: a message of type multipart/report with a part message/delivery-status, and the letter or its head.
func ParseBounce(r io.Reader) (Bounce, error) {
	limited := &io.LimitedReader{R: r, N: maxReport + 1}
	msg, err := mail.ReadMessage(bufio.NewReader(limited))
	if err != nil {
		return Bounce{}, fmt.Errorf("%w: it has no head of a message", ErrNoReport)
	}
	p := &bounceParser{}
	if err := p.part(textproto.MIMEHeader(msg.Header), msg.Body, 0); err != nil {
		return Bounce{}, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	switch {
	case limited.N == 0:
		return Bounce{}, fmt.Errorf("%w: it has more than %d bytes", ErrNoReport, maxReport)
	case p.found.Action == "":
		return Bounce{}, fmt.Errorf("%w: it has no part message/delivery-status", ErrNoReport)
	case p.found.MessageID == "":
		return Bounce{}, fmt.Errorf("%w: the letter's Message-ID is missing", ErrNoReport)
	}
	return p.found, nil
}

type bounceParser struct {
	found Bounce
	parts int
}

// part reads a part and those within it.
func (p *bounceParser) part(header textproto.MIMEHeader, body io.Reader, layer int) error {
	if p.parts++; p.parts > maxParts || layer > maxLayers {
		return errors.New("it has too many parts")
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil // some other part
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		if layer == 0 && kind != "multipart/report" {
			return fmt.Errorf("it is of type %s", kind)
		}
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			// Raw, since multipart itself would decode what is quoted-printable, and drop the header that says so.
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			} else if err != nil {
				return errors.New("its parts are torn")
			}
			if err := p.part(part.Header, part, layer+1); err != nil {
				return err
			}
		}
	case kind == "message/delivery-status" || kind == "message/global-delivery-status":
		p.status(body)
	case kind == "message/rfc822" || kind == "text/rfc822-headers" || kind == "message/global" || kind == "message/global-headers":
		head := readHead(body)
		if id := strings.Trim(head.Get("Message-Id"), " <>\t"); p.found.MessageID == "" {
			p.found.MessageID = id
		}
	}
	return nil
}

// status reads the groups of a delivery status: one of the whole message, then one of each recipient. Our letters have one recipient; of
// more, a failed one counts.
func (p *bounceParser) status(body io.Reader) {
	text, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err != nil && len(text) == 0 {
		return
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	for group := range bytes.SplitSeq(text, []byte("\n\n")) {
		head := readHead(bytes.NewReader(group))
		action := strings.ToLower(strings.TrimSpace(head.Get("Action")))
		if action == "" || p.found.Action == "failed" {
			continue
		}
		p.found.Action = action
		p.found.Status = ""
		if e := enhanced.FindString(strings.TrimSpace(head.Get("Status"))); e != "" {
			p.found.Status = e
		}
		_, why, _ := strings.Cut(head.Get("Diagnostic-Code"), ";")
		p.found.Why = shorten(words(why), 300)
	}
}

// readHead reads header fields up to an empty line or the end, as many as can be read.
func readHead(r io.Reader) textproto.MIMEHeader {
	head, _ := textproto.NewReader(bufio.NewReader(io.MultiReader(io.LimitReader(r, 1<<18), strings.NewReader("\r\n\r\n")))).ReadMIMEHeader()
	if head == nil {
		head = textproto.MIMEHeader{}
	}
	return head
}
