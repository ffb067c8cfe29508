package htm

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"unsafe"
)

// Config holds the parameters of a [Memory]. Permanences lie in [0,1].
type Config struct {
	Columns               int     // mini-columns
	CellsPerColumn        int     // cells in each column; 1 takes away temporal context
	ActivationThreshold   int     // active connected synapses that make a segment predict its cell
	MinThreshold          int     // active potential synapses that make a segment match
	MaxNewSynapses        int     // active synapses a learning segment is topped up to
	InitialPermanence     float32 // of a new synapse
	ConnectedPermanence   float32 // from which a synapse counts as connected
	PermanenceInc         float32 // for synapses that predicted rightly
	PermanenceDec         float32 // for the other synapses of a segment that predicted rightly
	PredictedSegmentDec   float32 // for the synapses of a segment that predicted wrongly
	MaxSynapsesPerSegment int     // at most 255
	MaxSegmentsPerCell    int
}

// Discrete returns the parameters of the paper's discrete sequence task: 2048 columns of 32 cells.
func Discrete() Config {
	return Config{
		Columns: 2048, CellsPerColumn: 32, ActivationThreshold: 15, MinThreshold: 15, MaxNewSynapses: 32,
		InitialPermanence: 0.21, ConnectedPermanence: 0.5, PermanenceInc: 0.1, PermanenceDec: 0.1, PredictedSegmentDec: 0.02,
		MaxSynapsesPerSegment: 128, MaxSegmentsPerCell: 128,
	}
}

// Continuous returns the parameters of the paper's taxi task: 2048 columns of 16 cells, short segments, mild punishment.
func Continuous() Config {
	c := Discrete()
	c.CellsPerColumn, c.MaxSynapsesPerSegment, c.PredictedSegmentDec = 16, 32, 0.01
	return c
}

// Check reports the first parameter with which the memory could not work, given that activeColumns columns are active in a step.
func (c Config) Check(activeColumns int) error {
	for _, p := range []struct {
		name  string
		value float32
	}{
		{"initial permanence", c.InitialPermanence}, {"connected permanence", c.ConnectedPermanence},
		{"permanence increment", c.PermanenceInc}, {"permanence decrement", c.PermanenceDec},
		{"predicted-segment decrement", c.PredictedSegmentDec},
	} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("temporal memory: %s is %v, outside [0,1]", p.name, p.value)
		}
	}
	switch {
	case c.Columns < 1 || c.CellsPerColumn < 1 || c.Columns > maxCells/c.CellsPerColumn:
		return fmt.Errorf("temporal memory: %d columns of %d cells; both must be at least 1 and their product at most %d",
			c.Columns, c.CellsPerColumn, maxCells)
	case activeColumns < 1 || activeColumns > c.Columns:
		return fmt.Errorf("temporal memory: %d active columns do not fit %d columns; use more columns or a smaller code",
			activeColumns, c.Columns)
	case c.MinThreshold < 1:
		return fmt.Errorf("temporal memory: minimum threshold is %d, below 1", c.MinThreshold)
	case c.MinThreshold > c.ActivationThreshold:
		return fmt.Errorf("temporal memory: minimum threshold %d exceeds activation threshold %d, so a segment could predict without matching",
			c.MinThreshold, c.ActivationThreshold)
	case c.ActivationThreshold > activeColumns:
		return fmt.Errorf("temporal memory: activation threshold %d exceeds the %d active columns, so nothing could ever be predicted; lower it or activate more columns",
			c.ActivationThreshold, activeColumns)
	case c.MaxSynapsesPerSegment < 1 || c.MaxSynapsesPerSegment > 255:
		return fmt.Errorf("temporal memory: %d synapses per segment at most; the limit must be 1 to 255", c.MaxSynapsesPerSegment)
	case c.ActivationThreshold > min(c.MaxNewSynapses, c.MaxSynapsesPerSegment):
		return fmt.Errorf("temporal memory: activation threshold %d exceeds the %d synapses a segment can grow, so nothing could ever be predicted",
			c.ActivationThreshold, min(c.MaxNewSynapses, c.MaxSynapsesPerSegment))
	case c.MaxSegmentsPerCell < 1 || c.MaxSegmentsPerCell > 1<<15:
		return fmt.Errorf("temporal memory: %d segments per cell at most; the limit must be 1 to %d", c.MaxSegmentsPerCell, 1<<15)
	}
	return nil
}

