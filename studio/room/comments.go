package room

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gyrus-dev/gyrus/feed/readers"
)

// comment adds a comment to a paper. A text that cannot be taken comes back in its form.
func (s *Section) comment(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	paper, err := number(r, "id")
	if err != nil {
		return err
	}
	parent, _ := strconv.ParseInt(r.PostForm.Get("parent"), 10, 64) // 0 for none
	text := r.PostForm.Get("text")
	id, err := s.Readers.Comment(r.Context(), readers.NewComment{Reader: me.ID, Paper: paper, Parent: parent, Body: text, From: address(r)})
	var refusal *readers.Refusal
	if errors.As(err, &refusal) {
		form := "new"
		if parent != 0 {
			form = "answer " + strconv.FormatInt(parent, 10)
		}
		return s.showPaper(w, r, http.StatusUnprocessableEntity, draft{form, text, sentence(refusal.Why)})
	} else if err != nil {
		return err
	}
	toComment(w, r, paper, id)
	return nil
}

// toComment leads to a comment on the page of its paper.
func toComment(w http.ResponseWriter, r *http.Request, paper, comment int64) {
	http.Redirect(w, r, "/paper/"+strconv.FormatInt(paper, 10)+"#c"+strconv.FormatInt(comment, 10), http.StatusSeeOther)
}

// onComment reads which comment a form is about, and the paper whose page it stands on.
func onComment(r *http.Request) (comment, paper int64, err error) {
	if comment, err = number(r, "id"); err != nil {
		return 0, 0, err
	}
	r.SetPathValue("id", r.PostForm.Get("paper"))
	paper, err = number(r, "id")
	return comment, paper, err
}

func (s *Section) editComment(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	comment, paper, err := onComment(r)
	if err != nil {
		return err
	}
	text := r.PostForm.Get("text")
	err = s.Readers.Edit(r.Context(), me.ID, comment, text)
	var refusal *readers.Refusal
	if errors.As(err, &refusal) {
		return s.showPaper(w, r, http.StatusUnprocessableEntity, draft{"edit " + strconv.FormatInt(comment, 10), text, sentence(refusal.Why)})
	} else if err != nil {
		return err
	}
	toComment(w, r, paper, comment)
	return nil
}

func (s *Section) deleteComment(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	comment, paper, err := onComment(r)
	if err != nil {
		return err
	}
	if err := s.Readers.DeleteComment(r.Context(), me.ID, comment); err != nil {
		return err
	}
	s.server.Flash(w, "The comment is deleted.")
	http.Redirect(w, r, "/paper/"+strconv.FormatInt(paper, 10)+"#discussion", http.StatusSeeOther)
	return nil
}

func (s *Section) reportComment(w http.ResponseWriter, r *http.Request, me readers.Reader) error {
	comment, paper, err := onComment(r)
	if err != nil {
		return err
	}
	if err := s.Readers.ReportComment(r.Context(), me.ID, comment, r.PostForm.Get("reason")); err != nil {
		return err
	}
	s.server.Flash(w, "Thank you. A moderator will look at the comment.")
	toComment(w, r, paper, comment)
	return nil
}
