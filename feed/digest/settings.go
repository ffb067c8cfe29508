package digest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Settings is what an operator decides about mail. It is kept as JSON in a file that only the operator can read.
type Settings struct {
	Site    string `json:"site"`              // address of the reading room that links begin with, such as "https://papers.example.org"
	From    string `json:"from"`              // such as "Papers <papers@example.org>"
	Bounces string `json:"bounces,omitempty"` // where mail servers report to; empty: the address of From
	Contact string `json:"contact,omitempty"` // who sends this, in a line at the end of each letter
	Hour    int    `json:"hour"`              // of the day, in UTC, at which digests are composed
	SMTP    SMTP   `json:"smtp"`
}

// SMTP is the server that takes the mail. It is expected to sign it (DKIM), which mail programs want before they show a button to
// unsubscribe.
type SMTP struct {
	Host     string   `json:"host"`
	Port     int      `json:"port,omitempty"`     // 0: 587, or 465 with "tls"
	Security Security `json:"security,omitempty"` // empty: "starttls"
	User     string   `json:"user,omitempty"`     // empty: the server wants no password
	Password string   `json:"password,omitempty"` // of the environment instead: GYRUS_SMTP_PASSWORD
}

// Security is how the connection to the server is made safe.
type Security string

// The kinds of security.
const (
	StartTLS Security = "starttls" // begins in the clear and must turn to TLS before anything is said
	TLS      Security = "tls"      // TLS from the beginning
	Plain    Security = "none"     // only for a server on this machine, and without a password
)

// PasswordVariable is the environment variable that the password of the SMTP server is taken from if it is set.
const PasswordVariable = "GYRUS_SMTP_PASSWORD"

// ErrNoSettings is the error of a reading room that was not told how to send mail.
var ErrNoSettings = errors.New("this reading room has no settings for mail; write them with: gyrus digest setup")

// ReadSettings reads and checks settings. The error of a missing file is [ErrNoSettings]. No error holds the password.
func ReadSettings(path string) (Settings, error) {
	var s Settings
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, ErrNoSettings
	} else if err != nil {
		return s, fmt.Errorf("reading the settings for mail: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("the settings for mail in %s: %w", path, err)
	}
	if p := os.Getenv(PasswordVariable); p != "" {
		s.SMTP.Password = p
	}
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("the settings for mail in %s: %w", path, err)
	}
	if s.SMTP.User != "" && s.SMTP.Password == "" {
		return s, fmt.Errorf("the settings for mail in %s: smtp: the password is missing; set %s, or write it with: gyrus digest setup", path, PasswordVariable)
	}
	return s, nil
}

// Write checks settings and stores them in a file that only the user can read.
func (s Settings) Write(path string) error {
	if err := s.Check(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".mail-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("storing the settings for mail: %w", err)
	}
	defer os.Remove(part.Name())
	_, err = part.Write(append(data, '\n'))
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("storing the settings for mail: %w", err)
	}
	return nil
}

// Check says what is wrong with settings, and fills in what they leave open.
func (s *Settings) Check() error {
	u, err := url.Parse(s.Site)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("site: %q is no address of a reading room; write it like https://papers.example.org", s.Site)
	}
	if s.Site = strings.TrimSuffix(s.Site, "/"); u.Scheme == "http" && !loopback(u.Hostname()) {
		return fmt.Errorf("site: %s would send sign-in links in the clear; use https", s.Site)
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil || strings.ContainsAny(s.From, "\r\n") {
		return fmt.Errorf("from: %q is no sender; write it like Papers <papers@example.org>", s.From)
	}
	if s.Bounces == "" {
		s.Bounces = from.Address
	}
	if b, err := mail.ParseAddress(s.Bounces); err != nil || b.Name != "" || strings.ContainsAny(s.Bounces, "\r\n <>") {
		return fmt.Errorf("bounces: %q is no email address", s.Bounces)
	}
	if s.Hour < 0 || s.Hour > 23 {
		return fmt.Errorf("hour: %d is no hour of the day", s.Hour)
	}
	if s.Contact = strings.Join(strings.Fields(s.Contact), " "); len(s.Contact) > 300 {
		return errors.New("contact: it has more than 300 bytes")
	}
	m := &s.SMTP
	if m.Security == "" {
		m.Security = StartTLS
	}
	if m.Port == 0 {
		m.Port = map[Security]int{StartTLS: 587, TLS: 465, Plain: 25}[m.Security]
	}
	switch {
	case m.Host == "" || strings.ContainsAny(m.Host, " /@:") && net.ParseIP(m.Host) == nil:
		return fmt.Errorf("smtp: %q is no name of a mail server", m.Host)
	case m.Port < 1 || m.Port > 65535:
		return fmt.Errorf("smtp: %d is no port", m.Port)
	case m.Security != StartTLS && m.Security != TLS && m.Security != Plain:
		return fmt.Errorf("smtp: no security is called %q; there are starttls, tls and none", m.Security)
	case m.Security == Plain && !loopback(m.Host):
		return fmt.Errorf("smtp: without TLS mail goes only to a server on this machine, not to %s", m.Host)
	case m.Security == Plain && m.User != "":
		return errors.New("smtp: a password is not sent without TLS")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// domain is what Message-IDs and lists are named by.
func (s *Settings) domain() string {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return "localhost"
	}
	return strings.ToLower(from.Address[strings.LastIndexByte(from.Address, '@')+1:])
}

func (s *Settings) server() string { return net.JoinHostPort(s.SMTP.Host, strconv.Itoa(s.SMTP.Port)) }