const (
	maxCells = 1 << 26

	// A synapse whose permanence falls below this is gone (sheet, step 1).
	deadPermanence = 1e-5
	// 0.21+3*0.1 must connect at 0.5 whatever float32 makes of it.
	permanenceSlack = 1e-6

	// Synapses are stored in blocks of this many, so that a segment of the usual 32 synapses wastes nothing.
	blockSize = 16

	// The outgoing lists of this many cells are brought into the cache at once, and this many entries are in a cache line.
	warmAhead, lineEntries = 32, 16

	noSegment = ^uint32(0)
)

// Memory is a temporal memory: columns of binary cells that learn, with every step, which cells follow which (paper, section 3).
// A cell is numbered column*CellsPerColumn + its place in the column. A Memory is for one goroutine.
//
// A step costs time in proportion to the synapses that the active cells make, not to the size of the network: each cell
// lists the segments it feeds, with a flag saying whether that synapse is connected, so counting never touches the segments
// themselves. Synapses take 8 bytes in their segment, 4 for their place in the presynaptic cell's list, and 4 in that list.
type Memory struct {
	cfg       Config
	connected float32 // the connection threshold less the slack
	source    *rand.PCG
	rng       *rand.Rand

	// Cells.
	first    []uint32   // first segment of the cell, in order of creation, or noSegment
	segments []uint16   // number of segments of the cell
	outgoing [][]uint32 // for each synapse the cell makes: segment<<1 | 1 if connected
	dead     []uint64   // bit set of dead cells, nil if none

	// Segments and their synapses.
	segs      []segment
	freeSegs  []uint32
	synapses  []synapse
	place     []uint32   // of the synapse in its presynaptic cell's outgoing list
	freeSpace [][]uint32 // free runs of synapses, by their length in blocks
	born      uint64     // segments ever created
	made      int        // synapses at present
	step      uint64

	// What the last step left.
	active    []uint32 // active cells, ascending
	winners   []uint32 // winner cells, ascending
	activeSet []uint64 // bit set of active
	counts    []uint16 // per segment: connected active synapses <<8 | potential active synapses; nonzero only for touched
	touched   []uint32 // segments with at least one active synapse
	matching  []uint32 // segments with at least MinThreshold active potential synapses
	predicted []uint32 // columns with a predictive cell, in no order
	isPred    []bool   // per column
	surprise  float64  // anomaly score

	// Scratch space.
	slotOf     []int32 // per column: its index among the active columns, or -1
	best       []uint32
	learners   []learner
	onSegment  []uint32 // per cell: stamp, if it is on the segment now growing
	stamp      uint32
	candidates []uint32
	nextActive []uint32
	nextWin    []uint32
	warmth     uint32
}

type segment struct {
	cell     uint32
	start    uint32 // first synapse
	next     uint32 // next segment of the cell, or noSegment
	size     uint8  // synapses
	blocks   uint8  // room, in blocks
	lastUsed uint64 // step in which it was last active, or born
	serial   uint64 // order of creation
}

type synapse struct {
	from       uint32 // presynaptic cell
	permanence float32
}

// learner is an active segment of an active column.
type learner struct {
	cell   uint32
	seg    uint32
	serial uint64
}

// NewMemory returns an empty memory whose random choices follow the seed.
func NewMemory(cfg Config, seed uint64) (*Memory, error) {
	if err := cfg.Check(cfg.Columns); err != nil {
		return nil, err
	}
	cells := cfg.Columns * cfg.CellsPerColumn
	source := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	m := &Memory{
		cfg: cfg, connected: cfg.ConnectedPermanence - permanenceSlack, source: source, rng: rand.New(source),
		first: make([]uint32, cells), segments: make([]uint16, cells), outgoing: make([][]uint32, cells),
		freeSpace: make([][]uint32, (255+blockSize)/blockSize+1),
		activeSet: make([]uint64, (cells+63)/64), isPred: make([]bool, cfg.Columns),
		slotOf: make([]int32, cfg.Columns), onSegment: make([]uint32, cells),
	}
	for i := range m.first {
		m.first[i] = noSegment
	}
	for i := range m.slotOf {
		m.slotOf[i] = -1
	}
	return m, nil
}

