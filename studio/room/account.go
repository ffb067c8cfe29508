package room

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/studio"
)

type signInPage struct {
	page
	Next string
	Sent bool
	Why  string // the address could not be taken
	Text string // as it was typed
}

// signInForm asks for an address to send a link to.
func (s *Section) signInForm(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	next := studio.LocalPath(r.URL.Query().Get("next"))
	if me.Me != nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.render(w, r, studio.View{Title: "Sign in", Name: "signin.html", Data: signInPage{page: me, Next: next, Sent: r.URL.Query().Get("sent") != ""}})
}

// askSignIn sends a link. Where the reader wants to go waits in a cookie of this browser.
func (s *Section) askSignIn(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	next, typed := studio.LocalPath(r.PostForm.Get("next")), r.PostForm.Get("address")
	to, err := readers.ParseAddress(typed)
	if err != nil {
		return s.server.Render(w, r, http.StatusUnprocessableEntity, studio.View{Title: "Sign in", Template: s.pages, Name: "signin.html",
			Data: signInPage{page: me, Next: next, Why: sentence(err.Error()), Text: typed}})
	}
	if err := s.Readers.AskSignIn(r.Context(), to, address(r)); err != nil {
		return problem(err)
	}
	s.server.SetCookie(w, "next", s.server.Sign("next", next, readers.LinkLife), readers.LinkLife)
	http.Redirect(w, r, "/sign-in?sent=1", http.StatusSeeOther)
	return nil
}

type enterPage struct {
	page
	Token, Address string
}

