package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// Client gets documents from the network and distrusts what it meets there. It talks HTTP and HTTPS to public addresses only; which address
// a name stands for is checked when the connection is made, so that a name that changes its mind gains nothing. A host on a private address
// must be named in Hosts.
type Client struct {
	UserAgent string
	Hosts     []string                 // hosts ("name" or "name:port") that may be at a private or loopback address
	Gaps      map[string]time.Duration // shortest time between two requests to a host ("name"); 1 s where none is given
	Tries     int                      // attempts at one document
	Patience  time.Duration            // of one attempt, to the last byte
	Pause     time.Duration            // before the second attempt; doubled for each further one, and then varied by half
	MaxPause  time.Duration            // a server that asks for a longer pause is left alone
	MaxBytes  int64                    // largest body, after decompression

	mu     sync.Mutex
	limits map[string]*rate.Limiter
	http   *http.Client
}

// Validator is what a server gave to ask later whether a document has changed. The zero value asks for the document in any case.
type Validator struct{ ETag, Modified string }

// NewClient returns a client with the limits that suit public services: 3 s between requests to arXiv, as it asks for, 4 attempts, 32 MiB.
func NewClient() *Client {
	return &Client{
		UserAgent: "gyrus (+https://github.com/gyrus-dev/gyrus)",
		Gaps: map[string]time.Duration{"export.arxiv.org": 3 * time.Second, "oaipmh.arxiv.org": 3 * time.Second, "arxiv.org": 3 * time.Second,
			"rss.arxiv.org": 3 * time.Second},
		Tries: 4, Patience: time.Minute, Pause: 2 * time.Second, MaxPause: 2 * time.Minute, MaxBytes: 32 << 20,
	}
}

// ErrNotModified says that a document is still the one its validator is of.
var ErrNotModified = errors.New("not modified since the last import")

// Error is a request that failed for good.
type Error struct {
	URL   string
	Tries int
	Err   error
}

func (e *Error) Error() string {
	if e.Tries > 1 {
		return fmt.Sprintf("getting %s: %v (after %d attempts)", e.URL, e.Err, e.Tries)
	}
	return fmt.Sprintf("getting %s: %v", e.URL, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// transient is a failure that may pass, with the pause the server asked for.
type transient struct {
	err   error
	pause time.Duration
}

func (e *transient) Error() string { return e.err.Error() }
func (e *transient) Unwrap() error { return e.err }

// Get returns the body at address if its media type is one of types. Failures that may pass (no connection, a body cut short, status 408,
// 429 or 5xx) are tried again after a pause that grows, or that the server asked for. With a validator the document comes only if it has
// changed; else the error is [ErrNotModified].
func (c *Client) Get(ctx context.Context, address string, known Validator, types ...string) (body []byte, now Validator, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, now, &Error{URL: fmt.Sprintf("%.200q", address), Err: errors.New("this is no address of the form https://host/path")}
	}
	for try := 1; ; try++ {
		if err := c.limiter(u.Hostname()).Wait(ctx); err != nil {
			return nil, now, err
		}
		body, now, err = c.attempt(ctx, u, known, types)
		if err == nil || errors.Is(err, ErrNotModified) {
			return body, now, err
		}
		if ctx.Err() != nil {
			return nil, now, ctx.Err()
		}
		var passing *transient
		if !errors.As(err, &passing) || try >= c.Tries {
			return nil, now, &Error{URL: u.Redacted(), Tries: try, Err: err}
		}
		pause := time.Duration(float64(c.Pause<<(try-1)) * (0.5 + rand.Float64()))
		pause = max(min(pause, c.MaxPause), passing.pause)
		if pause > c.MaxPause {
			return nil, now, &Error{URL: u.Redacted(), Tries: try, Err: fmt.Errorf("%w, and the server asks for a pause of %s", err, pause.Round(time.Second))}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, now, ctx.Err()
		}
	}
}

func (c *Client) attempt(ctx context.Context, u *url.URL, known Validator, types []string) (body []byte, now Validator, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Patience, fmt.Errorf("it was not there after %s", c.Patience))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, now, err
	}
	req.Header.Set("User-Agent", c.UserAgent)
	req.Header.Set("Accept", strings.Join(types, ", "))
	if known.ETag != "" {
		req.Header.Set("If-None-Match", known.ETag)
	}
	if known.Modified != "" {
		req.Header.Set("If-Modified-Since", known.Modified)
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return nil, now, c.failure(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && known != (Validator{}):
		return nil, now, ErrNotModified
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		return nil, now, &transient{fmt.Errorf("the server says %s", status(resp)), retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case resp.StatusCode != http.StatusOK:
		return nil, now, fmt.Errorf("the server says %s", status(resp))
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, media) {
		return nil, now, fmt.Errorf("its type is %.60q, expected %s", resp.Header.Get("Content-Type"), strings.Join(types, " or "))
	}
	if resp.ContentLength > c.MaxBytes {
		return nil, now, fmt.Errorf("it has %d bytes, more than %d", resp.ContentLength, c.MaxBytes)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, c.MaxBytes+1))
	if err != nil {
		return nil, now, c.failure(ctx, fmt.Errorf("after %d bytes: %w", len(body), err))
	}
	if int64(len(body)) > c.MaxBytes {
		return nil, now, fmt.Errorf("it has more than %d bytes", c.MaxBytes)
	}
	return body, Validator{ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified")}, nil
}

func status(resp *http.Response) string {
	return strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
}

// failure sorts errors of the transport: all may pass but our own refusals.
func (c *Client) failure(ctx context.Context, err error) error {
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &transient{err: err}
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func (c *Client) limiter(host string) *rate.Limiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.limits[host]
	if l == nil {
		gap, ok := c.Gaps[host]
		if !ok {
			gap = time.Second
		}
		l = rate.NewLimiter(rate.Every(gap), 1)
		if c.limits == nil {
			c.limits = map[string]*rate.Limiter{}
		}
		c.limits[host] = l
	}
	return l
}

// refusedError is a place this client does not go to.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

const maxRedirects = 5

func (c *Client) client() *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http != nil {
		return c.http
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: c.dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
			TLSHandshakeTimeout: 15 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch first := via[0].URL; {
			case len(via) > maxRedirects:
				return &refusedError{fmt.Sprintf("it was redirected more than %d times", maxRedirects)}
			case req.URL.Scheme != first.Scheme:
				return &refusedError{fmt.Sprintf("it was redirected from %s to %.20q, which this client does not follow", first.Scheme, req.URL.Scheme)}
			case req.URL.User != nil:
				return &refusedError{"it was redirected to an address with a password"}
			}
			return c.literal(req.URL)
		},
	}
	return c.http
}

