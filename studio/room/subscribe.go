package room

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gyrus-dev/gyrus/feed/digest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/studio"
)

// subscribeBox is the form with which digests are asked for.
type subscribeBox struct {
	Shown   bool
	Query   string
	Address string // of who has signed in: no letter is needed
}

func (s *Section) subscribeBox(p page, query string) subscribeBox {
	b := subscribeBox{Shown: s.Mailer != nil, Query: query}
	if p.Me != nil {
		b.Address = p.Me.Address.Reveal()
	}
	return b
}

type subscribePage struct {
	page
	Box  subscribeBox
	Sent bool
	Why  string
	Text string
}

func (s *Section) subscribeForm(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	return s.render(w, r, studio.View{Title: "Papers by email", Name: "subscribe.html", Data: subscribePage{page: me, Box: s.subscribeBox(me, q.Get("q")), Sent: q.Get("sent") != ""}})
}

// subscribe sends a letter with a link to confirm. Who has signed in with the address has shown already that it is theirs.
func (s *Section) subscribe(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	typed, query := r.PostForm.Get("address"), r.PostForm.Get("query")
	to, err := readers.ParseAddress(typed)
	proven := false
	if err == nil {
		proven = me.Me != nil && !me.Me.Address.IsZero() && me.Me.Address.Reveal() == to.Reveal()
		err = s.Mailer.Subscribe(r.Context(), digest.Request{Address: to, Query: query, Every: digest.Every(r.PostForm.Get("every")), From: address(r), Proven: proven})
	}
	var refusal *readers.Refusal
	switch {
	case errors.As(err, &refusal) || err != nil && to.IsZero():
		return s.server.Render(w, r, http.StatusUnprocessableEntity, studio.View{Title: "Papers by email", Template: s.pages, Name: "subscribe.html",
			Data: subscribePage{page: me, Box: s.subscribeBox(me, query), Why: sentence(err.Error()), Text: typed}})
	case err != nil:
		return problem(err)
	case proven:
		s.server.Flash(w, "Subscribed. The first digest comes soon.")
		http.Redirect(w, r, "/me/following", http.StatusSeeOther)
	default:
		http.Redirect(w, r, "/subscribe?sent=1", http.StatusSeeOther)
	}
	return nil
}

type confirmPage struct {
	page
	Token        string
	Subscription digest.Subscription
	Done         bool
}

// confirmForm is where the link of a letter leads: a button, since programs that look at mail follow links.
func (s *Section) confirmForm(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	token := r.URL.Query().Get("t")
	sub, err := s.Mailer.CheckConfirm(r.Context(), token)
	if err != nil {
		return problem(err)
	}
	return s.render(w, r, studio.View{Title: "Papers by email", Name: "confirm.html",
		Data: confirmPage{me, token, sub, !sub.Confirmed.IsZero()}})
}

func (s *Section) confirm(w http.ResponseWriter, r *http.Request) error {
	token := r.PostForm.Get("t")
	if err := s.Mailer.Confirm(r.Context(), token); err != nil {
		return problem(err)
	}
	http.Redirect(w, r, "/confirm?"+url.Values{"t": {token}}.Encode(), http.StatusSeeOther)
	return nil
}

type leavePage struct {
	page
	Token   string
	Digests []digest.Subscription
	Done    bool
}

// leaveForm shows what goes to the address that a letter was sent to.
func (s *Section) leaveForm(w http.ResponseWriter, r *http.Request) error {
	me, err := s.page(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	v := leavePage{page: me, Token: q.Get("t"), Done: q.Get("done") != ""}
	if v.Digests, err = s.Mailer.Subscriptions(r.Context(), v.Token); err != nil {
		return problem(err)
	}
	return s.render(w, r, studio.View{Title: "Unsubscribe", Name: "unsubscribe.html", Data: v})
}

// leave ends subscriptions: all of them by the button of a mail program (RFC 8058), which sends no cookie and gets 200, or those chosen on
// the page. The signed link says whose they are.
func (s *Section) leave(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return studio.Refuse(http.StatusBadRequest, "The form could not be read.")
	}
	token := r.Form.Get("t")
	button := r.PostForm.Get("List-Unsubscribe") == "One-Click"
	var id int64
	if !button {
		var err error
		if id, err = strconv.ParseInt(r.PostForm.Get("subscription"), 10, 64); err != nil || id < 0 {
			return studio.Refuse(http.StatusBadRequest, "The form does not say which digest to end.")
		}
	}
	if err := s.Mailer.Leave(r.Context(), token, id); err != nil {
		return problem(err)
	}
	if button {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("No more digests will be sent to this address.\n"))
		return nil
	}
	http.Redirect(w, r, "/unsubscribe?"+url.Values{"t": {token}, "done": {"1"}}.Encode(), http.StatusSeeOther)
	return nil
}

// changeDigest ends a digest of a reader, or all.
func (s *Section) changeDigest(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	id, err := strconv.ParseInt(r.PostForm.Get("subscription"), 10, 64)
	if err != nil || id <= 0 || s.Mailer == nil || me.Address.IsZero() {
		return studio.Refuse(http.StatusBadRequest, "The form does not say which digest to end.")
	}
	if err := s.Mailer.LeaveOf(r.Context(), me.Address, id); err != nil {
		return err
	}
	http.Redirect(w, r, "/me/following", http.StatusSeeOther)
	return nil
}
