package edf

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/records"
)

// Options say how a recording is written. The zero value suits: EDF+ with ranges that fit the samples.
type Options struct {
	Bits24 bool // BDF, 24 bits a sample, instead of EDF's 16; Save also chooses it for names that end in .bdf
	Plain  bool // without the plus: no annotations, no gaps
	// Types puts a word for its type before each label, as the standard texts of EDF+ have it ("EEG C3"), and a mark into the header's
	// recording field by which a reader of this package takes the words off again.
	Types bool
	// Signals gives physical and digital ranges, and labels, units, transducers and filters, one for each channel; its sample
	// counts and rates are not looked at. Nil chooses ranges by the samples, which are then read twice.
	Signals   []Signal
	Patient   string // the header's patient field; by default metadata "patient", or that nothing is known
	Session   string // the header's recording field; by default metadata "session"; in EDF+ the start date is put first
	Overwrite bool   // lets Save replace a file
}

// typesMark is a subfield of the recording field, which EDF+ allows behind those it defines: labels begin with types.
const typesMark = "labels-begin-with-types"

// Save writes a recording to a file. It refuses to replace one unless told to, and leaves nothing behind when it fails.
func Save(path string, r *recording.Recording, o Options) (err error) {
	o.Bits24 = o.Bits24 || strings.EqualFold(filepath.Ext(path), ".bdf")
	var file *os.File
	if o.Overwrite {
		// Under another name until complete: the samples may come from the very file that is replaced.
		file, err = os.CreateTemp(filepath.Dir(path), ".edf-*")
	} else {
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return &recording.Error{Path: path, Offset: -1, Found: "a file that exists", Expected: "a new name", Remedy: "choose another, or ask for it to be overwritten"}
		}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	w := bufio.NewWriterSize(file, 1<<20)
	if err = Write(w, r, o); err != nil {
		var own *recording.Error
		if errors.As(err, &own) && own.Path == "" {
			own.Path = path
		}
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	if o.Overwrite {
		if err = file.Chmod(0o644); err != nil {
			return err
		}
	}
	if err = file.Close(); err != nil || !o.Overwrite {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Write writes a recording. Samples become integers by each signal's ranges, rounded to the nearest and held within them; a
// sample that is no number is an error.
//
// Data records last about a second, as exactly as the header's eight digits can say, and divide the recording if they can.
// Where they cannot, the last one is filled up by repeating the last frame, and an annotation "BAD_ACQ_SKIP" marks what was
// filled, as MNE-Python does it. Gaps make the file discontinuous (EDF+D); records then also end at every gap.
func Write(w io.Writer, r *recording.Recording, o Options) error {
	p, err := newPlan(r, o)
	if err != nil {
		return err
	}
	if _, err := w.Write(p.header()); err != nil {
		return err
	}
	return p.data(w)
}

// plan is all that is decided before the first byte is written.
type plan struct {
	r       *recording.Recording
	variant Variant
	signals []Signal
	patient string
	session string

	width    int   // bytes of a sample
	frames   int64 // of a record
	records  int64
	duration string   // of a record, as the header says it
	lists    [][]byte // of each record, time stamp included; nil without annotations
	room     int64    // samples of the annotation signal in a record
}

func newPlan(r *recording.Recording, o Options) (*plan, error) {
	p := &plan{r: r, width: 2}
	if o.Bits24 {
		p.variant, p.width = BDF, 3
	}
	plain := o.Plain
	switch {
	case plain && len(r.Events) > 0:
		return nil, refuse("events", fmt.Sprintf("%d events", len(r.Events)), "none, in "+p.variant.String()+" without annotations", "write "+(p.variant+1).String())
	case plain && len(r.Gaps) > 0:
		return nil, refuse("gaps", fmt.Sprintf("%d gaps", len(r.Gaps)), "none, in "+p.variant.String(), "write "+(p.variant+2).String())
	case !plain && len(r.Gaps) > 0:
		p.variant += 2
	case !plain:
		p.variant++
	}
	if r.Frames > 0 && len(r.Channels) > 0 {
		if !records.Sane(r.Rate) {
			return nil, refuse("rate", fmt.Sprintf("%g Hz", r.Rate), "a sampling rate", "")
		}
		if err := p.chooseRecords(); err != nil {
			return nil, err
		}
	} else {
		p.duration = "0"
	}
	if err := p.chooseSignals(o); err != nil {
		return nil, err
	}
	if !plain {
		if p.records == 0 && len(r.Events) > 0 {
			p.records = 1 // of nothing but annotations
		}
		if err := p.chooseLists(); err != nil {
			return nil, err
		}
	}
	p.patient = cmp.Or(o.Patient, r.Metadata["patient"])
	p.session = cmp.Or(o.Session, r.Metadata["session"])
	if !plain {
		p.patient = cmp.Or(p.patient, "X X X X")
		p.session = plusSession(p.session, r.Start)
		if o.Types {
			p.session += " " + typesMark
		}
	}
	if n := p.signalCount(); n < 1 || n > 9999 {
		return nil, refuse("channels", fmt.Sprint(n), "1 to 9999 signals", "")
	}
	return p, nil
}

func refuse(field, found, expected, remedy string) error {
	return &recording.Error{Field: field, Offset: -1, Found: found, Expected: expected, Remedy: remedy}
}

// largestRecord is the bytes that a data record should not exceed, by the format's own advice.
const largestRecord = 61440

// chooseRecords decides how many frames a record has.
func (p *plan) chooseRecords() error {
	r := p.r
	step := int64(0) // records must end where a gap begins
	for _, g := range r.Gaps {
		if g.Frame <= 0 || g.Frame >= r.Frames {
			return refuse("gaps", fmt.Sprintf("a gap before frame %d", g.Frame), "a frame between the first and the last", "")
		}
		step = gcd(step, g.Frame)
	}
	most := min(largestRecord/int64(p.width*len(r.Channels)), int64(10*r.Rate)+1, r.Frames)
	least := max(1, min(int64(r.Rate/10), most))
	if step > 0 {
		most, least = min(most, step), 1
	}
	type choice struct {
		frames int64
		off    float64 // how wrong the rate would be, relatively; 0 when it is as good as right
		filled bool
		far    float64 // from one second, in octaves
	}
	best := choice{}
	for frames := max(1, least); frames <= max(1, most); frames++ {
		if step > 0 && step%frames != 0 {
			continue
		}
		seconds := float64(frames) / r.Rate
		back, err := strconv.ParseFloat(number8(seconds), 64)
		if err != nil || back <= 0 {
			continue
		}
		c := choice{frames, math.Abs(back/seconds - 1), r.Frames%frames != 0, math.Abs(math.Log2(seconds))}
		if c.off < 1e-12 {
			c.off = 0
		}
		worse := func(a, b choice) int {
			return cmp.Or(cmp.Compare(a.off, b.off), compareBool(a.filled, b.filled), cmp.Compare(a.far, b.far))
		}
		if best.frames == 0 || worse(c, best) < 0 {
			best = c
		}
	}
	if best.frames == 0 || best.off > 1e-6 {
		return refuse("rate", fmt.Sprintf("%.12g Hz", r.Rate), "a rate whose records last what eight digits can say", "resample")
	}
	p.frames = best.frames
	p.records = (r.Frames-1)/best.frames + 1
	p.duration = number8(float64(best.frames) / r.Rate)
	if p.records > 99999999 {
		return refuse("length", fmt.Sprintf("%d records", p.records), "a number of eight digits", "write parts of the recording")
	}
	return nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// chooseSignals decides labels and ranges.
func (p *plan) chooseSignals(o Options) error {
	r := p.r
	if o.Signals != nil {
		if len(o.Signals) != len(r.Channels) {
			return refuse("options", fmt.Sprintf("%d signals", len(o.Signals)), fmt.Sprintf("one for each of %d channels", len(r.Channels)), "")
		}
		p.signals = slices.Clone(o.Signals)
	} else {
		ranges, err := p.ranges()
		if err != nil {
			return err
		}
		p.signals = ranges
	}
	least, most := p.digital()
	for i := range p.signals {
		s := &p.signals[i]
		c := r.Channels[i]
		s.Label, s.Unit = cmp.Or(s.Label, c.Name), cmp.Or(s.Unit, c.Unit)
		if o.Types {
			s.Label = records.TypedLabel(s.Label, c.Type)
		}
		s.Samples, s.Rate = p.frames, r.Rate
		for _, f := range []struct {
			name, text string
			width      int
		}{{"label", s.Label, 16}, {"unit", s.Unit, 8}, {"transducer", s.Transducer, 80}, {"filter", s.Filter, 80}} {
			if len(f.text) > f.width {
				return refuse(fmt.Sprintf("%s of channel %d", f.name, i+1), fmt.Sprintf("%q", f.text), fmt.Sprintf("at most %d bytes", f.width), "shorten it")
			}
		}
		for _, x := range []*float64{&s.PhysicalMin, &s.PhysicalMax, &s.DigitalMin, &s.DigitalMax} {
			text := number8(*x)
			if len(text) > 8 {
				return refuse("ranges of channel "+c.Name, fmt.Sprintf("%g", *x), "a number that fits into 8 characters", "use a larger unit")
			}
			*x, _ = strconv.ParseFloat(text, 64) // what a reader will see
		}
		if span := s.PhysicalMax - s.PhysicalMin; !(s.DigitalMin < s.DigitalMax) || s.DigitalMin < least || s.DigitalMax > most || span == 0 || span-span != 0 {
			return refuse("ranges of channel "+c.Name, fmt.Sprintf("physical %g to %g, digital %g to %g", s.PhysicalMin, s.PhysicalMax, s.DigitalMin, s.DigitalMax),
				fmt.Sprintf("digital numbers between %g and %g, and physical ones that differ", least, most), "")
		}
	}
	return nil
}

// digital is the range of numbers.
func (p *plan) digital() (least, most float64) {
	if p.width == 3 {
		return -1 << 23, 1<<23 - 1
	}
	return -1 << 15, 1<<15 - 1
}

// ranges reads all samples for their extremes. Channels of small whole numbers, such as triggers, keep them as they are.
func (p *plan) ranges() ([]Signal, error) {
	r := p.r
	least, most := p.digital()
	s := make([]Signal, len(r.Channels))
	whole := make([]bool, len(s))
	for i := range s {
		s[i] = Signal{PhysicalMin: math.Inf(1), PhysicalMax: math.Inf(-1), DigitalMin: least, DigitalMax: most}
		whole[i] = true
	}
	err := r.Blocks(func(block []float32, first int64) error {
		for i := range s {
			low, high := float32(s[i].PhysicalMin), float32(s[i].PhysicalMax)
			for k := i; k < len(block); k += len(s) {
				v := block[k]
				if v-v != 0 {
					return notANumber(r, i, first+int64(k/len(s)), v)
				}
				low, high = min(low, v), max(high, v)
				whole[i] = whole[i] && v == float32(math.Trunc(float64(v)))
			}
			s[i].PhysicalMin, s[i].PhysicalMax = float64(low), float64(high)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range s {
		low, high := &s[i].PhysicalMin, &s[i].PhysicalMax
		if *low > *high || (whole[i] && *low >= least && *high <= most) {
			*low, *high = least, most
			continue
		}
		if *low == *high {
			*low, *high = *low-1, *high+1
		}
		*low, *high = outward8(*low, -1), outward8(*high, 1)
	}
	return s, nil
}

func notANumber(r *recording.Recording, channel int, frame int64, v float32) error {
	return refuse("channel "+r.Channels[channel].Name, fmt.Sprintf("%g in frame %d", v, frame), "a number", "repair the channel or leave it out")
}

// outward8 rounds x to what eight characters can say, towards plus or minus infinity.
func outward8(x, sign float64) float64 {
	for digits := 7; digits >= 0; digits-- {
		unit := math.Pow10(digits)
		text := number8(sign * math.Ceil(sign*x*unit) / unit)
		if back, err := strconv.ParseFloat(text, 64); err == nil && len(text) <= 8 && (back-x)*sign >= 0 {
			return back
		}
	}
	return x
}

// number8 writes a number in eight characters without an exponent, as exactly as they can; longer when it is too large.
func number8(x float64) string {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	for digits := 7; len(text) > 8 && digits >= 0; digits-- {
		text = strconv.FormatFloat(x, 'f', digits, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		if rest, ok := strings.CutPrefix(text, "0."); ok && len(text) > 8 {
			text = "." + rest
		} else if rest, ok := strings.CutPrefix(text, "-0."); ok && len(text) > 8 {
			text = "-." + rest
		}
	}
	return text
}

// chooseLists shares the events among the records: each in the one during which it happens or, where there is no room, in the
// next that has some.
func (p *plan) chooseLists() error {
	r := p.r
	p.lists = make([][]byte, p.records)
	fraction := float64(r.Start.Nanosecond()) / 1e9
	gaps, missing := r.Gaps, 0.0
	begin := make([]float64, p.records) // of each record, by the clock
	for i := range p.lists {
		frame := int64(i) * p.frames
		for len(gaps) > 0 && gaps[0].Frame <= frame {
			missing += gaps[0].Seconds
			gaps = gaps[1:]
		}
		if p.frames > 0 {
			begin[i] = float64(frame)/r.Rate + missing
		}
		p.lists[i] = append(onset(begin[i]+fraction), endText, endText, 0)
	}
	events := slices.Clone(r.Events)
	if n := p.frames * p.records; n > r.Frames && p.frames > 0 {
		events = append(events, recording.Event{Onset: begin[p.records-1] + float64(p.frames-(n-r.Frames))/r.Rate, Duration: float64(n-r.Frames) / r.Rate, Label: "BAD_ACQ_SKIP"})
	}
	slices.SortStableFunc(events, func(a, b recording.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	longest, total := 0, 0
	texts := make([][]byte, len(events))
	for i, e := range events {
		if math.IsNaN(e.Onset) || math.Abs(e.Onset) > farthest || !(e.Duration >= 0 && e.Duration <= farthest) {
			return refuse(fmt.Sprintf("event %d", i+1), fmt.Sprintf("onset %g s, duration %g s", e.Onset, e.Duration), "times within 300 years", "")
		}
		t := onset(e.Onset + fraction)
		if e.Duration > 0 {
			t = append(append(t, hasDuration), strconv.FormatFloat(e.Duration, 'f', -1, 64)...)
		}
		t = append(append(append(t, endText), label(e.Label)...), endText, 0)
		texts[i] = t
		longest, total = max(longest, len(t)), total+len(t)
	}
	stamp := 0
	for _, l := range p.lists {
		stamp = max(stamp, len(l))
	}
	if p.records == 0 {
		return nil
	}
	// Room for half as much again as comes on average, or more when that does not do.
	for room := stamp + max(longest, total*3/2/int(p.records)); ; room += room / 2 {
		if lists, ok := share(p.lists, begin, events, texts, room); ok {
			p.lists, p.room = lists, int64((room+p.width-1)/p.width)
			return nil
		}
	}
}

// share puts texts into lists of at most room bytes.
func share(stamps [][]byte, begin []float64, events []recording.Event, texts [][]byte, room int) ([][]byte, bool) {
	lists := slices.Clone(stamps)
	at := 0
	for i, e := range events {
		for at+1 < len(lists) && begin[at+1] <= e.Onset {
			at++
		}
		for at < len(lists) && len(lists[at])+len(texts[i]) > room {
			at++
		}
		if at == len(lists) {
			return nil, false
		}
		lists[at] = append(slices.Clip(lists[at]), texts[i]...)
	}
	return lists, true
}

// onset writes a time with its sign, and as many digits as it has.
func onset(seconds float64) []byte {
	b := []byte{}
	if seconds >= 0 {
		b = append(b, '+')
	}
	return strconv.AppendFloat(b, seconds, 'f', -1, 64)
}

// label is a text without the bytes that end it; one without any text would be taken for a stamp.
func label(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == 0 || r == endText || r == hasDuration {
			return ' '
		}
		return r
	}, s)
	return cmp.Or(s, "n/a")
}

// plusSession makes the recording field of EDF+, which begins with the start date.
func plusSession(session string, start time.Time) string {
	words := strings.Fields(session)
	if len(words) >= 2 && strings.EqualFold(words[0], "Startdate") {
		words = words[2:]
	}
	date := "X"
	if !start.IsZero() {
		date = strings.ToUpper(start.Format("02-Jan-2006"))
	}
	for len(words) < 3 {
		words = append(words, "X")
	}
	return "Startdate " + date + " " + strings.Join(words, " ")
}

func (p *plan) signalCount() int {
	if p.lists != nil {
		return len(p.signals) + 1
	}
	return len(p.signals)
}

// header writes the header as its fields lie, each padded with blanks.
func (p *plan) header() []byte {
	var b []byte
	field := func(width int, text string) {
		if len(text) > width {
			text = strings.ToValidUTF8(text[:width], "")
		}
		b = append(b, text...)
		for i := len(text); i < width; i++ {
			b = append(b, ' ')
		}
	}
	if p.variant.bits24() {
		b = append(b, "\xffBIOSEMI"...)
	} else {
		field(8, "0")
	}
	start := p.r.Start
	if start.IsZero() {
		start = unknownStart
	}
	n := p.signalCount()
	field(80, p.patient)
	field(80, p.session)
	field(8, start.Format("02.01.06"))
	field(8, start.Format("15.04.05"))
	field(8, strconv.Itoa(fixedBytes+n*signalBytes))
	switch {
	case p.variant.plus():
		field(44, p.variant.String())
	case p.variant == BDF:
		field(44, "24BIT")
	default:
		field(44, "")
	}
	field(8, strconv.FormatInt(p.records, 10))
	field(8, p.duration)
	field(4, strconv.Itoa(n))
	signals := p.signals
	if p.lists != nil {
		least, most := p.digital()
		signals = append(slices.Clip(signals), Signal{Label: p.variant.String()[:3] + " Annotations", PhysicalMin: -1, PhysicalMax: 1,
			DigitalMin: least, DigitalMax: most, Samples: p.room})
	}
	for _, c := range []struct {
		width int
		text  func(Signal) string
	}{
		{16, func(s Signal) string { return s.Label }},
		{80, func(s Signal) string { return s.Transducer }},
		{8, func(s Signal) string { return s.Unit }},
		{8, func(s Signal) string { return number8(s.PhysicalMin) }},
		{8, func(s Signal) string { return number8(s.PhysicalMax) }},
		{8, func(s Signal) string { return number8(s.DigitalMin) }},
		{8, func(s Signal) string { return number8(s.DigitalMax) }},
		{80, func(s Signal) string { return s.Filter }},
		{8, func(s Signal) string { return strconv.FormatInt(s.Samples, 10) }},
		{32, func(Signal) string { return "" }},
	} {
		for _, s := range signals {
			field(c.width, c.text(s))
		}
	}
	return b
}

// unknownStart is what EDF+ has for a date that is not to be known.
var unknownStart = time.Date(1985, 1, 1, 0, 0, 0, 0, time.UTC)

// data writes the records.
func (p *plan) data(w io.Writer) error {
	channels := len(p.signals)
	block := make([]float32, int(p.frames)*channels)
	record := make([]byte, p.width*(len(block)+int(p.room)))
	for i := range p.records {
		if len(block) > 0 {
			first := i * p.frames
			n := int(min(p.frames, p.r.Frames-first))
			if got, err := p.r.Samples.ReadFrames(block[:n*channels], first); got < n {
				return err
			}
			for k := n * channels; k < len(block); k++ {
				block[k] = block[k-channels]
			}
			for c := range p.signals {
				if at, ok := p.digitise(record[c*int(p.frames)*p.width:], block[c:], c); !ok {
					return notANumber(p.r, c, first+int64(at), block[at*channels+c])
				}
			}
		}
		if p.lists != nil {
			clear(record[copy(record[p.width*len(block):], p.lists[i])+p.width*len(block):])
		}
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	return nil
}

// digitise converts one channel's samples of a record. It stops at one that is no number, and says where.
func (p *plan) digitise(dst []byte, src []float32, c int) (at int, ok bool) {
	s := &p.signals[c]
	gain, offset := s.scale()
	channels := len(p.signals)
	for i := range int(p.frames) {
		v := src[i*channels]
		if v-v != 0 {
			return i, false
		}
		n := int32(max(s.DigitalMin, min(s.DigitalMax, math.RoundToEven((float64(v)-offset)/gain))))
		dst[i*p.width], dst[i*p.width+1] = byte(n), byte(n>>8)
		if p.width == 3 {
			dst[i*p.width+2] = byte(n >> 16)
		}
	}
	return 0, true
}
