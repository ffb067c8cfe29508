package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/spf13/cobra"

	"github.com/gyrus-dev/gyrus/compute"
	"github.com/gyrus-dev/gyrus/live"
	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/lsl"
	"github.com/gyrus-dev/gyrus/runner"
)

// The networks of the Lab Streaming Layer; tests put their own in the place of both.
var thisMachine, thisSite = lsl.Local, lsl.Site

// streamKinds are the sources that gyrus live reads, as its help lays out.
var streamKinds = []struct{ name, says string }{
	{"lsl", "a Lab Streaming Layer stream (such as \"type='EEG'\")"},
	{"recording", "a recording that is played"},
	{"osc", "Open Sound Control messages (osc://...)"},
	{"tcp", "plain frames (tcp://...)"},
}

// liveFlags are what a person asks of gyrus live.
type liveFlags struct {
	model, stream, markers, backend  string
	unit                             string
	seed                             int64
	step, speed, delay               float64
	events                           []string
	outlet, websocket                string
	lan, asJSON, quiet               bool
	wait, length                     time.Duration
	seedGiven, delayGiven, stepGiven bool
}

func (a *app) liveCommand() *cobra.Command {
	var f liveFlags
	cmd := &cobra.Command{
		Use:   "live --model RUN --stream STREAM",
		Short: "Decode a stream with the model a run has trained",
		Long: `Decode a stream with the model a run has trained, until it ends or Ctrl-C: the signal is filtered as it comes,
windows are cut around events or every --step seconds, and decisions are printed and, if asked for, offered to others.
At the end it says how long decisions took and what went wrong on the way.

STREAM is one of
  a query of the Lab Streaming Layer, such as "type='EEG'" or "name='BioSemi' and hostname='lab'"; a bare word is a name or a type
  a recording, which is played with its events (--speed 0: as fast as can be)
  osc://127.0.0.1:9000/eeg?channels=4&rate=256          Open Sound Control messages; &markers=/mark for events
  tcp://host:port?channels=8&rate=250&format=int16      plain frames (float32, float64, int16, int32; &order=big)

The stream must have the channels and the rate of the recordings the model was trained on. Its unit may be another if it is known;
if neither the stream nor --unit says it, a signal whose amplitude is quite another than in training is refused.
Decisions are offered to this machine alone unless --lan is given.`,
		Example: "  gyrus live --model last --stream \"type='EEG'\" --markers \"type='Markers'\"\n" +
			"  gyrus live --model last --stream session2.edf --speed 0\n  gyrus live --model last --stream EEG --step 0.1 --websocket 127.0.0.1:8765 --outlet decisions",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.seedGiven, f.delayGiven, f.stepGiven = cmd.Flags().Changed("seed"), cmd.Flags().Changed("delay"), cmd.Flags().Changed("step")
			return a.decodeLive(cmd, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.model, "model", "last", "the run whose model decides: its ID, the beginning of it, its directory, or last")
	flags.Int64Var(&f.seed, "seed", 0, "use the model of this seed (default: the run's first)")
	flags.StringVar(&f.stream, "stream", "", "what to decode (see above)")
	flags.StringVar(&f.markers, "markers", "", "query of the Lab Streaming Layer stream of events")
	flags.Float64Var(&f.step, "step", 0, "decide every so many seconds, instead of at events")
	flags.StringSliceVar(&f.events, "events", nil, "labels of the events to decide after (default: those of the training)")
	flags.StringVar(&f.unit, "unit", "", "unit of the stream's channels, such as uV or V (default: as the stream says)")
	flags.Float64Var(&f.delay, "delay", 0, "seconds from an event to its window (default: as in training)")
	flags.Float64Var(&f.speed, "speed", 1, "how fast a recording is played; 0: as fast as can be")
	flags.StringVar(&f.outlet, "outlet", "", "offer decisions as a Lab Streaming Layer stream of this name")
	flags.StringVar(&f.websocket, "websocket", "", "serve decisions as JSON over WebSocket at this address, such as 127.0.0.1:8765")
	flags.BoolVar(&f.lan, "lan", false, "let other machines on the network find the --outlet")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to look for the stream")
	flags.DurationVar(&f.length, "for", 0, "stop after this long")
	flags.BoolVar(&f.asJSON, "json", false, "print decisions and the report as JSON, one a line")
	flags.BoolVar(&f.quiet, "quiet", false, "print no decisions, only the report")
	flags.StringVar(&f.backend, "backend", "", "compute backend (default "+compute.Default+")")
	return cmd
}

func (a *app) decodeLive(cmd *cobra.Command, f liveFlags) error {
	if f.stream == "" {
		return &runner.UsageError{Err: errors.New("what is to be decoded? --stream takes a query, a recording, or an osc:// or tcp:// address")}
	}
	dir, err := runner.FindRun(cmd.Context(), a.home, f.model)
	if err != nil {
		return err
	}
	doc, err := readDocument(dir)
	if err != nil {
		return err
	}
	p, err := papers.Get(doc.Paper)
	if err != nil {
		return err
	}
	if p.Live == nil {
		return &runner.UsageError{Err: fmt.Errorf("%s trains nothing that decodes a stream", p.System)}
	}
	if !f.seedGiven {
		f.seed = doc.Seeds[0]
	}
	model := filepath.Join(dir, "model", fmt.Sprint(f.seed))
	if _, err := os.Stat(model); err != nil {
		return &runner.UsageError{Err: fmt.Errorf("experiment %s/%s saved no model of seed %d in %s", doc.Paper, doc.Experiment, f.seed, dir)}
	}
	b, err := compute.Open(f.backend)
	if err != nil {
		return err
	}
	defer b.Finalize()
	return compute.Catch("decoding with "+p.System, func() error {
		decoder, err := p.Live(cmd.Context(), &papers.Application{ModelDir: model, Backend: func() (backends.Backend, error) { return b, nil }})
		if err != nil {
			return err
		}
		defer decoder.Close()
		return f.decode(cmd, decoder)
	})
}

// decode runs a decoder on the stream that was asked for.
func (f liveFlags) decode(cmd *cobra.Command, decoder papers.Decoder) error {
	say := func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }
	ctx := cmd.Context()
	source, err := f.open(ctx, say)
	if err != nil {
		return err
	}
	defer source.Close()
	picked, err := live.Match(source.Signal(), decoder.Window())
	if err != nil {
		return papers.Refuse(err)
	}
	_, overLSL := source.(*live.LSL)
	w := decoder.Window()
	o := live.Options{Step: f.step, Events: f.events, Unit: f.unit, Warn: func(s string) { say("warning: %s", s) }}
	if f.delayGiven {
		o.Delay = &f.delay
	}
	if f.stepGiven && f.step <= 0 {
		return &runner.UsageError{Err: fmt.Errorf("--step is %g s; it must be above 0", f.step)}
	}
	if overLSL && f.step == 0 && f.markers == "" {
		return &runner.UsageError{Err: errors.New("when is a decision wanted? Name the stream of events (--markers \"type='Markers'\") or a step (--step 0.1)")}
	}
	if !f.quiet {
		o.Sinks = append(o.Sinks, live.NewText(cmd.OutOrStdout(), f.asJSON))
	}
	closeAll := func() (failed error) {
		for _, s := range o.Sinks {
			failed = errors.Join(failed, s.Close())
		}
		o.Sinks = nil
		return failed
	}
	defer func() { closeAll() }()
	if f.websocket != "" {
		ws, err := live.ListenWebSocket(f.websocket)
		if err != nil {
			return &runner.UsageError{Err: err}
		}
		o.Sinks = append(o.Sinks, ws)
		say("decisions are served at %s", ws.URL())
	}
	if f.outlet != "" {
		n := thisMachine()
		if f.lan {
			n = thisSite()
		}
		out, err := live.NewOutlet(n, f.outlet, w.Classes, overLSL)
		if err != nil {
			return err
		}
		o.Sinks = append(o.Sinks, out)
		say("decisions are offered as the stream %q", f.outlet)
	}
	if f.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.length)
		defer cancel()
	}
	report, err := live.Run(ctx, live.Pick(source, picked), decoder, o)
	if closing := closeAll(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), report)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), report)
	return err
}

