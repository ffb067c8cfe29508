// Package search finds papers of the feed by words and by meaning.
//
// An [Index] answers a query in two ways at once and fuses the answers. By words: BM25 over an inverted file of stems, which forgives
// misspellings and completes what is being typed. By meaning: the cosine between the vector of the query and that of each paper, which
// finds papers that say the same in other words. The vectors come from an embedding that is learnt from the feed itself (latent semantic
// analysis, see latent.go), so that nothing has to be downloaded; a sentence model can take its place, see [Embedder] and package
// search/sentence.
//
// The index is kept in the feed's database and in memory: opening it reads it, [Index.Refresh] takes in what changed in the feed, and
// learns anew when enough has. Searches go on meanwhile.
//
// The inverted file is this package's own, since SQLite's FTS5 is several times slower than issue 5 allows once a query has a few frequent
// words (BenchmarkFTS5 measures it), and since the vectors are learnt from the postings.
//
// [Measure] says how well the index finds, on the papers it is given.
//
// What may enter: how papers are found and ordered, and how well. What must not: pages, accounts, where papers come from, or the network.
package search
