package room

import (
	"net/http"
	"strconv"

	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/studio"
)

type moderationPage struct {
	page
	Reports   []readers.Report
	Claims    []readers.Claim
	Comments  []*readers.Comment
	Suspended []readers.Reader
}

// onlyModerators refuses everybody else.
func onlyModerators(me readers.Reader) error {
	if !me.Moderator {
		return &studio.Problem{Status: http.StatusForbidden, Title: "For moderators", Detail: "Only moderators see this page. The operator names them with the command line."}
	}
	return nil
}

// moderation is what waits for a moderator, and what was said last.
func (s *Section) moderation(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if err := onlyModerators(me); err != nil {
		return err
	}
	ctx := r.Context()
	p, err := s.page(r)
	if err != nil {
		return err
	}
	v := moderationPage{page: p}
	if v.Reports, err = s.Readers.Reports(ctx); err != nil {
		return err
	}
	if v.Claims, err = s.Readers.OpenClaims(ctx); err != nil {
		return err
	}
	if v.Comments, err = s.Readers.Comments(ctx, 0, 20); err != nil {
		return err
	}
	if v.Suspended, err = s.Readers.Readers(ctx, true); err != nil {
		return err
	}
	return s.render(w, r, studio.View{Title: "Moderation", Name: "moderation.html", Data: v})
}

// moderate carries out a decision.
func (s *Section) moderate(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	if err := onlyModerators(me); err != nil {
		return err
	}
	ctx, form := r.Context(), r.PostForm
	id, err := strconv.ParseInt(form.Get("id"), 10, 64)
	if err != nil {
		return studio.Refuse(http.StatusBadRequest, "The form does not say what is decided.")
	}
	verdict := readers.Verdict(form.Get("verdict"))
	switch form.Get("about") {
	case "report":
		err = s.Readers.DecideReport(ctx, id, verdict)
	case "claim":
		err = s.Readers.DecideClaim(ctx, id, verdict, form.Get("why"))
	case "comment":
		err = s.Readers.DeleteComment(ctx, me.ID, id)
	case "suspend":
		if id == me.ID {
			return studio.Refuse(http.StatusUnprocessableEntity, "Nobody can suspend themselves.")
		}
		err = s.Readers.Suspend(ctx, id, form.Get("why"))
	case "reinstate":
		err = s.Readers.Reinstate(ctx, id)
	default:
		return studio.Refuse(http.StatusBadRequest, "The form does not say what is decided.")
	}
	if err != nil {
		return err
	}
	s.server.Log().Info("moderated", "what", form.Get("about"), "id", id, "verdict", verdict, "by", me.ID)
	http.Redirect(w, r, "/moderation", http.StatusSeeOther)
	return nil
}
