package studio

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// loadKey reads the key that signs cookies and links, or makes one. It survives a restart, so that visits and links do too.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err == nil {
		return nil, fmt.Errorf("the key in %s has %d bytes, not 32; delete it to make a new one", path, len(key))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the studio's key: %w", err)
	}
	key = make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("storing the studio's key: %w", err)
	}
	return key, nil
}

// mac is a keyed digest of a value for one purpose.
func (s *Server) mac(purpose, value string) string {
	h := hmac.New(sha256.New, s.key)
	fmt.Fprintf(h, "%d:%s:%s", len(purpose), purpose, value)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Sign returns a text that [Server.Verify] turns back into the value, for a link in an email or a cookie. Anybody can read the value in it,
// and nobody without the server's key can make another. It is good for that long, and only for that purpose.
func (s *Server) Sign(purpose, value string, valid time.Duration) string {
	body := base64.RawURLEncoding.EncodeToString([]byte(value)) + "." + strconv.FormatInt(s.Now().Add(valid).Unix(), 36)
	return body + "." + s.mac("sign "+purpose, body)
}

// The errors of [Server.Verify].
var (
	ErrSignature = errors.New("the link is not one of this server")
	ErrExpired   = errors.New("the link has expired")
)

// Verify returns the value that [Server.Sign] signed for that purpose.
func (s *Server) Verify(purpose, signed string) (string, error) {
	cut := strings.LastIndexByte(signed, '.')
	if cut < 0 || !hmac.Equal([]byte(signed[cut+1:]), []byte(s.mac("sign "+purpose, signed[:cut]))) {
		return "", ErrSignature
	}
	value, until, _ := strings.Cut(signed[:cut], ".")
	end, err := strconv.ParseInt(until, 36, 64)
	if err != nil {
		return "", ErrSignature
	}
	if s.Now().Unix() > end {
		return "", ErrExpired
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return "", ErrSignature
	}
	return string(b), nil
}

// cookieName is the name of a cookie of this server. Over TLS the prefix makes browsers refuse one that a neighbour in the domain or an
// unencrypted page has set.
func (s *Server) cookieName(name string) string {
	if s.policy.secure {
		return "__Host-gyrus-" + name
	}
	return "gyrus-" + name
}

// SetCookie sets a cookie that scripts cannot read and other sites cannot have sent along with a POST; a negative age deletes it, and
// zero keeps it until the browser closes.
func (s *Server) SetCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.policy.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(age / time.Second)}
	http.SetCookie(w, c)
}

// Cookie returns the value of a cookie set with [Server.SetCookie], or nothing.
func (s *Server) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

type contextKey int

const (
	visitKey contextKey = iota
	uploadKey
)

// visit is what is known about who sent a request.
type visit struct {
	session string
	reader  *Reader
}

// identified adds to a request whose visit it belongs to.
func (s *Server) identified(r *http.Request) *http.Request {
	v := &visit{session: s.Cookie(r, "session")}
	for _, f := range s.identify {
		if v.reader = f(r); v.reader != nil {
			break
		}
	}
	return withVisit(r, v)
}

func withVisit(r *http.Request, v *visit) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitKey, v))
}

func visitOf(r *http.Request) *visit {
	if v, ok := r.Context().Value(visitKey).(*visit); ok {
		return v
	}
	return &visit{}
}

func sessionOf(r *http.Request) string { return visitOf(r).session }

// ReaderOf returns who is signed in, or nil.
func ReaderOf(r *http.Request) *Reader { return visitOf(r).reader }

// csrfToken is what forms of a session hold.
func (s *Server) csrfToken(session string) string { return s.mac("csrf", session) }

// startSession gives a browser a session if it has none, and returns it.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request) string {
	v := visitOf(r)
	if v.session == "" {
		v.session = rand.Text()
		s.SetCookie(w, "session", v.session, 0)
	}
	return v.session
}

// EndSession gives the browser a new session. Whoever signs in or out should, so that nothing of before can be used.
func (s *Server) EndSession(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	v.session = rand.Text()
	s.SetCookie(w, "session", v.session, 0)
}

// Flash leaves a sentence to be shown on the next page.
func (s *Server) Flash(w http.ResponseWriter, format string, args ...any) {
	s.SetCookie(w, "flash", s.Sign("flash", fmt.Sprintf(format, args...), time.Minute), time.Minute)
}

// takeFlash returns and removes that sentence.
func (s *Server) takeFlash(w http.ResponseWriter, r *http.Request) string {
	signed := s.Cookie(r, "flash")
	if signed == "" {
		return ""
	}
	s.SetCookie(w, "flash", "", -time.Second)
	text, _ := s.Verify("flash", signed)
	return text
}

// askForToken shows the form for the token, which leads on to a page.
func (s *Server) askForToken(w http.ResponseWriter, r *http.Request, next string) error {
	if s.config.Token == "" {
		return &Problem{Status: http.StatusForbidden, Detail: "This server lets nobody do this from the web."}
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="gyrus"`)
	if wantsJSON(r) {
		return Refuse(http.StatusUnauthorized, "Send the token in an Authorization header.")
	}
	return s.Render(w, r, http.StatusUnauthorized, View{Title: "Token", Template: s.core, Name: "token.html", Data: struct{ Next, Wrong string }{Next: next}})
}

// enter takes the token from its form.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) error {
	if err := s.limiter.entry.allow(clientAddress(r)); err != nil {
		return err
	}
	if !s.isToken(r.PostForm.Get("token")) {
		s.config.Log.Warn("a wrong token was shown", "from", clientAddress(r))
		return s.Render(w, r, http.StatusUnauthorized, View{Title: "Token", Template: s.core, Name: "token.html",
			Data: struct{ Next, Wrong string }{LocalPath(r.PostForm.Get("next")), "That is not the token."}})
	}
	s.EndSession(w, r)
	s.SetCookie(w, "operator", s.Sign("operator", s.tokenDigest(), 30*24*time.Hour), 30*24*time.Hour)
	http.Redirect(w, r, LocalPath(r.PostForm.Get("next")), http.StatusSeeOther)
	return nil
}

// leave forgets the token.
func (s *Server) leave(w http.ResponseWriter, r *http.Request) error {
	s.EndSession(w, r)
	s.SetCookie(w, "operator", "", -time.Second)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// setTheme keeps the choice between light and dark.
func (s *Server) setTheme(w http.ResponseWriter, r *http.Request) error {
	theme := r.PostForm.Get("theme")
	if theme != "light" && theme != "dark" {
		s.SetCookie(w, "theme", "", -time.Second)
	} else {
		s.SetCookie(w, "theme", theme, 365*24*time.Hour)
	}
	if wantsJSON(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, LocalPath(r.PostForm.Get("next")), http.StatusSeeOther)
	return nil
}

// LocalPath returns the path if it is one of this server, and "/" otherwise, so that a form cannot send a reader elsewhere.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}
