package source

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/recording"
)

// Options are what a file does not say itself.
type Options struct {
	Date time.Time // a day on or shortly after the one a page without a year was saved; zero is the file's own date
}

// maxFile bounds the files that are read, in bytes.
const maxFile = 64 << 20

// Open reads papers from a file: a BibTeX file, a daily papers page saved as text or HTML, a paper's page with citation data, saved JSON
// of the daily papers, an RSS or Atom feed, or an answer of the arXiv API. The format is found from the content. Kind is what they are to be
// imported under. The errors of files that are none of these are *[recording.Error]; single items that are unusable are [feed.Refusal]s in
// the sequence.
func Open(path string, o Options) (kind string, papers iter.Seq2[feed.Paper, error], err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	if info.IsDir() {
		return "", nil, formatError(path, 0, "a folder", "a file of papers", "")
	}
	if info.Size() > maxFile {
		return "", nil, formatError(path, 0, fmt.Sprintf("%d bytes", info.Size()), fmt.Sprintf("at most %d", maxFile), "cut it into parts")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if o.Date.IsZero() {
		o.Date = info.ModTime()
	}
	kind, papers = Read(path, data, o)
	return kind, papers, nil
}

// Read is [Open] for bytes; path names them in errors.
func Read(path string, data []byte, o Options) (kind string, papers iter.Seq2[feed.Paper, error]) {
	if len(data) > maxFile {
		return "page", only(formatError(path, 0, fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("at most %d", maxFile), "cut it into parts"))
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	begin := strings.ToLower(string(bytes.TrimLeft(data[:min(len(data), 4096)], " \t\r\n")))
	switch {
	case strings.HasPrefix(begin, "["):
		return "huggingface", named(path, parseDailyPapers(data))
	case strings.HasPrefix(begin, "{"):
		return "rss", named(path, parseFeed(data)) // a JSON feed
	case strings.HasPrefix(begin, "<!doctype html"), strings.HasPrefix(begin, "<html"), strings.HasPrefix(begin, "<") && strings.Contains(begin, "<html"):
		if !utf8.Valid(data) {
			if r, err := charset.NewReader(bytes.NewReader(data), "text/html"); err == nil {
				data, _ = io.ReadAll(io.LimitReader(r, 2*maxFile))
			}
		}
		return "page", parseHTML(path, data, o)
	case strings.HasPrefix(begin, "<"):
		if doc, err := parseAtom(data); err == nil && bytes.Contains(data, []byte("http://arxiv.org/schemas/atom")) {
			return "arxiv", doc.papers()
		}
		return "rss", named(path, parseFeed(data))
	case strings.EqualFold(filepath.Ext(path), ".bib"), bibEntry.Match(data):
		return "bibtex", parseBibTeX(path, string(data))
	}
	return "page", parsePage(path, string(data), o)
}

// only is a sequence of one error.
func only(err error) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) { yield(feed.Paper{}, err) }
}

// named puts the file before the errors that end a sequence.
func named(path string, papers iter.Seq2[feed.Paper, error]) iter.Seq2[feed.Paper, error] {
	return func(yield func(feed.Paper, error) bool) {
		for p, err := range papers {
			if _, refused := err.(*feed.Refusal); err != nil && !refused {
				err = formatError(path, 0, err.Error(), "papers in JSON or XML", "save the page or feed again")
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func formatError(path string, line int, found, expected, remedy string) error {
	return &recording.Error{Path: path, Offset: -1, Line: line, Found: found, Expected: expected, Remedy: remedy}
}
