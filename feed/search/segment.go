package search

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"
	"unsafe"

	"github.com/gyrus-dev/gyrus/feed"
)

// field is where in a paper a word stands.
type field uint8

const (
	inTitle field = 1 << iota
	inAbstract
	inNames  // authors, organisation, the name of the system
	anywhere = inTitle | inAbstract | inNames
)

// fieldWeight is how often a word counts in a field, as in BM25F.
func fieldWeight(f field) int {
	if f == inTitle {
		return 2
	}
	return 1
}

// A posting is a byte behind the gap to the paper before: the fields in its low bits, the weighted frequency in the others.
const (
	fieldBits    = 3
	maxFrequency = 1<<(8-fieldBits) - 1
)

// segment is an index of some papers that never changes: an inverted file over stems, the words that readers write for them, and what
// filters need to know. Papers are numbered from 0 in it.
type segment struct {
	papers   []int64    // IDs
	dates    [2][]int32 // days since 1970 of publication (noDate if not known) and listing
	length   []uint16   // weighted number of words, function words included
	family   []uint16   // indices into names
	system   []uint16
	names    []string // names[0] is ""
	terms    []string // stems, sorted
	document []uint32 // by term: in how many papers it is
	start    []uint32 // by term, and the end of the last one: where its postings are
	postings []byte
	words    []string // folded words as they are written, sorted
	wordTerm []uint32 // by word: its stem
	wordIn   []uint32 // by word: in how many papers it is
	mask     []uint32 // by word: its letters, for the search of misspellings
}

const noDate = math.MinInt32

const (
	published = 0
	listed    = 1
)

// day is the days since 1970 of a date, noDate for none.
func day(t time.Time) int32 {
	if t.IsZero() {
		return noDate
	}
	return int32(math.Floor(float64(t.Unix()) / 86400))
}

// builder makes a segment of papers.
type builder struct {
	s      *segment
	stems  map[string]uint32 // to the index of posted
	posted []posted
	words  map[string]*written
	names  map[string]uint16
	here   map[uint32]uint8 // frequency and fields of a stem in the paper at hand
}

// posted is the postings of one stem while they grow.
type posted struct {
	data []byte
	last uint32 // paper, plus one
	in   uint32
}

// written is a word while the segment grows.
type written struct{ stem, in, last uint32 }

func newBuilder() *builder {
	return &builder{s: &segment{names: []string{""}}, stems: map[string]uint32{}, words: map[string]*written{}, names: map[string]uint16{"": 0}, here: map[uint32]uint8{}}
}

// add adds a paper.
func (b *builder) add(p *feed.Paper) {
	s, doc, length := b.s, uint32(len(b.s.papers)), 0
	clear(b.here)
	text := func(f field, text string) {
		weight := fieldWeight(f)
		for t := range tokens(text) {
			length += weight
			w := b.words[t.word]
			if w == nil {
				of := stem(t.word)
				id, known := b.stems[of]
				if !known {
					id = uint32(len(b.posted))
					b.stems[strings.Clone(of)] = id
					b.posted = append(b.posted, posted{})
				}
				w = &written{stem: id}
				b.words[strings.Clone(t.word)] = w
			}
			if w.last != doc+1 {
				w.last = doc + 1
				w.in++
			}
			have := b.here[w.stem]
			b.here[w.stem] = uint8(min(int(have>>fieldBits)+weight, maxFrequency))<<fieldBits | have&(1<<fieldBits-1) | uint8(f)
		}
	}
	text(inTitle, p.Title)
	text(inAbstract, p.Abstract)
	for _, a := range p.Authors {
		text(inNames, a)
	}
	text(inNames, p.Organisation)
	text(inNames, p.Slug)
	for id, payload := range b.here {
		t := &b.posted[id]
		t.data = append(binary.AppendUvarint(t.data, uint64(doc+1-t.last)), payload)
		t.last = doc + 1
		t.in++
	}
	s.papers = append(s.papers, p.ID)
	s.dates[published] = append(s.dates[published], day(p.Published))
	s.dates[listed] = append(s.dates[listed], day(p.Listed))
	s.length = append(s.length, uint16(min(length, math.MaxUint16)))
	s.family = append(s.family, b.name(p.Family))
	s.system = append(s.system, b.name(p.Slug))
}