// Step presents the active columns, given in ascending order, and learns from them if learn is set. It fails if a column is out of
// range or out of order, and then changes nothing.
func (m *Memory) Step(columns []int, learn bool) error {
	for i, c := range columns {
		if c < 0 || c >= m.cfg.Columns || i > 0 && columns[i-1] >= c {
			return fmt.Errorf("temporal memory: active column %d at place %d of %d; columns must ascend within 0 to %d",
				c, i, len(columns), m.cfg.Columns-1)
		}
	}
	m.step++
	m.score(columns)
	m.meet(columns, learn)

	perColumn := uint32(m.cfg.CellsPerColumn)
	m.nextActive, m.nextWin = m.nextActive[:0], m.nextWin[:0]
	l := 0
	for slot, c := range columns {
		base := uint32(c) * perColumn
		if l < len(m.learners) && m.learners[l].cell < base+perColumn { // predicted
			for ; l < len(m.learners) && m.learners[l].cell < base+perColumn; l++ {
				lr := m.learners[l]
				if n := len(m.nextActive); n == 0 || m.nextActive[n-1] != lr.cell {
					m.nextActive = append(m.nextActive, lr.cell)
					m.nextWin = append(m.nextWin, lr.cell)
				}
				if learn {
					m.reinforce(lr.seg)
				}
			}
			continue
		}
		for cell := base; cell < base+perColumn; cell++ {
			if m.Alive(int(cell)) {
				m.nextActive = append(m.nextActive, cell)
			}
		}
		if seg := m.best[slot]; seg != noSegment {
			m.nextWin = append(m.nextWin, m.segs[seg].cell)
			if learn {
				m.reinforce(seg)
			}
		} else if cell, ok := m.leastUsed(base); ok {
			m.nextWin = append(m.nextWin, cell)
			if learn && len(m.winners) > 0 {
				m.sprout(cell)
			}
		}
	}
	for _, c := range columns {
		m.slotOf[c] = -1
	}
	for _, cell := range m.active {
		m.activeSet[cell/64] = 0
	}
	m.active, m.nextActive = m.nextActive, m.active
	m.winners, m.nextWin = m.nextWin, m.winners
	for _, cell := range m.active {
		m.activeSet[cell/64] |= 1 << (cell % 64)
	}
	m.count(learn)
	return nil
}

// Reset makes the memory forget what came before, so that the next step begins a sequence. What it has learned stays.
// The paper's memory is never reset.
func (m *Memory) Reset() {
	for _, cell := range m.active {
		m.activeSet[cell/64] = 0
	}
	m.active, m.winners = m.active[:0], m.winners[:0]
	m.count(false)
}

// score sets the anomaly score of the columns about to become active.
func (m *Memory) score(columns []int) {
	m.surprise = 0
	if len(columns) == 0 {
		return
	}
	hit := 0
	for _, c := range columns {
		if m.isPred[c] {
			hit++
		}
	}
	m.surprise = 1 - float64(hit)/float64(len(columns))
}

// meet sorts out the matching segments: those that are active in an active column become learners, in order of cell and creation;
// of the others in an active column the best is kept for the column, in case it bursts; those elsewhere are punished.
func (m *Memory) meet(columns []int, learn bool) {
	m.best = m.best[:0]
	for slot, c := range columns {
		m.slotOf[c] = int32(slot)
		m.best = append(m.best, noSegment)
	}
	m.learners = m.learners[:0]
	punish := learn && m.cfg.PredictedSegmentDec > 0
	perColumn, threshold := uint32(m.cfg.CellsPerColumn), uint16(m.cfg.ActivationThreshold)
	for _, id := range m.matching {
		seg := &m.segs[id]
		slot := m.slotOf[seg.cell/perColumn]
		switch {
		case slot < 0:
			if punish {
				m.punish(id)
			}
		case m.counts[id]>>8 >= threshold:
			m.learners = append(m.learners, learner{seg.cell, id, seg.serial})
		case m.best[slot] == noSegment || m.better(id, m.best[slot]):
			m.best[slot] = id
		}
	}
	slices.SortFunc(m.learners, func(a, b learner) int {
		if a.cell != b.cell {
			return cmp.Compare(a.cell, b.cell)
		}
		return cmp.Compare(a.serial, b.serial)
	})
}

