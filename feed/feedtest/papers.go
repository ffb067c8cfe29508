package feedtest

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
)

// Sizes of the invented language.
const (
	vocabulary = 40_000 // content words
	topics     = 240
	topicWords = 320 // content words that a topic prefers
	surnames   = 12_000
	given      = 800
)

// Start and End are the dates between which the papers were published; their number doubles every two and a half years.
var (
	Start = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)
	End   = time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC)
)

// Papers yields n papers, oldest first, the same ones for the same n and seed. All have a title, an abstract of about 170 words, authors,
// dates and an arXiv ID; some have a DOI, an organisation, upvotes and comments. No two are merged by [feed.Store.Import].
func Papers(n int, seed uint64) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		l := newLanguage(seed)
		months := map[string]int{} // papers by month, for the arXiv IDs
		for i := range n {
			p := l.paper(seed, i, n, months)
			if !yield(p, nil) {
				return
			}
		}
	}
}

// language is what all papers of a seed share.
type language struct {
	words       []string
	weights     *table    // of words, by Zipf's law
	topics      [][]int32 // indices of words, by falling preference
	topicWeight *table
	popularity  *table // of topics
	surnames    []string
	given       []string
	labs        []string
}

// function words and the words every abstract has, by rough frequency in English.
var function = strings.Fields(`the of and in to a we that is for with on this are by as from which our an be it can these has have at between not
	their than both or show using was were also how such here while under across each more its when into over but through results model
	models method data based network neural learning approach propose present however find present task tasks performance new state training`)

// table draws indices with given weights in constant time (Vose's alias method).
type table struct {
	keep  []float64
	alias []int32
}

func newTable(weights []float64) *table {
	n, sum := len(weights), 0.
	for _, w := range weights {
		sum += w
	}
	t := &table{make([]float64, n), make([]int32, n)}
	scaled := make([]float64, n)
	var small, large []int32
	for i, w := range weights {
		if scaled[i] = w * float64(n) / sum; scaled[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		t.keep[s], t.alias[s] = scaled[s], l
		if scaled[l] -= 1 - scaled[s]; scaled[l] < 1 {
			large, small = large[:len(large)-1], append(small, l)
		}
	}
	for _, i := range slices.Concat(small, large) {
		t.keep[i], t.alias[i] = 1, i
	}
	return t
}

func (t *table) draw(r *rand.Rand) int {
	i := r.IntN(len(t.keep))
	if r.Float64() < t.keep[i] {
		return i
	}
	return int(t.alias[i])
}

func zipf(n int, shift, power float64) *table {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Pow(float64(i)+shift, -power)
	}
	return newTable(w)
}

var functionWeights = zipf(len(function), 2, 1)