func (b *builder) name(name string) uint16 {
	id, known := b.names[name]
	if !known && len(b.s.names) <= math.MaxUint16 {
		id = uint16(len(b.s.names))
		b.names[name] = id
		b.s.names = append(b.s.names, name)
	}
	return id
}

// segment returns the papers added so far. The builder is of no further use.
func (b *builder) segment() *segment {
	s := b.s
	s.terms = make([]string, 0, len(b.stems))
	for t := range b.stems {
		s.terms = append(s.terms, t)
	}
	slices.Sort(s.terms)
	rank := make([]uint32, len(b.posted))
	size := 0
	for i := range b.posted {
		size += len(b.posted[i].data)
	}
	s.postings = make([]byte, 0, size)
	for i, t := range s.terms {
		p := &b.posted[b.stems[t]]
		rank[b.stems[t]] = uint32(i)
		s.start = append(s.start, uint32(len(s.postings)))
		s.document = append(s.document, p.in)
		s.postings = append(s.postings, p.data...)
	}
	s.start = append(s.start, uint32(len(s.postings)))
	for w := range b.words {
		s.words = append(s.words, w)
	}
	slices.Sort(s.words)
	for _, w := range s.words {
		s.wordTerm = append(s.wordTerm, rank[b.words[w].stem])
		s.wordIn = append(s.wordIn, b.words[w].in)
	}
	s.finish()
	return s
}

// finish fills in what follows from the rest.
func (s *segment) finish() {
	s.mask = make([]uint32, len(s.words))
	for i, w := range s.words {
		s.mask[i] = letters(w)
	}
}

// term returns the index of a stem, or -1.
func (s *segment) term(stem string) int {
	if i, found := slices.BinarySearch(s.terms, stem); found {
		return i
	}
	return -1
}

// completions returns the range of the words that begin with a prefix.
func (s *segment) completions(prefix string) (from, to int) {
	from = sort.SearchStrings(s.words, prefix)
	to = from + sort.Search(len(s.words)-from, func(i int) bool { return !strings.HasPrefix(s.words[from+i], prefix) })
	return from, to
}

// each calls do with every paper that has a term, in order.
func (s *segment) each(term int, do func(doc uint32, frequency uint8, fields field)) {
	data := s.postings[s.start[term]:s.start[term+1]]
	doc := ^uint32(0)
	for i := 0; i < len(data); {
		gap := uint32(data[i])
		i++
		if gap >= 0x80 {
			gap &= 0x7f
			for shift := 7; ; shift += 7 {
				c := data[i]
				i++
				gap |= uint32(c&0x7f) << shift
				if c < 0x80 {
					break
				}
			}
		}
		doc += gap
		payload := data[i]
		i++
		do(doc, payload>>fieldBits, field(payload)&anywhere)
	}
}

