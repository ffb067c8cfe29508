// Package feedtest makes papers that look like papers, for benchmarks and load tests of the feed, its search and the studio.
//
// What a search or a store feels of a corpus is the statistics of its words: their frequencies follow Zipf's law, every paper is about a
// few topics and says the same rare word several times, its title is made of words of its abstract, and related papers share topics rather
// than words. [Papers] has these properties; the words are invented. What must not enter: text that somebody wrote.
package feedtest
