// Package source brings papers into the feed: from the arXiv API and its OAI-PMH interface, from the Hugging Face daily papers, from RSS
// and Atom feeds, by DOI, and from files ([Read]: BibTeX, a saved page as text or HTML, saved JSON or XML).
//
// Every [Source] yields papers for [feed.Store.Import]; [Pull] asks several of them, one after the other, so that one that fails does not
// lose the others. All requests go through one careful [Client]. Nothing is asked of the network before somebody calls Pull.
//
// What may enter: how papers are fetched and parsed. What must not: how they are stored or ranked (package feed).
package source
