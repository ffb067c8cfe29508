package studio

import (
	"io/fs"
	"net/http"
	"testing/fstest"

	"github.com/gyrus-dev/gyrus/papers"
)

// panelSection is a section that has everything one may have.
type panelSection struct{}

func (panelSection) Name() string         { return "extra" }
func (panelSection) Nav() []NavItem       { return []NavItem{{"Talks", "/talks", 50}} }
func (panelSection) SearchAction() string { return "/find" }
func (panelSection) Assets() fs.FS        { return fstest.MapFS{"x.css": {Data: []byte("a{}")}} }
func (panelSection) Routes(m *Mux) {
	m.Get("GET /talks", func(http.ResponseWriter, *http.Request) error { return nil })
}

func (panelSection) PaperPanel(_ *http.Request, p *papers.Paper) (*Panel, error) {
	return &Panel{ID: "abstract", Title: "Abstract of " + p.System, HTML: "<em>An abstract.</em>", First: true}, nil
}