// better reports whether matching segment a has more active potential synapses than b; of equals the lower cell, then the older
// segment, is better.
func (m *Memory) better(a, b uint32) bool {
	if pa, pb := m.counts[a]&0xff, m.counts[b]&0xff; pa != pb {
		return pa > pb
	}
	sa, sb := &m.segs[a], &m.segs[b]
	if sa.cell != sb.cell {
		return sa.cell < sb.cell
	}
	return sa.serial < sb.serial
}

// leastUsed returns a random one of the live cells with the fewest segments in the column that begins at cell base.
func (m *Memory) leastUsed(base uint32) (cell uint32, ok bool) {
	m.candidates = m.candidates[:0]
	fewest := ^uint16(0)
	for c := base; c < base+uint32(m.cfg.CellsPerColumn); c++ {
		n := m.segments[c]
		if n > fewest || !m.Alive(int(c)) {
			continue
		}
		if n < fewest {
			fewest, m.candidates = n, m.candidates[:0]
		}
		m.candidates = append(m.candidates, c)
	}
	if len(m.candidates) == 0 {
		return 0, false
	}
	return m.candidates[m.rng.IntN(len(m.candidates))], true
}

// count finds, from the new active cells, the matching segments and the predicted columns.
func (m *Memory) count(learn bool) {
	counts := m.counts
	for _, id := range m.touched {
		counts[id] = 0
	}
	for len(counts) < len(m.segs) {
		counts = append(counts, 0)
	}
	m.counts = counts
	// The list of touched segments is filled without a branch: its end moves on only when a segment is met for the first time.
	m.touched = slices.Grow(m.touched[:0], len(counts)+1)
	touched, n := m.touched[:len(counts)+1], 0
	for k, cell := range m.active {
		if k%warmAhead == 0 {
			m.warm(m.active[k:min(k+warmAhead, len(m.active))])
		}
		for _, entry := range m.outgoing[cell] {
			id := entry >> 1
			c := counts[id]
			touched[n] = id
			if c == 0 {
				n++
			}
			counts[id] = c + 1 + uint16(entry&1)<<8
		}
	}
	m.touched = touched[:n]
	touched = m.touched

	for _, c := range m.predicted {
		m.isPred[c] = false
	}
	m.predicted, m.matching = m.predicted[:0], m.matching[:0]
	matches, activates := uint16(m.cfg.MinThreshold), uint16(m.cfg.ActivationThreshold)
	for _, id := range touched {
		n := counts[id]
		if n&0xff < matches {
			continue
		}
		m.matching = append(m.matching, id)
		if n>>8 < activates {
			continue
		}
		seg := &m.segs[id]
		if learn {
			seg.lastUsed = m.step
		}
		if c := seg.cell / uint32(m.cfg.CellsPerColumn); !m.isPred[c] {
			m.isPred[c] = true
			m.predicted = append(m.predicted, c)
		}
	}
}

// warm reads one entry of each cache line of the cells' outgoing lists. The reads do not wait for one another, whereas those of the
// counting loop would: a fifth to a third of a step's time is saved, most of which went to cache misses.
func (m *Memory) warm(cells []uint32) {
	sum := uint32(0)
	for _, cell := range cells {
		list := m.outgoing[cell]
		for i := 0; i < len(list); i += lineEntries {
			sum += list[i]
		}
	}
	m.warmth = sum // so that the reads are not optimised away
}

// reinforce strengthens the synapses of a segment that the previous active cells reached, weakens the others, and grows synapses onto
// previous winners until MaxNewSynapses active ones are there. The number there already is the one counted before
// adaptation.
func (m *Memory) reinforce(id uint32) {
	seg := &m.segs[id]
	potential := int(m.counts[id] & 0xff)
	for i := seg.start; i < seg.start+uint32(seg.size); {
		syn := &m.synapses[i]
		p := syn.permanence
		if m.activeSet[syn.from/64]>>(syn.from%64)&1 != 0 {
			p = min(p+m.cfg.PermanenceInc, 1)
		} else if p -= m.cfg.PermanenceDec; p < deadPermanence {
			m.removeSynapse(id, i)
			continue
		}
		m.setPermanence(i, p)
		i++
	}
	if n := m.cfg.MaxNewSynapses - potential; n > 0 {
		m.grow(id, n)
	}
	if seg.size == 0 {
		m.removeSegment(id)
	}
}