// literal refuses an address that is a private one in so many words. Names are checked when they are dialled; this check also holds
// where a proxy dials.
func (c *Client) literal(u *url.URL) error {
	host := u.Hostname()
	if c.configured(u.Host) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && !public(ip) || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return &refusedError{fmt.Sprintf("it leads to %s, which is not a public address", host)}
	}
	return nil
}

// configured reports whether the user has named the host.
func (c *Client) configured(hostPort string) bool {
	host := hostPort
	if h, _, err := net.SplitHostPort(hostPort); err == nil {
		host = h
	}
	return slices.Contains(c.Hosts, hostPort) || slices.Contains(c.Hosts, host)
}

// dial connects to a public address, or to a host the user named or uses as a proxy.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 15 * time.Second}
	if !c.configured(address) && !isProxy(address) {
		d.Control = func(_, resolved string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return &refusedError{fmt.Sprintf("%.60q is no address", resolved)}
			}
			if !public(at.Addr()) {
				return &refusedError{fmt.Sprintf("%s is at %s, which is not a public address", address, at.Addr())}
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, address)
}

// isProxy reports whether an address is that of the proxy in the environment, which is the user's own word.
func isProxy(address string) bool {
	for _, scheme := range []string{"http", "https"} {
		proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: "example.org"}})
		if err == nil && proxy != nil && (proxy.Host == address || net.JoinHostPort(proxy.Hostname(), map[string]string{"https": "443"}[proxy.Scheme]) == address ||
			net.JoinHostPort(proxy.Hostname(), "80") == address && proxy.Port() == "") {
			return true
		}
	}
	return false
}

// reserved are the blocks that net/netip has no question for: this network, shared address space, protocol assignments, documentation,
// benchmarking, future use; in IPv6 site-local, discard, documentation, Teredo and 6to4, which lead to other addresses.
var reserved = func() (out []netip.Prefix) {
	for _, s := range strings.Fields(`0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
		fec0::/10 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 64:ff9b:1::/48 ::/96`) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// public reports whether an address is one of the public internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) { // holds an IPv4 address
		b := ip.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}