// merge makes one segment of the papers of several, in order, without those that are dead.
func merge(parts []*segment, dead []bitmap) *segment {
	out := &segment{names: []string{""}}
	ids := map[string]uint16{"": 0}
	number := make([][]uint32, len(parts)) // of each paper in the whole, or gone
	const gone = math.MaxUint32
	for k, p := range parts {
		names := make([]uint16, len(p.names))
		for i, name := range p.names {
			id, known := ids[name]
			if !known && len(out.names) <= math.MaxUint16 {
				id = uint16(len(out.names))
				ids[name] = id
				out.names = append(out.names, name)
			}
			names[i] = id
		}
		number[k] = make([]uint32, len(p.papers))
		for i := range p.papers {
			if dead[k].has(i) {
				number[k][i] = gone
				continue
			}
			number[k][i] = uint32(len(out.papers))
			out.papers = append(out.papers, p.papers[i])
			out.dates[published] = append(out.dates[published], p.dates[published][i])
			out.dates[listed] = append(out.dates[listed], p.dates[listed][i])
			out.length = append(out.length, p.length[i])
			out.family = append(out.family, names[p.family[i]])
			out.system = append(out.system, names[p.system[i]])
		}
	}

	// Terms and words that are left without a paper stay away. How many papers have a word is not known by paper, so that the count of
	// words keeps the dead in; it only orders completions.
	at := make([]int, len(parts))
	for {
		next, any := "", false
		for k, p := range parts {
			if at[k] < len(p.terms) && (!any || p.terms[at[k]] < next) {
				next, any = p.terms[at[k]], true
			}
		}
		if !any {
			break
		}
		begin, in, last := len(out.postings), uint32(0), uint32(0)
		for k, p := range parts {
			if at[k] >= len(p.terms) || p.terms[at[k]] != next {
				continue
			}
			p.each(at[k], func(doc uint32, frequency uint8, fields field) {
				if n := number[k][doc]; n != gone {
					out.postings = append(binary.AppendUvarint(out.postings, uint64(n+1-last)), frequency<<fieldBits|uint8(fields))
					last = n + 1
					in++
				}
			})
			at[k]++
		}
		if in > 0 {
			out.terms = append(out.terms, next)
			out.start = append(out.start, uint32(begin))
			out.document = append(out.document, in)
		}
	}
	out.start = append(out.start, uint32(len(out.postings)))

	clear(at)
	for {
		next, any := "", false
		for k, p := range parts {
			if at[k] < len(p.words) && (!any || p.words[at[k]] < next) {
				next, any = p.words[at[k]], true
			}
		}
		if !any {
			break
		}
		var in uint32
		term := -1
		for k, p := range parts {
			if at[k] < len(p.words) && p.words[at[k]] == next {
				if term < 0 {
					term = out.term(p.terms[p.wordTerm[at[k]]])
				}
				in += p.wordIn[at[k]]
				at[k]++
			}
		}
		if term >= 0 {
			out.words = append(out.words, next)
			out.wordTerm = append(out.wordTerm, uint32(term))
			out.wordIn = append(out.wordIn, min(in, out.document[term]))
		}
	}
	out.compact()
	out.finish()
	return out
}

// compact lets go of the strings of the segments it was merged from.
func (s *segment) compact() {
	for _, list := range [][]string{s.terms, s.words} {
		var b strings.Builder
		for _, t := range list {
			b.WriteString(t)
		}
		all, at := b.String(), 0
		for i, t := range list {
			list[i] = all[at : at+len(t)]
			at += len(t)
		}
	}
}

// bitmap is a set of papers of a segment; one that is nil is empty.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 != 0 }

func (b bitmap) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b bitmap) set(i int) { b[i>>6] |= 1 << (i & 63) }

// segmentFormat is the first bytes of a segment as it is stored. Another format gets another number.
const segmentFormat = "GyrusSegment1\n"

// encode writes a segment as it is stored: numbers in little-endian order behind their count, texts one after another behind their
// lengths, and a checksum.
func (s *segment) encode() []byte {
	var b bytes.Buffer
	b.Grow(len(s.postings) + 24*len(s.papers) + 24*(len(s.terms)+len(s.words)) + 4096)
	b.WriteString(segmentFormat)
	putSlice(&b, s.papers)
	putSlice(&b, s.dates[published])
	putSlice(&b, s.dates[listed])
	putSlice(&b, s.length)
	putSlice(&b, s.family)
	putSlice(&b, s.system)
	putStrings(&b, s.names)
	putStrings(&b, s.terms)
	putSlice(&b, s.document)
	putSlice(&b, s.start)
	putSlice(&b, s.postings)
	putStrings(&b, s.words)
	putSlice(&b, s.wordTerm)
	putSlice(&b, s.wordIn)
	return binary.LittleEndian.AppendUint32(b.Bytes(), crc32.ChecksumIEEE(b.Bytes()))
}