// punish weakens the synapses by which the previous active cells made a segment match that should not have.
func (m *Memory) punish(id uint32) {
	seg := &m.segs[id]
	dec := m.cfg.PredictedSegmentDec
	for i := seg.start; i < seg.start+uint32(seg.size); {
		syn := &m.synapses[i]
		if m.activeSet[syn.from/64]>>(syn.from%64)&1 == 0 {
			i++
			continue
		}
		p := syn.permanence - dec
		if p < deadPermanence {
			m.removeSynapse(id, i)
			continue
		}
		m.setPermanence(i, p)
		i++
	}
	if seg.size == 0 {
		m.removeSegment(id)
	}
}

// setPermanence changes a permanence and keeps the connected flag in the presynaptic cell's list in step.
func (m *Memory) setPermanence(i uint32, p float32) {
	syn := &m.synapses[i]
	if (syn.permanence >= m.connected) != (p >= m.connected) {
		m.outgoing[syn.from][m.place[i]] ^= 1
	}
	syn.permanence = p
}

// sprout gives a cell a new segment onto previous winners; if the cell is full, its least recently active segment makes room.
func (m *Memory) sprout(cell uint32) {
	if int(m.segments[cell]) == m.cfg.MaxSegmentsPerCell {
		oldest := m.first[cell]
		for id := oldest; id != noSegment; id = m.segs[id].next {
			if m.segs[id].lastUsed < m.segs[oldest].lastUsed {
				oldest = id
			}
		}
		m.removeSegment(oldest)
	}
	var id uint32
	if n := len(m.freeSegs); n > 0 {
		id, m.freeSegs = m.freeSegs[n-1], m.freeSegs[:n-1]
	} else {
		id = uint32(len(m.segs))
		m.segs = append(m.segs, segment{})
	}
	m.segs[id] = segment{cell: cell, next: noSegment, lastUsed: m.step, serial: m.born}
	m.born++
	last := &m.first[cell]
	for *last != noSegment {
		last = &m.segs[*last].next
	}
	*last = id
	m.segments[cell]++
	m.grow(id, m.cfg.MaxNewSynapses)
}

// grow adds up to n synapses onto randomly chosen previous winners that are not on the segment yet. If the segment would overflow,
// its weakest synapses that are not onto previous winners go first; of equals the one from the lowest cell.
func (m *Memory) grow(id uint32, n int) {
	m.stamp++
	if m.stamp == 0 { // wrapped: forget stamps of four billion calls ago
		clear(m.onSegment)
		m.stamp = 1
	}
	seg := &m.segs[id]
	for _, syn := range m.synapses[seg.start : seg.start+uint32(seg.size)] {
		m.onSegment[syn.from] = m.stamp
	}
	m.candidates = m.candidates[:0]
	for _, cell := range m.winners {
		if m.onSegment[cell] != m.stamp {
			m.candidates = append(m.candidates, cell)
		}
	}
	n = min(n, len(m.candidates))
	for int(seg.size)+n > m.cfg.MaxSynapsesPerSegment {
		weakest := noSegment
		for i := seg.start; i < seg.start+uint32(seg.size); i++ {
			syn := &m.synapses[i]
			if _, winner := slices.BinarySearch(m.winners, syn.from); winner {
				continue
			}
			if weakest == noSegment || syn.permanence < m.synapses[weakest].permanence ||
				syn.permanence == m.synapses[weakest].permanence && syn.from < m.synapses[weakest].from {
				weakest = i
			}
		}
		if weakest == noSegment {
			n = m.cfg.MaxSynapsesPerSegment - int(seg.size)
			break
		}
		m.removeSynapse(id, weakest)
	}
	if n == 0 {
		return
	}
	m.makeRoom(id, int(seg.size)+n)
	flag := uint32(0)
	if m.cfg.InitialPermanence >= m.connected {
		flag = 1
	}
	for k := range n {
		j := k + m.rng.IntN(len(m.candidates)-k)
		m.candidates[k], m.candidates[j] = m.candidates[j], m.candidates[k]
		from := m.candidates[k]
		i := seg.start + uint32(seg.size)
		m.synapses[i] = synapse{from, m.cfg.InitialPermanence}
		list := m.outgoing[from]
		if len(list) == cap(list) { // grow by a quarter: most of the memory is here, so doubling would waste it
			list = append(make([]uint32, 0, len(list)+len(list)/4+8), list...)
		}
		m.place[i] = uint32(len(list))
		m.outgoing[from] = append(list, id<<1|flag)
		seg.size++
	}
	m.made += n
}