// word is a query that is none: a name or a type.
var word = regexp.MustCompile(`^[\pL\pN _.-]+$`)

// open finds the stream.
func (f liveFlags) open(ctx context.Context, say func(string, ...any)) (live.Source, error) {
	if scheme, _, ok := strings.Cut(f.stream, "://"); ok {
		u, err := url.Parse(f.stream)
		if err != nil {
			return nil, &runner.UsageError{Err: err}
		}
		var source live.Source
		switch q := u.Query(); scheme {
		case "osc":
			channels, rate := numbers(q)
			source, err = live.ListenOSC(u.Host, u.Path, q.Get("markers"), channels, rate)
		case "tcp":
			channels, rate := numbers(q)
			number, order := live.Float32, binary.ByteOrder(binary.LittleEndian)
			if q.Get("format") != "" {
				number = live.Number(q.Get("format"))
			}
			if q.Get("order") == "big" {
				order = binary.BigEndian
			}
			source, err = live.DialTCP(ctx, u.Host, number, order, channels, rate)
		default:
			return nil, &runner.UsageError{Err: fmt.Errorf("--stream %s: no stream is read from %s://; there are osc:// and tcp://", f.stream, scheme)}
		}
		if err != nil {
			return nil, err // and not a source that is a nil pointer
		}
		return source, nil
	}
	if _, err := os.Stat(f.stream); err == nil {
		r, err := recording.Open(f.stream)
		if err != nil {
			return nil, err
		}
		replay, err := live.NewReplay(r, f.speed)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return replay, nil
	}
	ask := func(q string) string {
		if q != "" && word.MatchString(q) {
			return fmt.Sprintf("name='%s' or type='%s'", q, q)
		}
		return q
	}
	say("looking for the stream %s", ask(f.stream))
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	source, err := live.OpenLSL(ctx, thisSite(), ask(f.stream), ask(f.markers))
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = papers.Refuse(fmt.Errorf("%w; is its program running, and is there no file of that name? (--wait says how long to look)", err))
		}
		return nil, err
	}
	say("reading %q", source.Signal().Name)
	return source, nil
}

// numbers reads what a stream does not say about itself; what cannot be read is refused as 0.
func numbers(q url.Values) (channels int, rate float64) {
	channels, _ = strconv.Atoi(q.Get("channels"))
	rate, _ = strconv.ParseFloat(q.Get("rate"), 64)
	return channels, rate
}
