package records

import (
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
)

// Layout says where the samples of a file lie.
type Layout struct {
	Start     int64 // offset of the first record in the file
	Bytes     int64 // from the beginning of a record to that of the next
	Frames    int64 // of a record: samples of its fastest signals
	Total     int64 // frames of the recording: a multiple of Frames, or less in the last record
	BigEndian bool
	Signals   []Signal // one for each channel; what else is in a record is passed over
}

// Signal is a channel's part of a record.
type Signal struct {
	At    int64 // offset of its first sample within the record
	Count int64 // samples in a record, from 1 to Frames; a slower signal holds each sample until the next
	Type  Type
	// A number n of the file is the value n*Gain + Offset.
	Gain, Offset float64
	// Mask, when not 0, is applied to the number first: trigger channels share their bits with other things.
	Mask int32
}

// Source reads samples of a File laid out in records. Its methods may be called from several goroutines at once.
type Source struct {
	file   *File
	layout Layout
	// uniform says that a record is one frame of numbers of one type without anything between them.
	uniform bool
	gain    []float64
	offset  []float64
}

const (
	// maxRead is how many bytes are read at a time: little enough to stay in the cache while they are converted.
	maxRead = 256 << 10
	// maxWhole is up to where a record of which all is needed is read at once, though it is longer.
	maxWhole = 8 << 20
)

// New checks that a layout fits into the file and gives the source that reads it. Closing the source closes the file.
func New(f *File, l Layout) (*Source, error) {
	wrong := func(field, found, expected string) (*Source, error) {
		return nil, f.Error(l.Start, field, found, expected, "")
	}
	if l.Start < 0 || l.Start > f.Size {
		return wrong("samples", fmt.Sprintf("samples that begin at byte %d", l.Start), fmt.Sprintf("a beginning within the file's %d bytes", f.Size))
	}
	if l.Bytes < 0 || l.Frames < 0 || l.Total < 0 || (l.Total > 0 && (l.Bytes == 0 || l.Frames == 0)) {
		return wrong("records", fmt.Sprintf("%d frames in records of %d bytes and %d frames", l.Total, l.Bytes, l.Frames), "positive numbers")
	}
	if l.Total > 0 {
		n := (l.Total-1)/l.Frames + 1
		if n > (f.Size-l.Start)/l.Bytes {
			return nil, f.Error(l.Start, "records", fmt.Sprintf("a file of %d bytes", f.Size), fmt.Sprintf("%d records of %d bytes from here", n, l.Bytes), truncated)
		}
	}
	s := &Source{file: f, layout: l, uniform: l.Frames == 1 && len(l.Signals) > 0}
	for i, g := range l.Signals {
		size := int64(g.Type.Size())
		if size == 0 || g.Count < 1 || g.Count > l.Frames || g.At < 0 || g.At > l.Bytes || g.Count > (l.Bytes-g.At)/size {
			return wrong(fmt.Sprintf("signal %d", i+1), fmt.Sprintf("%d samples of type %v at byte %d of a record of %d bytes", g.Count, g.Type, g.At, l.Bytes),
				"samples that lie within the record")
		}
		if g.Type != l.Signals[0].Type || g.At != l.Signals[0].At+int64(i)*size || g.Mask != 0 {
			s.uniform = false
		}
		s.gain, s.offset = append(s.gain, g.Gain), append(s.offset, g.Offset)
	}
	return s, nil
}

// Close closes the file.
func (s *Source) Close() error { return s.file.Close() }

// ReadFrames implements recording.Source.
func (s *Source) ReadFrames(dst []float32, first int64) (int, error) {
	channels := len(s.layout.Signals)
	if channels == 0 || first < 0 || first >= s.layout.Total {
		return 0, io.EOF
	}
	want := int64(len(dst) / channels)
	n := min(want, s.layout.Total-first)
	if err := s.parallel(dst[:n*int64(channels)], first, n); err != nil {
		return 0, err
	}
	if n < want {
		return int(n), io.EOF
	}
	return int(n), nil
}

// parallelBytes is from how much output on a second goroutine pays.
const parallelBytes = 512 << 10