// makeRoom moves a segment's synapses to a longer run of blocks if n do not fit where they are.
func (m *Memory) makeRoom(id uint32, n int) {
	seg := &m.segs[id]
	if n <= int(seg.blocks)*blockSize {
		return
	}
	blocks := (n + blockSize - 1) / blockSize
	var start uint32
	if free := m.freeSpace[blocks]; len(free) > 0 {
		start, m.freeSpace[blocks] = free[len(free)-1], free[:len(free)-1]
	} else {
		start = uint32(len(m.synapses))
		m.synapses = append(m.synapses, make([]synapse, blocks*blockSize)...)
		m.place = append(m.place, make([]uint32, blocks*blockSize)...)
	}
	copy(m.synapses[start:], m.synapses[seg.start:seg.start+uint32(seg.size)])
	copy(m.place[start:], m.place[seg.start:seg.start+uint32(seg.size)])
	m.release(seg)
	seg.start, seg.blocks = start, uint8(blocks)
}

// release gives a segment's blocks back.
func (m *Memory) release(seg *segment) {
	if seg.blocks > 0 {
		m.freeSpace[seg.blocks] = append(m.freeSpace[seg.blocks], seg.start)
	}
}

// removeSynapse removes the synapse stored at i, which is one of segment id; the segment's last synapse takes its place.
func (m *Memory) removeSynapse(id, i uint32) {
	seg := &m.segs[id]
	m.unlist(i)
	seg.size--
	if last := seg.start + uint32(seg.size); i != last {
		m.synapses[i], m.place[i] = m.synapses[last], m.place[last]
	}
	m.made--
}

// unlist removes the synapse stored at i from its presynaptic cell's list.
func (m *Memory) unlist(i uint32) {
	from := m.synapses[i].from
	list, gap := m.outgoing[from], m.place[i]
	last := uint32(len(list) - 1)
	if gap != last {
		moved := list[last]
		list[gap] = moved
		seg := &m.segs[moved>>1]
		j := seg.start
		for m.synapses[j].from != from {
			j++
		}
		m.place[j] = gap
	}
	m.outgoing[from] = list[:last]
}

// removeSegment removes a segment with its synapses.
func (m *Memory) removeSegment(id uint32) {
	seg := &m.segs[id]
	for i := seg.start; i < seg.start+uint32(seg.size); i++ {
		m.unlist(i)
	}
	m.made -= int(seg.size)
	m.release(seg)
	link := &m.first[seg.cell]
	for *link != id {
		link = &m.segs[*link].next
	}
	*link = seg.next
	m.segments[seg.cell]--
	*seg = segment{}
	m.freeSegs = append(m.freeSegs, id)
}

// ActiveCells returns the cells active after the last step, ascending. The slice is valid until the next step.
func (m *Memory) ActiveCells() []uint32 { return m.active }

// WinnerCells returns the cells chosen to learn in the last step, ascending. The slice is valid until the next step.
func (m *Memory) WinnerCells() []uint32 { return m.winners }

// Predicts reports whether a cell of the column expects to become active in the next step.
func (m *Memory) Predicts(column int) bool { return m.isPred[column] }

// PredictedColumns returns how many columns hold a predictive cell.
func (m *Memory) PredictedColumns() int { return len(m.predicted) }

// Anomaly returns the share of the last step's active columns that the step before had not predicted: 0 if all were foreseen, 1 if none.
func (m *Memory) Anomaly() float64 { return m.surprise }

