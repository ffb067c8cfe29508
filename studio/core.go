package studio

import "net/http"

// coreRoutes are those of the frame itself.
func (s *Server) coreRoutes(m *Mux) {
	m.Get("GET /assets/{digest}/{name...}", func(w http.ResponseWriter, r *http.Request) error { return s.assets.serve(w, r) }, Open)
	m.Get("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) error {
		r.SetPathValue("name", coreName+"/icon.svg")
		return s.assets.serve(w, r)
	}, Open)
	m.Post("POST /token", s.enter, Open)
	m.Post("POST /token/leave", s.leave, Open)
	m.Post("POST /theme", s.setTheme, Open)
	m.Get("GET /keys", func(w http.ResponseWriter, r *http.Request) error {
		return s.Render(w, r, http.StatusOK, View{Title: "Keys", Template: s.core, Name: "keys.html"})
	})
}
