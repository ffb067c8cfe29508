// Command room measures the reading room under load, on this machine and nowhere else: it makes a feed of generated papers, serves it from
// a process of its own, and reads it. First one reader turns pages, which gives the time a page takes; then many readers, each with a
// connection of its own, are held for a while. It prints the median and the 99th percentile of each kind of page, the errors, and the
// most memory the server has had, beside what is asked for, and fails where that is missed.
//
//	go run ./bench/room
//	go run ./bench/room -papers 2000 -readers 20 -for 5s
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-dev/gyrus/feed"
	"github.com/gyrus-dev/gyrus/feed/feedtest"
	"github.com/gyrus-dev/gyrus/feed/readers"
	"github.com/gyrus-dev/gyrus/feed/search"
	"github.com/gyrus-dev/gyrus/studio"
	"github.com/gyrus-dev/gyrus/studio/room"
)

// load says how much is asked of the server.
type load struct {
	papers  int
	readers int           // at once
	hold    time.Duration // for how long
	think   time.Duration // what a reader waits between two pages, on average
	pages   int           // of each kind that one reader turns
}

// The bars of issue 5.
const (
	barFeed   = 30 * time.Millisecond // 99 % of feed pages, one reader
	barMemory = 300e6                 // bytes
)

// serveVariable names the database when this program is the server.
const serveVariable = "GYRUS_BENCH_ROOM"

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if path := os.Getenv(serveVariable); path != "" {
		if err := serve(ctx, path, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	var l load
	flag.IntVar(&l.papers, "papers", 100_000, "papers in the feed")
	flag.IntVar(&l.readers, "readers", 200, "readers at once, at most 1000")
	flag.DurationVar(&l.hold, "for", time.Minute, "how long they stay, at most 10m")
	flag.DurationVar(&l.think, "think", 2*time.Second, "what a reader waits between two pages, on average")
	flag.IntVar(&l.pages, "pages", 300, "pages of each kind that one reader turns first")
	keep := flag.String("feed", "", "folder to keep the generated feed in, for the next time")
	flag.Parse()
	if l.readers < 1 || l.readers > 1000 || l.hold > 10*time.Minute || l.papers < 100 || l.papers > 1_000_000 || l.pages < 1 {
		log.Fatal("that is more than this program is for")
	}
	dir := *keep
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "gyrus-room-"); err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
	}
	r, err := measure(ctx, l, dir, os.Stderr)
	if err != nil {
		log.Print(err)
		return
	}
	if !r.print(os.Stdout, l) {
		defer os.Exit(1)
	}
}

