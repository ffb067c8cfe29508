package studio

import "net/http"

// coreRoutes are those of the frame itself and of papers, runs and comparisons.
func (s *Server) coreRoutes(m *Mux) {
	m.Get("GET /assets/{digest}/{name...}", func(w http.ResponseWriter, r *http.Request) error { return s.assets.serve(w, r) }, Open)
	m.Get("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) error {
		r.SetPathValue("name", coreName+"/icon.svg")
		return s.assets.serve(w, r)
	}, Open)
	m.Get("GET /token", func(w http.ResponseWriter, r *http.Request) error {
		next := LocalPath(r.URL.Query().Get("next"))
		if s.IsOperator(r) {
			http.Redirect(w, r, next, http.StatusSeeOther)
			return nil
		}
		return s.askForToken(w, r, next)
	}, Open)
	m.Post("POST /token", s.enter, Open)
	m.Post("POST /token/leave", s.leave, Open)
	m.Post("POST /theme", s.setTheme, Open)
	m.Get("GET /keys", func(w http.ResponseWriter, r *http.Request) error {
		return s.Render(w, r, http.StatusOK, View{Title: "Keys", Template: s.core, Name: "keys.html"})
	})

	m.Get("GET /papers", s.papersPage)
	m.Get("GET /papers/{slug}", s.paperPage)
	m.Post("POST /papers/{slug}/run", s.startRun, Operator, Limited(s.limiter.runs))
	m.Get("GET /board", s.boardPage)

	m.Get("GET /runs", s.runsPage)
	m.Get("GET /runs/{run}", s.runPage)
	m.Get("GET /runs/{run}/events", s.runEvents, Live)
	m.Get("GET /runs/{run}/files/{name...}", s.runFile)
	m.Get("GET /runs/{run}/files.zip", s.runZip)
	m.Post("POST /runs/{run}/cancel", s.cancelRun, Operator)
	m.Post("POST /runs/{run}/resume", s.resumeRun, Operator, Limited(s.limiter.runs))
	m.Get("GET /runs/{run}/delete", s.askDelete, Operator)
	m.Post("POST /runs/{run}/delete", s.deleteRun, Operator)
	m.Get("GET /compare", s.comparePage)

	m.Get("GET /apply", s.applyPage, Operator)
	m.Post("POST /apply", s.startApply, Operator, Limited(s.limiter.runs))
	m.Get("GET /jobs/{job}", s.jobPage)
	m.Get("GET /jobs/{job}/events", s.jobEvents, Live)
	m.Get("GET /jobs/{job}/files/{name...}", s.jobFile, Operator)
	m.Post("POST /jobs/{job}/cancel", s.cancelJob, Operator)
	m.Post("POST /jobs/{job}/delete", s.deleteJob, Operator)
	m.Get("GET /data", s.dataPage, Operator)
	m.Post("POST /data/delete", s.deleteUpload, Operator)
	m.Post("POST /data", s.takeUpload, Operator, Upload(maxUpload), Limited(s.limiter.uploads))
}
