package search

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	_ "modernc.org/sqlite"
)

func TestTokens(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"EEG-to-fMRI synthesis", "eeg to fmri synthesis"},
		{"Müller's naïve TRC² coöperates", "muller naive trc2 cooperates"},
		{"the brain’s code’s, s'avance", "the brain code s avance"},
		{`period, {\it viz} the \alpha-rhythm`, "period viz the rhythm"},
		{"3D Gaussian-splatting (3DGS)", "3d gaussian splatting 3dgs"},
		{"Straße Ørsted Æon łódź", "strasse orsted aeon lodz"},
		{"神経科学 and ニューロン", "神 経 科 学 and ニ ュ ー ロ ン"},
		{"e\u0301tude", "etude"},
		{"", ""}, {"— ’ ' \\", ""}, {"\xff\xfea", "a"},
		{strings.Repeat("ä", 60), strings.Repeat("a", maxWord)},
	} {
		var got []string
		for tok := range tokens(c.text) {
			got = append(got, tok.word)
			if tok.start < 0 || tok.end > len(c.text) || tok.start >= tok.end {
				t.Errorf("%q: %q is at %d to %d", c.text, tok.word, tok.start, tok.end)
			}
		}
		// The long vowel mark is of no script alone; it may stand by itself or be left out.
		if s := strings.Join(got, " "); s != c.want && s != strings.ReplaceAll(c.want, " ー", "") {
			t.Errorf("%q: %q, want %q", c.text, s, c.want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("The brain’s TRC² \\it{x} 神経")
	f.Add("\xff'S\u0301")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for tok := range tokens(text) {
			if tok.start < end || tok.end <= tok.start || tok.end > len(text) {
				t.Fatalf("%q at %d to %d after %d", tok.word, tok.start, tok.end, end)
			}
			end = tok.end
			if tok.word == "" || len(tok.word) > maxWord || !utf8.ValidString(tok.word) {
				t.Fatalf("word %q", tok.word)
			}
			stem(tok.word)
		}
	})
}

// TestStemAgainstSQLite compares with the stemmer of SQLite's FTS5, which is another implementation of the same algorithm.
func TestStemAgainstSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var words []string
	// Every suffix that a step knows, behind stems of several measures, with what inflection may add.
	for _, root := range strings.Fields("gener oper relat vietn condit hesit digit connect controll fall hop hopp plan tann fil fail siz agre feed sky cry happ syz trouble motor rat rol probat ceas b tr oat ivy network neuron spik encod") {
		for _, a := range append([]string{"", "e", "y", "ll", "s", "es", "sses", "ies", "eed", "ed", "ing"}, step4...) {
			for _, b := range []string{"", "ed", "ing", "s", "ly", "ness", "al", "ational", "izer", "fulness", "ities", "iveness", "logy", "bly", "icate", "ative", "ical", "ement"} {
				words = append(words, root+a+b)
			}
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	for _, q := range []string{`CREATE VIRTUAL TABLE f USING fts5(t, tokenize = 'porter unicode61')`, `CREATE VIRTUAL TABLE v USING fts5vocab(f, 'instance')`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range words {
		if _, err := tx.Exec("INSERT INTO f (rowid, t) VALUES (?, ?)", i+1, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT doc, term FROM v")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n, differ := 0, 0
	for rows.Next() {
		var doc int
		var term string
		if err := rows.Scan(&doc, &term); err != nil {
			t.Fatal(err)
		}
		n++
		if got := stem(words[doc-1]); got != term {
			if differ++; differ <= 12 {
				t.Logf("%s: %s, SQLite %s", words[doc-1], got, term)
			}
		}
	}
	if n != len(words) || differ > 0 {
		t.Errorf("%d of %d differ, of %d words", differ, n, len(words))
	}
}