// measure makes the feed, starts the server and reads.
func measure(ctx context.Context, l load, dir string, progress io.Writer) (*result, error) {
	path := filepath.Join(dir, fmt.Sprintf("feed-%d.db", l.papers))
	if err := fill(ctx, path, l.papers, progress); err != nil {
		return nil, err
	}
	server, address, err := start(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
	}()
	r := &result{alone: map[string][]time.Duration{}, many: map[string][]time.Duration{}}

	words := vocabulary(l.papers)
	one, err := newReader(address, l.papers, words, 1)
	if err != nil {
		return nil, err
	}
	for i := range l.pages {
		for _, kind := range kinds {
			took, err := one.read(ctx, kind)
			if err != nil {
				return nil, err
			}
			if i >= min(5, l.pages/2) { // the first ones open connections to the database
				r.alone[kind] = append(r.alone[kind], took)
			}
		}
	}
	fmt.Fprintf(progress, "%d readers for %v\n", l.readers, l.hold)

	var mu sync.Mutex
	var group sync.WaitGroup
	until, cancel := context.WithTimeout(ctx, l.hold)
	defer cancel()
	for i := range l.readers {
		reader, err := newReader(address, l.papers, words, uint64(i)+2)
		if err != nil {
			return nil, err
		}
		group.Go(func() {
			mine := map[string][]time.Duration{}
			var failed []error
			for reader.wait(until, l.think) {
				kind := kinds[reader.r.IntN(len(kinds))]
				took, err := reader.read(context.WithoutCancel(until), kind)
				if err != nil {
					failed = append(failed, err)
				} else {
					mine[kind] = append(mine[kind], took)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			r.errs = append(r.errs, failed...)
			for kind, took := range mine {
				r.many[kind] = append(r.many[kind], took...)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.memory, err = peak(server.Process.Pid)
	return r, err
}

// fill makes the feed unless it is there.
func fill(ctx context.Context, path string, n int, progress io.Writer) error {
	store, err := feed.Open(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	have, err := store.Count(ctx, feed.Filter{})
	if err != nil {
		return err
	}
	if have != n {
		began := time.Now()
		sum, err := store.Import(ctx, "arxiv", feedtest.Papers(n, 1))
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "%s in %.1f s\n", sum, time.Since(began).Seconds())
	}
	index, err := search.Open(ctx, store, search.Options{})
	if err != nil {
		return err
	}
	began := time.Now()
	done, err := index.Refresh(ctx)
	if done.Changes > 0 {
		fmt.Fprintf(progress, "%d indexed in %.1f s\n", done.Changes, time.Since(began).Seconds())
	}
	return err
}

// serve is the server, in a process of its own. It prints its address.
func serve(ctx context.Context, path string, out io.Writer) error {
	store, err := feed.Open(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	people, err := readers.Open(ctx, store, readers.Config{})
	if err != nil {
		return err
	}
	index, err := search.Open(ctx, store, search.Options{})
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "gyrus-room-home-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	s, err := studio.New(studio.Config{Home: home, Now: func() time.Time { return feedtest.End },
		Limits: studio.Limits{Requests: studio.Rate{Times: 1_000_000, In: time.Second}}}) // all readers have one address
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Add(room.New(s, room.Config{Feed: store, Readers: people, Index: index})); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	return s.Serve(ctx, l)
}

// start starts this program as the server, and returns where it listens.
func start(ctx context.Context, path string) (*exec.Cmd, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), serveVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		return nil, "", fmt.Errorf("the server did not start: %w", err)
	}
	return cmd, strings.TrimSpace(line), nil
}

// vocabulary is words of titles of the feed.
func vocabulary(n int) (words []string) {
	for p := range feedtest.Papers(n, 1) {
		if words = append(words, strings.Fields(p.Title)...); len(words) >= 2000 {
			break
		}
	}
	return words
}

// kinds are the pages that readers turn.
var kinds = []string{"newest", "trending", "day", "month", "paper", "search"}

// feedKinds are those of them that issue 5 calls feed pages.
var feedKinds = kinds[:4]

// reader is one browser with one connection.
type reader struct {
	address string
	papers  int
	words   []string // that the feed has, to search for
	client  *http.Client
	r       *rand.Rand
}

func newReader(address string, papers int, words []string, seed uint64) (*reader, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &reader{address, papers, words, &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 1}}, rand.New(rand.NewPCG(seed, 7))}, nil
}

// wait lets a reader read, and reports whether they stay.
func (r *reader) wait(ctx context.Context, mean time.Duration) bool {
	pause := time.NewTimer(time.Duration(r.r.ExpFloat64() * float64(mean)))
	defer pause.Stop()
	select {
	case <-pause.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// read loads a page of a kind and returns how long that took, to its last byte.
func (r *reader) read(ctx context.Context, kind string) (time.Duration, error) {
	word := func() string { return r.words[r.r.IntN(len(r.words))] }
	day := feedtest.End.AddDate(0, 0, -1-r.r.IntN(300))
	path := map[string]string{
		"newest":   "/?page=" + strconv.Itoa(1+r.r.IntN(4)),
		"trending": "/?trending=" + []string{"day", "week", "month"}[r.r.IntN(3)],
		"day":      "/archive/" + day.Format(time.DateOnly),
		"month":    "/archive/" + day.Format("2006-01"),
		"search":   "/search?" + url.Values{"q": {word() + " " + word()}}.Encode(),
		"paper":    "/paper/" + strconv.Itoa(1+r.r.IntN(r.papers)),
	}[kind]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.address+path, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	resp, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%s: %s", path, resp.Status)
	case !strings.Contains(string(body[max(0, len(body)-20):]), "</html>"):
		return 0, fmt.Errorf("%s: the page breaks off", path)
	}
	return took, nil
}

// result is what was measured.
type result struct {
	alone, many map[string][]time.Duration // by kind of page
	errs        []error
	memory      int64 // bytes, the most the server had; 0 if the system does not say
}

// print writes the result, and reports whether the bars were met.
func (r *result) print(w io.Writer, l load) bool {
	fmt.Fprintf(w, "%d papers\n%-10s  %28s  %34s\n%-10s  %8s %9s %9s  %14s %9s %9s\n", l.papers, "", "one reader", fmt.Sprintf("%d readers, %v", l.readers, l.hold), "page", "n", "p50 ms", "p99 ms", "n", "p50 ms", "p99 ms")
	slowest := time.Duration(0)
	for _, kind := range kinds {
		a, m := r.alone[kind], r.many[kind]
		fmt.Fprintf(w, "%-10s  %8d %9.2f %9.2f  %14d %9.2f %9.2f\n", kind, len(a), ms(quantile(a, .5)), ms(quantile(a, .99)), len(m), ms(quantile(m, .5)), ms(quantile(m, .99)))
		if slices.Contains(feedKinds, kind) {
			slowest = max(slowest, quantile(a, .99))
		}
	}
	for i, err := range r.errs[:min(len(r.errs), 5)] {
		fmt.Fprintf(w, "error %d: %v\n", i+1, err)
	}
	met := true
	bar := func(what string, ok bool, value string) {
		mark := "met"
		if !ok {
			mark, met = "MISSED", false
		}
		fmt.Fprintf(w, "%-52s %14s  %s\n", what, value, mark)
	}
	bar(fmt.Sprintf("feed pages, p99 of the slowest kind, bar %v", barFeed), slowest <= barFeed, fmt.Sprintf("%.2f ms", ms(slowest)))
	bar("errors, bar 0", len(r.errs) == 0, strconv.Itoa(len(r.errs)))
	if r.memory > 0 {
		bar(fmt.Sprintf("memory of the server, bar %.0f MB", barMemory/1e6), float64(r.memory) <= barMemory, fmt.Sprintf("%.0f MB", float64(r.memory)/1e6))
	}
	return met
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// quantile is the smallest of the times that a share q of them does not exceed.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(times))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// peak is the most memory a process has had, in bytes; 0 where the system does not say.
func peak(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kb int64
			_, err := fmt.Sscan(rest, &kb)
			return kb << 10, err
		}
	}
	return 0, nil
}
