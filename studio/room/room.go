package room

import (
	"cmp"
	"embed"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/studio"
)

//go:embed all:templates
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Config is what the reading room is made of.
type Config struct {
	Feed    *feed.Store
	Readers *readers.Store
	Index   *search.Index  // nil: papers cannot be searched
	Mailer  *digest.Mailer // nil: no mail is sent, so that nobody can sign in or subscribe
	Site    string         // address that feeds link to, such as "https://papers.example.org"; empty: what a request calls the server
}

// Section is the reading room. It is safe for concurrent use.
type Section struct {
	server *studio.Server
	Config
	pages  *studio.Templates
	limits struct{ letters, links *studio.Limit }
	order  order
	close  func() error // nil if there is nothing to close
}

// New returns a reading room of parts that are open already; [Open] opens them.
func New(s *studio.Server, c Config) *Section {
	room := &Section{server: s, Config: c, pages: s.Templates(templateFiles, "templates/*.html")}
	room.Site = strings.TrimSuffix(c.Site, "/")
	room.limits.letters = s.NewLimit(studio.Rate{Times: 12, In: 10 * time.Minute})
	room.limits.links = s.NewLimit(studio.Rate{Times: 60, In: 10 * time.Minute})
	return room
}

// Paths are where the pages are that letters link to.
func Paths() digest.Paths {
	return digest.Paths{Paper: paperPath, Search: searchPath, Confirm: "/confirm", Leave: "/unsubscribe", SignIn: "/enter"}
}

func paperPath(p feed.Paper) string { return "/paper/" + strconv.FormatInt(p.ID, 10) }

func searchPath(query string) string {
	if query == "" {
		return "/"
	}
	return "/search?" + url.Values{"q": {query}}.Encode()
}

// Name implements [studio.Section].
func (s *Section) Name() string { return "room" }

// Nav implements [studio.Section].
func (s *Section) Nav() []studio.NavItem {
	return []studio.NavItem{{Label: "Daily Papers", Href: "/", Order: 10}, {Label: "Reading list", Href: "/me", Order: 60}}
}

// Assets implements [studio.Assets].
func (s *Section) Assets() fs.FS {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// SearchAction implements [studio.Searcher].
func (s *Section) SearchAction() string {
	if s.Index == nil {
		return ""
	}
	return "/search"
}

// Identify implements [studio.Identifier]: a reader is who has signed in, or else the server's user.
func (s *Section) Identify(r *http.Request) *studio.Reader {
	if session := s.server.Cookie(r, sessionCookie); session != "" {
		switch who, err := s.Readers.SignedIn(r.Context(), session); {
		case err == nil:
			return &studio.Reader{ID: strconv.FormatInt(who.ID, 10), Name: who.Name}
		case !errors.Is(err, readers.ErrSignedOut) && !errors.Is(err, readers.ErrSuspended) && r.Context().Err() == nil:
			s.server.Log().Error("finding out who is signed in", "error", err)
		}
	}
	if !s.server.IsOperator(r) {
		return nil
	}
	who, err := s.Readers.Local(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			s.server.Log().Error("finding the local reader", "error", err)
		}
		return nil
	}
	return &studio.Reader{ID: strconv.FormatInt(who.ID, 10), Name: who.Name}
}

const sessionCookie = "reader"

