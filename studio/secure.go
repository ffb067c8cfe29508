package studio

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// policy is who may reach the server and what for.
type policy struct {
	loopback bool
	public   bool // pages can be read without a token
	secure   bool // cookies go over TLS only
	hosts    map[string]bool
	cert     *tls.Certificate
	leaf     *x509.Certificate
	origin   *http.CrossOriginProtection
}

const minToken = 16

func newPolicy(c *Config) (policy, error) {
	p := policy{hosts: map[string]bool{"localhost": true}, origin: http.NewCrossOriginProtection()}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return p, fmt.Errorf("%q is no address to listen on: %w (write it as host:port, such as %s)", c.Address, err, DefaultAddress)
	}
	ip, ipErr := netip.ParseAddr(host)
	p.loopback = host == "localhost" || ipErr == nil && ip.IsLoopback()
	if c.Token != "" && len(c.Token) < minToken {
		return p, fmt.Errorf("the token has %d characters; give at least %d, so that it cannot be guessed", len(c.Token), minToken)
	}
	if (c.Certificate == "") != (c.Key == "") {
		return p, errors.New("TLS needs both a certificate and a key")
	}
	if c.Certificate != "" {
		cert, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return p, fmt.Errorf("reading the TLS certificate: %w", err)
		}
		p.cert, p.leaf, p.secure = &cert, cert.Leaf, true
	}
	if !p.loopback && c.Token == "" && p.cert == nil {
		return p, fmt.Errorf("%s can be reached from other machines: give a token, or a TLS certificate with its key, or listen on %s", c.Address, DefaultAddress)
	}
	p.public = c.Public || !p.loopback && c.Token == ""
	if host != "" && ipErr != nil {
		p.hosts[strings.ToLower(host)] = true
	}
	for _, h := range c.Hosts {
		p.hosts[strings.ToLower(h)] = true
	}
	return p, nil
}

// hostAllowed reports whether a Host header names this server. A page of a foreign name that was made to resolve to this machine
// would carry that name here; an address carries no such risk.
func (p *policy) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return !p.loopback || ip.IsLoopback()
	}
	return p.hosts[host] || p.leaf != nil && p.leaf.VerifyHostname(host) == nil
}

// contentPolicy lets a page load what this server serves, and nothing that stands in the page itself.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// wrap puts around all routes what every request passes.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "private, no-cache")
		if s.policy.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.config.Log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.Error(rec, r, errors.New("panic"))
			}
			s.config.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", rec.status, "took", time.Since(began).Round(time.Microsecond), "from", clientAddress(r))
		}()
		if !s.policy.hostAllowed(r.Host) {
			http.Error(rec, "This server is not known by the name it was called by. Its operator can add names with --host.", http.StatusMisdirectedRequest)
			return
		}
		if err := s.limiter.all.allow(clientAddress(r)); err != nil {
			s.Error(rec, r, err)
			return
		}
		r = s.identified(r)
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// checkForm refuses a request that changes something unless it comes from a page of this server.
func (s *Server) checkForm(r *http.Request) error {
	if err := s.checkOrigin(r); err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil { // handlers find the fields in r.PostForm
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return err
		}
		return Refuse(http.StatusBadRequest, "The form could not be read.")
	}
	token := r.Header.Get("X-CSRF-Token")
	if token == "" {
		token = r.PostForm.Get("csrf")
	}
	return s.checkCSRF(r, token)
}

// checkOrigin refuses what a browser says comes from elsewhere.
func (s *Server) checkOrigin(r *http.Request) error {
	if s.policy.origin.Check(r) != nil {
		return &Problem{Status: http.StatusForbidden, Title: "Sent from elsewhere", Detail: "The request came from a page of another site and was not carried out."}
	}
	return nil
}

func (s *Server) checkCSRF(r *http.Request, token string) error {
	session := sessionOf(r)
	if session == "" || subtle.ConstantTimeCompare([]byte(token), []byte(s.csrfToken(session))) != 1 {
		return &Problem{Status: http.StatusForbidden, Title: "The form is too old",
			Detail: "It does not belong to this visit, or the browser keeps no cookies for this site. Go back, reload the page, and send it again."}
	}
	return nil
}

// SingleUser reports whether whoever reaches the server is its user.
func (s *Server) SingleUser() bool {
	return s.policy.loopback && s.config.Token == "" && !s.policy.public
}

// IsOperator reports whether a request may start runs, read data and change things.
func (s *Server) IsOperator(r *http.Request) bool {
	return s.SingleUser() || s.config.Token != "" && s.hasToken(r)
}

// MayRead reports whether a request may see pages.
func (s *Server) MayRead(r *http.Request) bool { return s.policy.public || s.IsOperator(r) }

// hasToken reports whether a request bears the token, in an Authorization header or as a cookie that showing it has set.
func (s *Server) hasToken(r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.isToken(given) {
		return true
	}
	c, err := r.Cookie(s.cookieName("operator"))
	if err != nil {
		return false
	}
	digest, err := s.Verify("operator", c.Value)
	return err == nil && digest == s.tokenDigest()
}

// isToken compares in a time that tells nothing about how much was right.
func (s *Server) isToken(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.config.Token))
	return s.config.Token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// tokenDigest ties the operator's cookie to the token: with another token, old cookies are worth nothing.
func (s *Server) tokenDigest() string { return s.mac("token digest", s.config.Token) }

// clientAddress is the address a request comes from, without the port.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
