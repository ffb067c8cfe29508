package live

import (
	"math"
	"sort"
)

// ring keeps the last frames of a signal.
type ring struct {
	channels int
	size     int64     // frames it holds
	samples  []float32 // channel by channel, each size frames
	times    []float64
	end      int64   // frames that were put in so far
	begin    int64   // first frame that may be used: none older, nor from before a jump of the clock
	breaks   []int64 // frames in the ring that do not follow on the one before
}

func newRing(channels int, size int64) *ring {
	return &ring{channels: channels, size: size, samples: make([]float32, int64(channels)*size), times: make([]float64, size)}
}

// put appends a frame. broken says that it does not follow on the one before.
func (r *ring) put(frame []float32, time float64, broken bool) {
	at := r.end % r.size
	for c, v := range frame {
		r.samples[int64(c)*r.size+at] = v
	}
	r.times[at] = time
	if broken && r.end > r.begin {
		r.breaks = append(r.breaks, r.end)
	}
	r.end++
	r.begin = max(r.begin, r.end-r.size)
	for len(r.breaks) > 0 && r.breaks[0] <= r.begin {
		r.breaks = append(r.breaks[:0], r.breaks[1:]...)
	}
}

// forget makes the frames so far unusable.
func (r *ring) forget() {
	r.begin = r.end
	r.breaks = r.breaks[:0]
}

// last is the time of the newest frame.
func (r *ring) last() float64 { return r.times[(r.end-1)%r.size] }

// frame is the frame nearest to a time; within a gap, the first one after it. It is end when the time has not come, and before begin
// when the time has passed.
func (r *ring) frame(time, period float64) int64 {
	if early := r.times[r.begin%r.size] - time; early > period/2 {
		return r.begin - int64(math.Round(min(early/period, 1<<40)))
	}
	n := sort.Search(int(r.end-r.begin), func(i int) bool { return r.times[(r.begin+int64(i))%r.size] > time-period/2 })
	return r.begin + int64(n)
}

// whole reports whether frames follow each other from a frame to before another.
func (r *ring) whole(from, to int64) bool {
	for _, b := range r.breaks {
		if b > from && b < to {
			return false
		}
	}
	return true
}

// copy copies frames, channel by channel, and reports whether all values are finite.
func (r *ring) copy(dst []float32, from int64, frames int) (finite bool) {
	at := from % r.size
	first := int(min(int64(frames), r.size-at))
	for c := range r.channels {
		row := r.samples[int64(c)*r.size : int64(c+1)*r.size]
		copy(dst[c*frames:], row[at:int(at)+first])
		copy(dst[c*frames+first:(c+1)*frames], row)
	}
	finite = true
	for _, v := range dst[:r.channels*frames] {
		finite = finite && v-v == 0
	}
	return finite
}
