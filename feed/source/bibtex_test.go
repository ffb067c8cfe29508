package source

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/recording"
)

const bib = `Remarks may stand between entries, such as me@example.org.
@string{jn = "Journal of " # {Nothing}}
@comment{ @article{no, title = {Not this}} }
@article{blue25,
  title = {{Waves} in \emph{Networks} -- a Na{\"\i}ve View of $\alpha$~and $x_{2}$},
  author = "Ada {van Blue} and Dean, Carl and {The {ATLAS} and CMS Teams} and M{\"u}ller, Jr, J\"org and others",
  abstract = {One \& two:
     50\% {\textquotedblleft}of it''. {\AA}ngstr{\"o}m, {\L}{\'o}d{\'z}, \c{C}a, {\ss}.},
  journal = jn, year = 2025, month = mar, doi = {https://doi.org/10.1000/AB\_c},
}
@misc(dean24, title = "Old {"}style{"}", eprint = {2401.00001v2}, archivePrefix = {arXiv}, date = {2024-05-06}, url = {https://example.org/a\_b})
@InProceedings{x, author={A and B}, year={n.d.}}
@article{torn, title = {No end,
@article{fox, title = {After the torn one}, author = {Fox, E. and Grey, F.}, journal = {arXiv preprint arXiv:2312.00002}, year = "2023", day = 4, month = "12"}
`

func TestBibTeX(t *testing.T) {
	kind, seq := Read("x.bib", []byte(bib), Options{})
	got, refused, err := collect(seq)
	if err != nil || kind != "bibtex" {
		t.Fatal(kind, err)
	}
	want := []feed.Paper{
		{Title: `Waves in Networks – a Naïve View of $\alpha$ and $x_{2}$`, Authors: []string{"Ada van Blue", "Carl Dean", "The ATLAS and CMS Teams", "Jörg Müller Jr"},
			Abstract: "One & two:\n     50% “of it”. Ångström, Łódź, Ça, ß.", DOI: "10.1000/ab_c", Published: day("2025-03-01")},
		{Title: `Old "style"`, ArXiv: "2401.00001", ArXivVersion: 2, Published: day("2024-05-06"), URL: "https://example.org/a_b"},
		{Title: "After the torn one", Authors: []string{"E. Fox", "F. Grey"}, ArXiv: "2312.00002", Published: day("2023-12-04")},
	}
	for i := range want {
		if i >= len(got) || !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("paper %d is %+v\nwant %+v", i, got[min(i, len(got)-1)], want[i])
		}
	}
	if len(got) != len(want) || len(refused) != 2 || !strings.Contains(refused[0], `line 12: entry "x" has no title`) || !strings.Contains(refused[1], "line 13") {
		t.Errorf("%d papers, refused %q", len(got), refused)
	}
}

func TestBibTeXHostile(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":              "no entries here",
		"deep":                 "@a{x, title=" + strings.Repeat("{", 1<<20),
		"deep quoted":          `@a{x, title="` + strings.Repeat("{", 1<<20),
		"torn entries":         strings.Repeat("@a{x, title={\n", 200_000),
		"torn quotes":          strings.Repeat("@a{x, title=\"{\n", 200_000),
		"long value":           "@a{x, title={" + strings.Repeat("x", 1<<20) + "}}",
		"macros that multiply": "@string{a=\"0123456789\"}" + strings.Repeat("@string{a=a#a#a#a#a#a#a#a}", 40) + "@b{k, title=a}",
	} {
		start := time.Now()
		_, seq := Read("x.bib", []byte(text), Options{})
		got, refused, err := collect(seq)
		var form *recording.Error
		if len(got) > 0 || len(refused) == 0 && !errors.As(err, &form) {
			t.Errorf("%s: %d papers, %d refused, %v", name, len(got), len(refused), err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func TestUntex(t *testing.T) {
	for in, want := range map[string]string{
		`\'e\'{e}{\'e}\'{\i}\v{s}\H{o}\~n`: "éééíšőñ", `{\it viz} x`: "viz x", `\o{}re \aa ngstr`: "øre ångstr", `a---b--c`: "a—b–c", `\`: `\`, `{`: "", `$5 and more`: "$5 and more",
		`\unknown{kept}`: "kept", "plain": "plain",
	} {
		if got := untex(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzBibTeX(f *testing.F) {
	f.Add(bib)
	f.Add("@a{b,c=\"{\\\"}\"#d}")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for p, err := range parseBibTeX("x", text) {
			n++
			if err == nil && (p.Title == "" || utf8.ValidString(text) && !utf8.ValidString(p.Title)) {
				t.Errorf("title %q", p.Title)
			}
		}
		if n > len(text)+1 {
			t.Error("more entries than bytes")
		}
	})
}
