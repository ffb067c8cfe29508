package readers

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Address is somebody's email address. Printed, logged or encoded it shows only that there is one; [Address.Reveal] says which. In SQL it
// is its text, or NULL.
type Address struct{ mailbox *string } // a pointer, so that fmt does not show it where it cannot call String

var errAddress = errors.New("this is not an email address that mail can be sent to; write it like ada@example.org")

// maxAddress is the longest address that SMTP carries, in bytes (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// ParseAddress reads an address such as "ada@example.org". Upper and lower case make no difference, since hardly any mail server lets them
// and people do not know how they wrote it last time. The part before the @ must be ASCII; an international domain may be written either
// way. The error does not repeat what was given.
func ParseAddress(s string) (Address, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxAddress || strings.ContainsAny(s, "<>\"\\ \t\r\n") {
		return Address{}, errAddress
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Name != "" {
		return Address{}, errAddress
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	if len(local) > 64 {
		return Address{}, errAddress
	}
	for _, r := range local {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("(),:;<>[]\\\"@", r) {
			return Address{}, errAddress
		}
	}
	domain, err = idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(domain, ".") || len(local)+1+len(domain) > maxAddress {
		return Address{}, errAddress
	}
	if _, err := netip.ParseAddr(domain); err == nil {
		return Address{}, errAddress
	}
	mailbox := strings.ToLower(local + "@" + domain)
	return Address{&mailbox}, nil
}

// Reveal returns the address as text, empty for none. Its result must not be logged.
func (a Address) Reveal() string {
	if a.mailbox == nil {
		return ""
	}
	return *a.mailbox
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.mailbox == nil }

const hidden = "(address)"

// String hides the address.
func (a Address) String() string {
	if a.IsZero() {
		return "(no address)"
	}
	return hidden
}

// GoString hides the address.
func (a Address) GoString() string { return a.String() }

// LogValue hides the address.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText hides the address.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Value is how a database stores the address.
func (a Address) Value() (driver.Value, error) {
	if a.IsZero() {
		return nil, nil
	}
	return *a.mailbox, nil
}

// Scan reads what Value stored.
func (a *Address) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*a = Address{}
	case string:
		*a = Address{&v}
	default:
		return fmt.Errorf("an address is stored as %T", v)
	}
	return nil
}
