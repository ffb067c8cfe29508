// Package searchtest makes papers for which finding the abstract that belongs to a title takes more than comparing words.
//
// It takes the invented papers of package feedtest and says things in different words. Every word of content has a synonym that looks
// nothing like it; either half of an abstract keeps to one of the two, by chance, and a title uses either one as often as the other. Some words of titles are misspelt, some are forms that no abstract has. Which words mean the same can only be learnt from the company
// they keep. What must not enter: text that somebody wrote.
package searchtest

import (
	"iter"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/feedtest"
)

// Shares of the content words of a title.
const (
	otherWord = 0.5  // the synonym of a word of the abstract
	misspelt  = 0.06 // two letters swapped
	newForm   = 0.04 // with an ending that no abstract has
)

// Papers yields n papers, the same ones for the same n and seed.
func Papers(n int, seed uint64) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		i := uint64(0)
		for p := range feedtest.Papers(n, seed) {
			i++
			r := rand.New(rand.NewPCG(seed, i<<20))
			used := map[string]bool{}
			halves := strings.Fields(p.Abstract)
			for h, words := range [][]string{halves[:len(halves)/2], halves[len(halves)/2:]} {
				chosen := map[string]bool{} // whether this half uses the synonym
				text := each(strings.Join(words, " "), func(w string) string {
					use, known := chosen[w]
					if !known {
						use = r.IntN(2) == 0
						chosen[w] = use
					}
					if use {
						w = synonym(w)
					}
					used[w] = true
					return w
				})
				if h == 0 {
					p.Abstract = text
				} else {
					p.Abstract += " " + text
				}
			}
			p.Title = each(p.Title, func(w string) string {
				other := synonym(w)
				if used[w] && r.Float64() < otherWord || !used[w] && used[other] && r.Float64() >= otherWord {
					w = other
				}
				switch u := r.Float64(); {
				case u < misspelt && len(w) > 5:
					k := 1 + r.IntN(len(w)-3)
					w = w[:k] + string(w[k+1]) + string(w[k]) + w[k+2:]
				case u < misspelt+newForm:
					w += "esque"
				}
				return w
			})
			if !yield(p, nil) {
				return
			}
		}
	}
}

// each replaces the words of content of a text. Those are told by their length: the function words of feedtest are left as they are if they
// are short, and the few that are long have synonyms like any other word.
func each(text string, replace func(string) string) string {
	fields := strings.Fields(text)
	for i, f := range fields {
		w := strings.TrimRight(f, ".,:")
		if len(w) < 5 {
			continue
		}
		tail, upper := f[len(w):], unicode.IsUpper(rune(w[0]))
		w = replace(strings.ToLower(w))
		if upper {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		fields[i] = w + tail
	}
	return strings.Join(fields, " ")
}

// synonym is the other word for what a word says: its letters shifted within the vowels and within the consonants, back to front. No two
// words have the same.
func synonym(word string) string {
	const vowels, consonants = "aeiou", "bcdfghjklmnpqrstvwxyz"
	out := []byte(word)
	for i := range out {
		c := word[len(word)-1-i]
		if j := strings.IndexByte(vowels, c); j >= 0 {
			c = vowels[(j+1)%len(vowels)]
		} else if j := strings.IndexByte(consonants, c); j >= 0 {
			c = consonants[(j+9)%len(consonants)]
		}
		out[i] = c
	}
	return string(out) + "q"
}