// parallel shares a long read among the processors, each with frames of its own.
func (s *Source) parallel(dst []float32, first, n int64) error {
	channels := int64(len(s.layout.Signals))
	workers := min(int64(runtime.GOMAXPROCS(0)), 4*int64(len(dst))/parallelBytes)
	part := n
	if workers > 1 {
		part = (n/workers/s.layout.Frames + 1) * s.layout.Frames // whole records, as far as that goes
	}
	if part >= n {
		return s.read(dst, first, n)
	}
	var wait sync.WaitGroup
	errs := make([]error, (n-1)/part+1)
	for i := range errs {
		from := int64(i) * part
		to := min(from+part, n)
		wait.Go(func() { errs[i] = s.read(dst[from*channels:to*channels], first+from, to-from) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// read converts n frames from first on into dst.
func (s *Source) read(dst []float32, first, n int64) error {
	l := &s.layout
	channels := int64(len(l.Signals))
	var buffer []byte
	for n > 0 {
		record, at := first/l.Frames, first%l.Frames
		m := min(l.Frames-at, n)
		offset := l.Start + record*l.Bytes
		switch {
		case at == 0 && n >= l.Frames && l.Bytes <= maxWhole:
			// Whole records, as many as go into the buffer.
			k := min(n/l.Frames, max(1, maxRead/l.Bytes))
			m = k * l.Frames
			buffer = grown(buffer, k*l.Bytes)
			if err := s.file.fill(buffer, offset, "samples"); err != nil {
				return err
			}
			s.convert(dst, buffer, k)
		case l.Bytes <= maxRead/16:
			// Part of a small record: reading it whole is one call of the system.
			buffer = grown(buffer, l.Bytes)
			if err := s.file.fill(buffer, offset, "samples"); err != nil {
				return err
			}
			for c := range l.Signals {
				g := &l.Signals[c]
				from, to := held(at, g.Count, l.Frames), held(at+m-1, g.Count, l.Frames)+1
				size := int64(g.Type.Size())
				s.part(dst[c:], buffer[g.At+from*size:g.At+to*size], g, at, m)
			}
		default:
			// Part of a large record: each signal's samples on their own, a piece at a time that keeps dst in the cache.
			m = min(m, max(1, maxRead/4/channels))
			for c := range l.Signals {
				g := &l.Signals[c]
				from, to := held(at, g.Count, l.Frames), held(at+m-1, g.Count, l.Frames)+1
				size := int64(g.Type.Size())
				buffer = grown(buffer, (to-from)*size)
				if err := s.file.fill(buffer, offset+g.At+from*size, "samples"); err != nil {
					return err
				}
				s.part(dst[c:], buffer, g, at, m)
			}
		}
		dst = dst[m*channels:]
		first += m
		n -= m
	}
	return nil
}

// grown gives a buffer of n bytes, the old one when it is large enough.
func grown(b []byte, n int64) []byte {
	if int64(cap(b)) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

// held is the sample of a signal with count samples in a record of so many frames that holds at a frame.
func held(frame, count, frames int64) int64 {
	if count == frames {
		return frame
	}
	return frame * count / frames
}

// convert converts k whole records.
func (s *Source) convert(dst []float32, src []byte, k int64) {
	l := &s.layout
	channels := len(l.Signals)
	if s.uniform {
		first := l.Signals[0]
		if interleaved(dst, src[first.At:], channels, int(l.Bytes), int(k), first.Type, l.BigEndian, s.gain, s.offset) {
			return
		}
	}
	if l.Frames == 1 {
		for c := range l.Signals {
			g := &l.Signals[c]
			numbers(dst[c:], channels, src[g.At:], int(l.Bytes), int(k), g, l.BigEndian)
			mask(dst[c:], channels, int(k), g)
		}
		return
	}
	step := l.Frames * int64(channels)
	for r := range k {
		record, out := src[r*l.Bytes:(r+1)*l.Bytes], dst[r*step:(r+1)*step]
		for c := 0; c < channels; {
			if n := s.together(out, record, c); n > 0 {
				c += n
				continue
			}
			g := &l.Signals[c]
			s.part(out[c:], record[g.At:], g, 0, l.Frames)
			c++
		}
	}
}

// together converts neighbouring channels of the commonest kind in one sweep, which writes whole stretches of a frame instead
// of single values: eight of them, or four, from channel c on. It returns how many it did.
func (s *Source) together(dst []float32, record []byte, c int) int {
	l := &s.layout
	channels, n := len(l.Signals), int(l.Frames)
	alike := 0
	for ; alike < 8 && c+alike < channels; alike++ {
		if g := &l.Signals[c+alike]; g.Type != Int16 || g.Count != l.Frames || g.Mask != 0 || l.BigEndian {
			break
		}
	}
	g := l.Signals[c : c+alike]
	if alike == 8 && haveColumns8 && n >= 8 {
		gap := g[1].At - g[0].At
		even := gap >= 2*l.Frames
		for i := range g {
			even = even && g[i].At == g[0].At+int64(i)*gap
		}
		if even {
			whole := n &^ 7
			// The bounds that the assembly does not check.
			out, in := dst[c:(n-1)*channels+c+8], record[g[0].At:g[7].At+2*l.Frames]
			columns8(&out[0], int64(4*channels), &in[0], gap, int64(whole), (*[8]float64)(s.gain[c:]), (*[8]float64)(s.offset[c:]))
			for i := range g {
				if whole < n {
					numbers(dst[whole*channels+c+i:], channels, record[g[i].At+int64(2*whole):], 2, n-whole, &g[i], false)
				}
			}
			return 8
		}
	}
	if alike < 4 {
		return 0
	}
	planar4(dst[c:], channels, record[g[0].At:][:2*n], record[g[1].At:][:2*n], record[g[2].At:][:2*n], record[g[3].At:][:2*n],
		[4]float64(s.gain[c:c+4]), [4]float64(s.offset[c:c+4]))
	return 4
}

// part converts the m frames from frame at of a record on, for one signal. src begins at the sample that holds at frame at;
// dst at the channel's place in the first frame.
func (s *Source) part(dst []float32, src []byte, g *Signal, at, m int64) {
	channels, big := len(s.layout.Signals), s.layout.BigEndian
	frames := s.layout.Frames
	size := g.Type.Size()
	if g.Count == frames {
		numbers(dst, channels, src, size, int(m), g, big)
	} else {
		from := held(at, g.Count, frames)
		n := held(at+m-1, g.Count, frames) + 1 - from
		slow := make([]float32, n)
		numbers(slow, 1, src, size, int(n), g, big)
		// A remainder carried along spares a division a frame.
		k, rest := int64(0), at*g.Count%frames
		for i := range m {
			dst[int(i)*channels] = slow[k]
			if rest += g.Count; rest >= frames {
				rest -= frames
				k++
			}
		}
	}
	mask(dst, channels, int(m), g)
}

// mask keeps the bits of a trigger channel that are triggers. The numbers are at most 24 bits long, which float32 holds.
func mask(dst []float32, step, n int, g *Signal) {
	if g.Mask == 0 {
		return
	}
	for i := range n {
		dst[i*step] = float32(int32(dst[i*step]) & g.Mask)
	}
}

// Samples is how many samples a signal has at its own rate.
func (s *Source) Samples(signal int) int64 {
	l := &s.layout
	if l.Total == 0 {
		return 0
	}
	whole, rest := l.Total/l.Frames, l.Total%l.Frames
	n := whole * l.Signals[signal].Count
	if rest > 0 {
		n += held(rest-1, l.Signals[signal].Count, l.Frames) + 1
	}
	return n
}

// ReadSignal fills dst with the values of one signal at its own rate, from sample first on, and returns how many it read:
// fewer than fit only with io.EOF behind the last.
func (s *Source) ReadSignal(dst []float64, signal int, first int64) (int, error) {
	return s.readSignal(dst, s.layout.Signals[signal], s.Samples(signal), first)
}

// ReadNumbers is ReadSignal for the numbers as the file holds them: neither scaled nor masked.
func (s *Source) ReadNumbers(dst []float64, signal int, first int64) (int, error) {
	g := s.layout.Signals[signal]
	g.Gain, g.Offset, g.Mask = 1, 0, 0
	return s.readSignal(dst, g, s.Samples(signal), first)
}

func (s *Source) readSignal(dst []float64, g Signal, total, first int64) (int, error) {
	if first < 0 || first >= total {
		return 0, io.EOF
	}
	l := &s.layout
	want := int64(len(dst))
	n := min(want, total-first)
	size := int64(g.Type.Size())
	var buffer []byte
	for done := int64(0); done < n; {
		record, at := (first+done)/g.Count, (first+done)%g.Count
		offset := l.Start + record*l.Bytes
		m := min(g.Count-at, n-done)
		if whole := (n - done) / g.Count; at == 0 && whole > 1 && l.Bytes <= maxRead/16 {
			// Small records: many at once, and the signal's samples picked out of them.
			whole = min(whole, maxRead/l.Bytes)
			buffer = grown(buffer, whole*l.Bytes)
			if err := s.file.fill(buffer, offset, "samples"); err != nil {
				return 0, err
			}
			m = whole * g.Count
			if g.Count == 1 {
				numbers(dst[done:], 1, buffer[g.At:], int(l.Bytes), int(whole), &g, l.BigEndian)
			} else {
				for r := range whole {
					numbers(dst[done+r*g.Count:], 1, buffer[r*l.Bytes+g.At:], int(size), int(g.Count), &g, l.BigEndian)
				}
			}
		} else {
			m = min(m, maxRead/size)
			buffer = grown(buffer, m*size)
			if err := s.file.fill(buffer, offset+g.At+at*size, "samples"); err != nil {
				return 0, err
			}
			numbers(dst[done:], 1, buffer, int(size), int(m), &g, l.BigEndian)
		}
		done += m
	}
	if g.Mask != 0 {
		for i := range dst[:n] {
			dst[i] = float64(int32(dst[i]) & g.Mask)
		}
	}
	if n < want {
		return int(n), io.EOF
	}
	return int(n), nil
}

// FramesIn is how many whole frames of so many bytes lie behind an offset, and how many bytes are left over.
func (f *File) FramesIn(start, bytes int64) (frames, left int64) {
	if start < 0 || start > f.Size || bytes < 1 {
		return 0, 0
	}
	return (f.Size - start) / bytes, (f.Size - start) % bytes
}

// Interleaved lays out frames of channels with one number of a type each, without anything between them: gains and offsets
// are the channels'.
func Interleaved(start, total int64, t Type, gain, offset []float64) Layout {
	size := int64(t.Size())
	l := Layout{Start: start, Bytes: size * int64(len(gain)), Frames: 1, Total: total}
	for i := range gain {
		l.Signals = append(l.Signals, Signal{At: int64(i) * size, Count: 1, Type: t, Gain: gain[i], Offset: offset[i]})
	}
	return l
}

// Sane reports whether a rate that a file claims can be one: between a sample in thirty years and 100 MHz. Times in samples over such a
// rate stay finite.
func Sane(rate float64) bool { return rate > 1e-9 && rate < 1e8 }

var _ recording.Source = (*Source)(nil)
