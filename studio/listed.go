package studio

import (
	_ "embed"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
)

// listed.tsv is the list of systems that Gyrus is to make run, a line each: family, slug, system, title.
//
//go:embed listed.tsv
var listedTSV string

// listed is a system of that list.
type listed struct {
	Family              papers.Family
	Slug, System, Title string
}

var allListed = func() (out []listed) {
	for line := range strings.Lines(listedTSV) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 4 {
			out = append(out, listed{papers.Family(f[0]), f[1], f[2], f[3]})
		}
	}
	return out
}()

// familyText is what readers are told about a family.
type familyText struct{ Title, Says string }

var families = map[papers.Family]familyText{
	papers.Signals:     {"Signals", "Decoders and foundation models for EEG, MEG, intracranial recordings and fMRI"},
	papers.Populations: {"Populations", "Latent dynamics of recorded neurons"},
	papers.Spiking:     {"Spiking", "Spiking networks"},
	papers.Recurrent:   {"Recurrent", "Recurrent networks and their dynamics"},
	papers.Sequence:    {"Sequence", "Sequence models"},
	papers.Comparison:  {"Comparison", "Brains compared with models"},
	papers.Fields:      {"Fields", "Neural fields"},
}

// missing returns the listed systems of a family that no paper of the server's makes run.
func (s *Server) missing(f papers.Family) (out []listed) {
	for _, l := range allListed {
		if _, there := s.Paper(l.Slug); !there && l.Family == f {
			out = append(out, l)
		}
	}
	return out
}