// Segments returns the number of segments.
func (m *Memory) Segments() int { return len(m.segs) - len(m.freeSegs) }

// Synapses returns the number of synapses.
func (m *Memory) Synapses() int { return m.made }

// Bytes returns the size of everything the memory holds, spare capacity included.
func (m *Memory) Bytes() int {
	n := bytesOf(m.first) + bytesOf(m.segments) + bytesOf(m.outgoing) + bytesOf(m.dead) + bytesOf(m.segs) + bytesOf(m.freeSegs) +
		bytesOf(m.synapses) + bytesOf(m.place) + bytesOf(m.active) + bytesOf(m.winners) + bytesOf(m.activeSet) + bytesOf(m.counts) +
		bytesOf(m.touched) + bytesOf(m.matching) + bytesOf(m.predicted) + bytesOf(m.isPred) + bytesOf(m.slotOf) + bytesOf(m.best) +
		bytesOf(m.learners) + bytesOf(m.onSegment) + bytesOf(m.candidates) + bytesOf(m.nextActive) + bytesOf(m.nextWin)
	for _, list := range m.outgoing {
		n += bytesOf(list)
	}
	for _, free := range m.freeSpace {
		n += bytesOf(free)
	}
	return n
}

func bytesOf[T any](s []T) int {
	var t T
	return cap(s) * int(unsafe.Sizeof(t))
}

// Alive reports whether a cell has not been killed.
func (m *Memory) Alive(cell int) bool {
	return m.dead == nil || m.dead[cell/64]>>(cell%64)&1 == 0
}

// Kill takes cells out of the network for good: their segments go, they no longer burst or win, and nothing they fed is ever
// reached by them again. It fails, changing nothing, if a cell is out of range.
func (m *Memory) Kill(cells []int) error {
	for _, c := range cells {
		if c < 0 || c >= len(m.first) {
			return fmt.Errorf("temporal memory: cannot kill cell %d of %d", c, len(m.first))
		}
	}
	if m.dead == nil {
		m.dead = make([]uint64, len(m.activeSet))
	}
	for _, c := range cells {
		m.dead[c/64] |= 1 << (c % 64)
		for m.first[c] != noSegment {
			m.removeSegment(m.first[c])
		}
	}
	alive := func(c uint32) bool { return m.Alive(int(c)) }
	m.active, m.winners = keep(m.active, alive), keep(m.winners, alive)
	for i := range m.activeSet {
		m.activeSet[i] &^= m.dead[i]
	}
	m.count(false)
	return nil
}

func keep(cells []uint32, which func(uint32) bool) []uint32 {
	return slices.DeleteFunc(cells, func(c uint32) bool { return !which(c) })
}

// Dead returns the number of cells that have been killed.
func (m *Memory) Dead() int {
	n := 0
	for _, w := range m.dead {
		n += bits.OnesCount64(w)
	}
	return n
}

// Clone returns an independent copy that will make the same random choices.
func (m *Memory) Clone() *Memory {
	c := *m
	source := *m.source
	c.source, c.rng = &source, rand.New(&source)
	for _, s := range []*[]uint32{&c.first, &c.freeSegs, &c.place, &c.active, &c.winners, &c.touched, &c.matching, &c.predicted,
		&c.best, &c.onSegment, &c.candidates, &c.nextActive, &c.nextWin} {
		*s = slices.Clone(*s)
	}
	c.segments, c.dead, c.segs, c.synapses = slices.Clone(m.segments), slices.Clone(m.dead), slices.Clone(m.segs), slices.Clone(m.synapses)
	c.activeSet, c.counts, c.isPred = slices.Clone(m.activeSet), slices.Clone(m.counts), slices.Clone(m.isPred)
	c.slotOf, c.learners = slices.Clone(m.slotOf), slices.Clone(m.learners)
	c.outgoing, c.freeSpace = cloneLists(m.outgoing), cloneLists(m.freeSpace)
	return &c
}

func cloneLists(lists [][]uint32) [][]uint32 {
	out := make([][]uint32, len(lists))
	for i, l := range lists {
		out[i] = slices.Clone(l)
	}
	return out
}
