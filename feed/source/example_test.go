package source_test

import (
	"fmt"

	"github.com/gyrus-dev/gyrus/feed/source"
)

// A BibTeX file, its TeX made text.
func ExampleRead() {
	kind, papers := source.Read("mine.bib", []byte(`@article{k, title = {Waves in {N}etworks}, author = {Bl{\"u}e, Ada}, eprint = {2501.00001}}`), source.Options{})
	for p, err := range papers {
		fmt.Println(kind, p.ArXiv, p.Title, p.Authors, err)
	}
	// Output: bibtex 2501.00001 Waves in Networks [Ada Blüe] <nil>
}