// decodeSegment reads what encode wrote. It keeps data. The checksum vouches for what it
// does not look at.
func decodeSegment(data []byte) (*segment, error) {
	r, err := newDecoder(data, segmentFormat)
	if err != nil {
		return nil, err
	}
	s := &segment{}
	s.papers = takeSlice[int64](r)
	s.dates[published], s.dates[listed] = takeSlice[int32](r), takeSlice[int32](r)
	s.length, s.family, s.system = takeSlice[uint16](r), takeSlice[uint16](r), takeSlice[uint16](r)
	s.names, s.terms = r.strings(), r.strings()
	s.document, s.start = takeSlice[uint32](r), takeSlice[uint32](r)
	s.postings = takeSlice[byte](r)
	s.words = r.strings()
	s.wordTerm, s.wordIn = takeSlice[uint32](r), takeSlice[uint32](r)
	if r.err != nil {
		return nil, r.err
	}
	n := len(s.papers)
	ok := len(s.dates[published]) == n && len(s.dates[listed]) == n && len(s.length) == n && len(s.family) == n && len(s.system) == n &&
		len(s.document) == len(s.terms) && len(s.start) == len(s.terms)+1 && len(s.wordTerm) == len(s.words) && len(s.wordIn) == len(s.words) &&
		slices.IsSorted(s.start) && slices.IsSorted(s.terms) && slices.IsSorted(s.words) && int(s.start[len(s.start)-1]) <= len(s.postings) &&
		below(s.family, len(s.names)) && below(s.system, len(s.names)) && below(s.wordTerm, len(s.terms))
	if !ok {
		return nil, fmt.Errorf("the parts of the stored index do not fit together")
	}
	s.finish()
	return s, nil
}

func below[T uint16 | uint32](list []T, n int) bool {
	return len(list) == 0 || int(slices.Max(list)) < n
}

type number interface {
	int8 | uint8 | uint16 | int32 | uint32 | float32 | int64 | uint64
}

// putSlice writes numbers; they start at a multiple of eight bytes, so that they can be used where they lie.
func putSlice[T number](b *bytes.Buffer, list []T) {
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(list))))
	for b.Len()%8 != 0 {
		b.WriteByte(0)
	}
	if len(list) > 0 && littleEndian { // as they lie, since encoding would copy them once more
		b.Write(unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*int(unsafe.Sizeof(list[0]))))
	} else if err := binary.Write(b, binary.LittleEndian, list); err != nil {
		panic(err) // only for types that have no fixed size
	}
}

func putStrings(b *bytes.Buffer, list []string) {
	ends, at := make([]uint32, len(list)), 0
	for i, s := range list {
		at += len(s)
		ends[i] = uint32(at)
	}
	putSlice(b, ends)
	putSlice(b, []byte(strings.Join(list, "")))
}

// decoder reads what putSlice and putStrings wrote.
type decoder struct {
	data []byte
	at   int
	err  error
}

func newDecoder(data []byte, format string) (*decoder, error) {
	if len(data) < len(format)+4 || string(data[:len(format)]) != format {
		return nil, fmt.Errorf("the stored index is in another format")
	}
	body := data[:len(data)-4]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(data[len(body):]) {
		return nil, fmt.Errorf("the stored index is damaged")
	}
	return &decoder{data: body, at: len(format)}, nil
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func takeSlice[T number](r *decoder) []T {
	if r.err != nil {
		return nil
	}
	var one T
	size := int(unsafe.Sizeof(one))
	if len(r.data)-r.at < 8 {
		r.err = fmt.Errorf("the stored index ends too early")
		return nil
	}
	n := binary.LittleEndian.Uint64(r.data[r.at:])
	r.at = (r.at + 8 + 7) / 8 * 8
	if r.at > len(r.data) || n > uint64(len(r.data)-r.at)/uint64(size) {
		r.err = fmt.Errorf("the stored index ends too early")
		return nil
	}
	from := r.data[r.at : r.at+int(n)*size]
	r.at += len(from)
	if n == 0 {
		return nil
	}
	if littleEndian && uintptr(unsafe.Pointer(&from[0]))%unsafe.Alignof(one) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&from[0])), n)
	}
	out := make([]T, n)
	if _, err := binary.Decode(from, binary.LittleEndian, out); err != nil {
		r.err = err
	}
	return out
}

func (r *decoder) strings() []string {
	ends, all := takeSlice[uint32](r), takeSlice[byte](r)
	if r.err != nil {
		return nil
	}
	if !slices.IsSorted(ends) || len(ends) > 0 && int(ends[len(ends)-1]) > len(all) {
		r.err = fmt.Errorf("the texts of the stored index do not fit together")
		return nil
	}
	out, at, text := make([]string, len(ends)), uint32(0), unsafe.String(unsafe.SliceData(all), len(all))
	for i, end := range ends {
		out[i] = text[at:end]
		at = end
	}
	return out
}
