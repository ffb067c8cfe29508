package spacetime

import "fmt"

// Queue runs a kernel event by event: an event schedules the weight of each of its synapses for the neuron and the step where it is due. It gives
// what [Kernel.Apply] gives, for events that come one after the other and never end.
type Queue struct {
	Additions int64 // of weights: synaptic operations

	k             *Kernel
	height, width int
	synapses      [][]synapse // [polarities]
	ring          [][]float32 // [depth][height, width, classes]
	step          int
}

// synapse is one weight that is not zero.
type synapse struct {
	dt, dy, dx, class int
	weight            float32
}

// NewQueue makes a queue of a kernel for so many pixels. Later changes of the kernel do not reach it.
func NewQueue(k *Kernel, height, width int) (*Queue, error) {
	if height < 1 || width < 1 {
		return nil, fmt.Errorf("spacetime: a queue for %d x %d pixels", width, height)
	}
	q := &Queue{k: k, height: height, width: width, synapses: make([][]synapse, k.Polarities)}
	for tap := range k.TapCount() {
		p, dt, dy, dx := k.Of(tap)
		for c, w := range k.Row(tap) {
			if w != 0 {
				q.synapses[p] = append(q.synapses[p], synapse{dt, dy, dx, c, w})
			}
		}
	}
	for range k.Depth {
		q.ring = append(q.ring, make([]float32, height*width*k.Classes))
	}
	return q, nil
}

// Push takes in an event of the current step.
func (q *Queue) Push(p, y, x int) error {
	if p < 0 || p >= q.k.Polarities || y < 0 || y >= q.height || x < 0 || x >= q.width {
		return fmt.Errorf("spacetime: an event of polarity %d at (%d, %d) lies outside %d polarities and %d x %d pixels (width x height)",
			p, x, y, q.k.Polarities, q.width, q.height)
	}
	for _, s := range q.synapses[p] {
		toY, toX := y+s.dy, x+s.dx
		if toY < 0 || toY >= q.height || toX < 0 || toX >= q.width {
			continue
		}
		q.ring[(q.step+s.dt)%q.k.Depth][(toY*q.width+toX)*q.k.Classes+s.class] += s.weight
		q.Additions++
	}
	return nil
}

// Next returns the evidence [height, width, classes] of the current step, all of whose events have been pushed, and goes to the next one. It stays
// valid until the step after that.
func (q *Queue) Next() []float32 {
	at := q.step % q.k.Depth
	due := q.ring[at]
	q.ring[at] = make([]float32, len(due))
	q.step++
	return due
}