func newLanguage(seed uint64) *language {
	r := rand.New(rand.NewPCG(seed, 1))
	taken := map[string]bool{}
	for _, w := range function {
		taken[w] = true
	}
	invent := func(syllables func() int, endings []string, n int) []string {
		out := make([]string, 0, n)
		for len(out) < n {
			if w := word(r, syllables(), endings); !taken[w] {
				taken[w] = true
				out = append(out, w)
			}
		}
		return out
	}
	title := func(words []string) []string {
		for i, w := range words {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		return words
	}
	l := &language{
		words:       invent(func() int { return 2 + r.IntN(2) }, []string{"", "", "al", "ic", "ation", "ity", "ing", "ed", "or", "s", "ive", "ness", "graphy", "oid"}, vocabulary),
		surnames:    title(invent(func() int { return 2 + r.IntN(2) }, []string{"", "son", "ski", "mann", "er", "i"}, surnames)),
		given:       title(invent(func() int { return 2 }, []string{"", "a", "o", "n"}, given)),
		labs:        title(invent(func() int { return 2 }, []string{" Institute", " University", " Labs", " AI"}, 400)),
		weights:     zipf(vocabulary, 2.7, 1.05),
		topicWeight: zipf(topicWords, 3, 0.9),
		popularity:  zipf(topics, 8, 0.8),
	}
	for range topics {
		// Each topic has its own order of words: some of the common ones, and many rare ones.
		words := make([]int32, topicWords)
		for i := range words {
			words[i] = int32(math.Exp(r.Float64()*math.Log(vocabulary-200))) + int32(r.IntN(200))
		}
		l.topics = append(l.topics, words)
	}
	return l
}

func word(r *rand.Rand, syllables int, endings []string) string {
	const onsets, vowels = "b c d f g h k l m n p r s t v z br ch cr dr fl gr pl pr sp st str th tr", "a e i o u ai ea io ou"
	on, vow := strings.Fields(onsets), strings.Fields(vowels)
	var b strings.Builder
	for range syllables {
		b.WriteString(on[r.IntN(len(on))])
		b.WriteString(vow[min(r.IntN(len(vow)), r.IntN(len(vow)))])
	}
	return b.String() + endings[r.IntN(len(endings))]
}

func (l *language) paper(seed uint64, i, n int, months map[string]int) feed.Paper {
	r := rand.New(rand.NewPCG(seed, uint64(i)+2))
	// A paper is about one to three topics, and has a handful of words that are its own.
	about := make([]int, 1+r.IntN(3))
	for j := range about {
		about[j] = l.popularity.draw(r)
	}
	own := make([]int32, 6+r.IntN(6))
	for j := range own {
		own[j] = l.topics[about[j%len(about)]][r.IntN(topicWords)]
	}
	content := func() string {
		switch u := r.Float64(); {
		case u < 0.30:
			return l.words[own[min(r.IntN(len(own)), r.IntN(len(own)))]]
		case u < 0.80:
			return l.words[l.topics[about[min(r.IntN(len(about)), r.IntN(len(about)))]][l.topicWeight.draw(r)]]
		}
		return l.words[l.weights.draw(r)]
	}
	length := int(math.Round(170 * math.Exp(0.3*r.NormFloat64())))
	length = min(max(length, 60), 400)
	var abstract strings.Builder
	var used []string
	for sentence := 0; len(used) < length; {
		if sentence == 0 {
			sentence = 12 + r.IntN(20)
		}
		w := ""
		if r.Float64() < 0.45 {
			w = function[functionWeights.draw(r)]
		} else {
			w = content()
		}
		begins := len(used) == 0 || strings.HasSuffix(abstract.String()[max(0, abstract.Len()-2):], ". ")
		used = append(used, w)
		if begins {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		abstract.WriteString(w)
		if sentence--; sentence == 0 || len(used) == length {
			abstract.WriteString(". ")
			sentence = 0
		} else {
			abstract.WriteByte(' ')
		}
	}

	title := make([]string, 5+r.IntN(9))
	for j := range title {
		switch u := r.Float64(); {
		case u < 0.25 && j > 0 && j < len(title)-1:
			title[j] = function[functionWeights.draw(r)]
		case u < 0.80:
			title[j] = used[r.IntN(len(used))]
		default:
			title[j] = content()
		}
	}
	title[0] = strings.ToUpper(title[0][:1]) + title[0][1:]
	if len(title) > 8 && r.IntN(2) == 0 {
		title[1] += ":"
	}

	// Growth by half a doubling every fifteen months: the i-th of n papers in time is at the inverse of the exponential's integral.
	years := End.Sub(Start).Hours() / 24 / 365.25
	k := math.Ln2 / 2.5
	at := math.Log1p((float64(i)+r.Float64())/float64(n)*math.Expm1(k*years)) / k
	published := Start.Add(time.Duration(at * 365.25 * 24 * float64(time.Hour))).Truncate(24 * time.Hour)
	month := published.Format("0601")
	months[month]++
	p := feed.Paper{
		ArXiv: fmt.Sprintf("%s.%05d", month, months[month]), ArXivVersion: 1 + r.IntN(3)/2,
		Title: strings.Join(title, " "), Abstract: strings.TrimSpace(abstract.String()),
		Published: published, Listed: published.AddDate(0, 0, r.IntN(4)),
	}
	for range min(1+int(3.2*math.Exp(0.6*r.NormFloat64())), 60) {
		p.Authors = append(p.Authors, l.given[min(r.IntN(given), r.IntN(given))]+" "+l.surnames[min(r.IntN(surnames), r.IntN(surnames))])
	}
	p.AuthorCount = len(p.Authors)
	if r.IntN(10) < 3 {
		p.DOI = fmt.Sprintf("10.5555/feedtest.%d.%d", seed, i)
	}
	if r.IntN(10) < 2 {
		p.Organisation = l.labs[min(r.IntN(len(l.labs)), r.IntN(len(l.labs)))]
	}
	if r.IntN(10) < 6 { // a heavy tail: most papers have a few upvotes, some have hundreds
		p.Upvotes = min(int(math.Pow(r.Float64()+1e-3, -0.9)), 2000)
		p.Comments = min(p.Upvotes/4, r.IntN(30))
	}
	return p
}