// Routes implements [studio.Section].
func (s *Section) Routes(m *studio.Mux) {
	m.Get("GET /{$}", s.front)
	m.Get("GET /archive", s.archive)
	m.Get("GET /archive/{period}", s.period)
	for _, f := range readers.Formats {
		m.Get("GET /feed."+string(f), s.feedIn(f))
		m.Get("GET /me/list."+string(f), s.mine(s.listIn(f)))
	}
	if s.Index != nil {
		m.Get("GET /search", s.search)
	}

	m.Get("GET /paper/{id}", s.paper)
	m.Get("GET /paper/{id}/cite.bib", s.cite)
	m.Post("POST /paper/{id}/upvote", s.mine(s.upvote))
	m.Post("POST /paper/{id}/list", s.mine(s.keep))
	m.Post("POST /paper/{id}/read", s.mine(s.setRead))
	m.Post("POST /paper/{id}/comments", s.mine(s.comment), studio.Body(64<<10))
	m.Post("POST /paper/{id}/claim", s.mine(s.claim))
	m.Post("POST /comment/{id}/edit", s.mine(s.editComment), studio.Body(64<<10))
	m.Post("POST /comment/{id}/delete", s.mine(s.deleteComment))
	m.Post("POST /comment/{id}/report", s.mine(s.reportComment))

	m.Get("GET /sign-in", s.signInForm)
	m.Post("POST /sign-in", s.askSignIn, studio.Limited(s.limits.letters))
	m.Get("GET /enter", s.enterForm, studio.Limited(s.limits.links))
	m.Post("POST /enter", s.enter, studio.Limited(s.limits.links))
	m.Post("POST /sign-out", s.signOut)
	m.Get("GET /me", s.desk)
	m.Get("GET /me/following", s.mine(s.following))
	m.Post("POST /me/follow", s.mine(s.follow))
	m.Post("POST /me/unfollow", s.mine(s.unfollow))
	m.Post("POST /me/digests", s.mine(s.changeDigest))
	m.Get("GET /me/account", s.mine(s.account))
	m.Get("GET /me/export.json", s.mine(s.export), studio.Limited(s.limits.letters))
	m.Post("POST /me/name", s.mine(s.rename))
	m.Post("POST /me/sessions", s.mine(s.revoke))
	m.Post("POST /me/delete", s.mine(s.deleteAccount))
	m.Get("GET /moderation", s.mine(s.moderation))
	m.Post("POST /moderation", s.mine(s.moderate))

	if s.Mailer != nil {
		m.Get("GET /subscribe", s.subscribeForm)
		m.Post("POST /subscribe", s.subscribe, studio.Limited(s.limits.letters))
		m.Get("GET /confirm", s.confirmForm, studio.Open, studio.Limited(s.limits.links))
		m.Post("POST /confirm", s.confirm, studio.Open, studio.Limited(s.limits.links))
		m.Get("GET /unsubscribe", s.leaveForm, studio.Open, studio.Limited(s.limits.links))
		m.Post("POST /unsubscribe", s.leave, studio.Foreign) // many are sent from the few addresses of a mail provider
	}
}

// page is what all pages of the room know.
type page struct {
	Me     *readers.Reader // nil if nobody is signed in
	Mail   bool            // letters can be sent
	Search bool
	Alone  bool // the server has one user
}

func (s *Section) page(r *http.Request) (page, error) {
	me, err := s.reader(r)
	return page{Me: me, Mail: s.Mailer != nil, Search: s.Index != nil, Alone: s.server.SingleUser()}, err
}

// reader returns the account a request comes from, nil for none.
func (s *Section) reader(r *http.Request) (*readers.Reader, error) {
	who := studio.ReaderOf(r)
	if who == nil {
		return nil, nil
	}
	id, err := strconv.ParseInt(who.ID, 10, 64)
	if err != nil {
		return nil, nil // of another section
	}
	me, err := s.Readers.Reader(r.Context(), id)
	if errors.Is(err, readers.ErrSignedOut) {
		return nil, nil // deleted a moment ago
	}
	return &me, err
}