// enterForm is where the link of a letter leads: a button, since programs that look at mail follow links.
func (s *Section) enterForm(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	token := r.URL.Query().Get("t")
	to, err := s.Readers.CheckSignIn(r.Context(), token)
	if err != nil {
		return problem(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.render(w, r, studio.View{Title: "Sign in", Name: "enter.html", Data: enterPage{me, token, to.Reveal()}})
}

// enter uses the link.
func (s *Section) enter(w http.ResponseWriter, r *http.Request) error {
	_, session, err := s.Readers.SignIn(r.Context(), r.PostForm.Get("t"))
	if err != nil {
		return problem(err)
	}
	next, err := s.server.Verify("next", s.server.Cookie(r, "next"))
	if err != nil || next == "/" {
		next = "/me"
	}
	s.server.EndSession(w, r)
	s.server.SetCookie(w, "next", "", -time.Second)
	s.server.SetCookie(w, sessionCookie, session, readers.SessionLife)
	http.Redirect(w, r, studio.LocalPath(next), http.StatusSeeOther)
	return nil
}

func (s *Section) signOut(w http.ResponseWriter, r *http.Request) error {
	if session := s.server.Cookie(r, sessionCookie); session != "" {
		if err := s.Readers.SignOut(r.Context(), session); err != nil {
			return err
		}
	}
	s.server.EndSession(w, r)
	s.server.SetCookie(w, sessionCookie, "", -time.Second)
	s.server.Flash(w, "You are signed out.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

type deskPage struct {
	page
	ToRead, Read []card
}

// desk is the reading list, or the way to sign in.
func (s *Section) desk(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	if me.Me == nil {
		http.Redirect(w, r, "/sign-in?next=%2Fme", http.StatusSeeOther)
		return nil
	}
	kept, err := s.Readers.ReadingList(r.Context(), me.Me.ID)
	if err != nil {
		return err
	}
	v := deskPage{page: me}
	for _, k := range kept {
		c := card{Paper: k.Paper, Heading: plain(k.Title), Lead: plain(lead(k.Abstract, leadLength*2/3)), System: s.system(k.Slug)}
		c.Mine.Listed, c.Mine.Read = true, !k.Read.IsZero()
		if c.Mine.Read {
			v.Read = append(v.Read, c)
		} else {
			v.ToRead = append(v.ToRead, c)
		}
	}
	return s.render(w, r, studio.View{Title: "Reading list", Name: "desk.html", Data: v})
}

type followPage struct {
	page
	Follows   []followed
	Families  []family
	Digests   []digest.Subscription
	Subscribe subscribeBox
}

type followed struct {
	readers.Follow
	Path, Feed string
}

// following is what a reader follows, and the digests that go to them.
func (s *Section) following(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	p, err := s.page(r)
	if err != nil {
		return err
	}
	follows, err := s.Readers.Follows(r.Context(), me.ID)
	if err != nil {
		return err
	}
	v := followPage{page: p, Families: families(), Subscribe: s.subscribeBox(p, "")}
	taken := map[string]bool{}
	for _, f := range follows {
		taken[f.Query] = true
		v.Follows = append(v.Follows, followed{f, pathOf(f.Query), feedOf("atom", f.Query)})
	}
	left := v.Families[:0]
	for _, f := range v.Families {
		if !taken[readers.FollowFamily(f.Name)] {
			left = append(left, f)
		}
	}
	v.Families = left
	if s.Mailer != nil && !me.Address.IsZero() {
		if v.Digests, err = s.Mailer.SubscriptionsOf(r.Context(), me.Address); err != nil {
			return err
		}
	}
	return s.render(w, r, studio.View{Title: "Following", Name: "following.html", Data: v})
}

// pathOf is the page of what can be followed: a family, or a search.
func pathOf(query string) string {
	if f, ok := strings.CutPrefix(query, readers.FollowFamily("")); ok && !strings.Contains(f, " ") {
		return "/?" + url.Values{"family": {f}}.Encode()
	}
	return searchPath(query)
}

func (s *Section) follow(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	query, label := r.PostForm.Get("query"), r.PostForm.Get("label")
	if f, ok := strings.CutPrefix(query, readers.FollowFamily("")); ok && label == "" {
		label = familyName(f)
	}
	if err := s.Readers.Follow(r.Context(), me.ID, query, label); err != nil {
		return err
	}
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
	return nil
}

func (s *Section) unfollow(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if err := s.Readers.Unfollow(r.Context(), me.ID, r.PostForm.Get("query")); err != nil {
		return err
	}
	http.Redirect(w, r, backTo(r), http.StatusSeeOther)
	return nil
}

type accountPage struct {
	page
	Address  string
	Sessions []readers.Session
	Claims   []readers.Claim
	Comments []*readers.Comment
	Upvotes  []card
}

// account is who a reader is here, and what they have done.
func (s *Section) account(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	ctx := r.Context()
	p, err := s.page(r)
	if err != nil {
		return err
	}
	v := accountPage{page: p, Address: me.Address.Reveal()}
	if v.Sessions, err = s.Readers.Sessions(ctx, me.ID); err != nil {
		return err
	}
	if v.Claims, err = s.Readers.Claims(ctx, me.ID); err != nil {
		return err
	}
	if v.Comments, err = s.Readers.Comments(ctx, me.ID, 20); err != nil {
		return err
	}
	upvotes, err := s.Readers.Upvotes(ctx, me.ID)
	if err != nil {
		return err
	}
	for _, k := range upvotes[:min(len(upvotes), 50)] {
		v.Upvotes = append(v.Upvotes, card{Paper: k.Paper, Heading: plain(k.Title)})
	}
	return s.render(w, r, studio.View{Title: "Account", Name: "account.html", Data: v})
}

func (s *Section) rename(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if err := s.Readers.Rename(r.Context(), me.ID, r.PostForm.Get("name")); err != nil {
		return err
	}
	s.server.Flash(w, "Your name is changed.")
	http.Redirect(w, r, "/me/account", http.StatusSeeOther)
	return nil
}

// revoke ends one session of the reader, or all of them.
func (s *Section) revoke(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if err := s.Readers.Revoke(r.Context(), me.ID, r.PostForm.Get("session")); err != nil {
		return err
	}
	http.Redirect(w, r, "/me/account", http.StatusSeeOther)
	return nil
}

// export is everything that is kept of a reader.
func (s *Section) export(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	more := map[string]any{}
	if s.Mailer != nil && !me.Address.IsZero() {
		digests, err := s.Mailer.SubscriptionsOf(r.Context(), me.Address)
		if err != nil {
			return err
		}
		more["digests"] = digests
	}
	var doc bytes.Buffer // whole, or an error
	if err := s.Readers.Export(r.Context(), &doc, me.ID, more); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="gyrus-account.json"`)
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodHead {
		doc.WriteTo(w) // an error means that the reader has gone
	}
	return nil
}

// deleteAccount deletes everything of a reader who has typed that they want it.
func (s *Section) deleteAccount(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if strings.TrimSpace(strings.ToLower(r.PostForm.Get("sure"))) != "delete" {
		return studio.Refuse(http.StatusUnprocessableEntity, "Type the word delete into the field, so that this does not happen by mistake.")
	}
	var err error
	if s.Mailer != nil {
		err = s.Readers.Delete(r.Context(), me.ID, s.Mailer.Forget)
	} else {
		err = s.Readers.Delete(r.Context(), me.ID)
	}
	if err != nil {
		return err
	}
	s.server.EndSession(w, r)
	s.server.SetCookie(w, sessionCookie, "", -time.Second)
	s.server.Flash(w, "Your account is deleted, with everything that was kept of you.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