// mine makes a handler of one that needs to know the reader. Others are asked to sign in, and come back to the page they were on.
func (s *Section) mine(h func(http.ResponseWriter, *http.Request, readers.Reader) error) studio.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil { // a script's has not been read yet
			return studio.Refuse(http.StatusBadRequest, "The form could not be read.")
		}
		me, err := s.reader(r)
		if err != nil {
			return err
		}
		if me == nil {
			next := r.URL.RequestURI()
			if r.Method != http.MethodGet {
				next = backTo(r)
			}
			if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
				return studio.Refuse(http.StatusUnauthorized, "Sign in first.")
			}
			http.Redirect(w, r, "/sign-in?"+url.Values{"next": {studio.LocalPath(next)}}.Encode(), http.StatusSeeOther)
			return nil
		}
		return problem(h(w, r, *me))
	}
}

// backTo is the page of this server that a form was sent from: what it says in "next", or else the page's address.
func backTo(r *http.Request) string {
	if next := r.PostForm.Get("next"); next != "" {
		return studio.LocalPath(next)
	}
	if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
		return studio.LocalPath(u.RequestURI())
	}
	return "/"
}

func (s *Section) render(w http.ResponseWriter, r *http.Request, v studio.View) error {
	v.Template = s.pages
	return s.server.Render(w, r, http.StatusOK, v)
}

// problem makes of the errors of the rooms below what a reader is told.
func problem(err error) error {
	var refusal *readers.Refusal
	var often *readers.TooOften
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return &studio.Problem{Status: http.StatusUnprocessableEntity, Title: "This cannot be taken", Detail: sentence(refusal.Why) + " Go back to change it."}
	case errors.As(err, &often):
		return &studio.Problem{Status: http.StatusTooManyRequests, Title: "Too often", Detail: "Try again in " + cmp.Or(wait(often.Wait), "a moment") + "."}
	case errors.Is(err, readers.ErrTooOften):
		return &studio.Problem{Status: http.StatusTooManyRequests, Title: "Too often", Detail: "This was done too often. Try again later."}
	case errors.Is(err, feed.ErrNotFound):
		return &studio.Problem{Status: http.StatusNotFound, Title: "No such paper", Detail: "The feed has no such paper. It may have been taken out."}
	case errors.Is(err, readers.ErrNotFound):
		return &studio.Problem{Status: http.StatusNotFound, Title: "Not there", Detail: "There is no such thing any more. It may have been deleted meanwhile."}
	case errors.Is(err, readers.ErrNotYours):
		return &studio.Problem{Status: http.StatusForbidden, Title: "Not yours", Detail: sentence(err.Error())}
	case errors.Is(err, readers.ErrSuspended):
		return &studio.Problem{Status: http.StatusForbidden, Title: "Suspended", Detail: "This account is suspended and cannot do this."}
	case errors.Is(err, readers.ErrSignedOut):
		return &studio.Problem{Status: http.StatusUnauthorized, Title: "Signed out", Detail: "This visit has ended. Sign in again."}
	case errors.Is(err, readers.ErrLink), errors.Is(err, digest.ErrLink):
		return &studio.Problem{Status: http.StatusGone, Title: "This link cannot be used", Detail: "It has been used, has expired, or is not one of this reading room. Ask for another one."}
	case errors.Is(err, readers.ErrNoMail):
		return &studio.Problem{Status: http.StatusNotFound, Title: "No mail", Detail: "This reading room sends no mail, so that nobody can sign in."}
	}
	return err
}

// sentence writes a reason as a sentence.
func sentence(why string) string {
	if why == "" {
		return ""
	}
	return strings.ToUpper(why[:1]) + why[1:] + "."
}

func wait(d time.Duration) string {
	if m := int((d + time.Minute - 1) / time.Minute); m > 1 {
		return strconv.Itoa(m) + " minutes"
	} else if m == 1 {
		return "a minute"
	}
	return ""
}

// site is the address of this reading room as links elsewhere begin with.
func (s *Section) site(r *http.Request) string {
	if s.Site != "" {
		return s.Site
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host // which the frame has checked
}

// address is the network address a request comes from, without the port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// number reads an ID of a path.
func number(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || n <= 0 {
		return 0, fs.ErrNotExist
	}
	return n, nil
}
