package htm

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// literal is the temporal memory of the paper written out slowly, with maps and sets and no index, as an independent check of
// [Memory]. It shares nothing with Memory but the order in which random numbers are drawn: columns ascending, segments by cell and age,
// candidates ascending.
type literal struct {
	cfg      Config
	rng      *rand.Rand
	segments map[int][]*literalSegment // by cell, oldest first
	active   map[int]bool
	winners  map[int]bool
	nPot     map[*literalSegment]int
	nConn    map[*literalSegment]int
	step     int
}

type literalSegment struct {
	cell     int
	synapses map[int]float32
	lastUsed int
}

func newLiteral(cfg Config, seed uint64) *literal {
	return &literal{
		cfg: cfg, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), segments: map[int][]*literalSegment{},
		active: map[int]bool{}, winners: map[int]bool{}, nPot: map[*literalSegment]int{}, nConn: map[*literalSegment]int{},
	}
}

func (l *literal) Step(columns []int, learn bool) {
	l.step++
	nextActive, nextWinners := map[int]bool{}, map[int]bool{}
	inColumns := map[int]bool{}
	for _, c := range columns { // step 1
		inColumns[c] = true
		predicted := false
		var best *literalSegment
		for cell := c * l.cfg.CellsPerColumn; cell < (c+1)*l.cfg.CellsPerColumn; cell++ {
			for _, s := range slices.Clone(l.segments[cell]) {
				if l.nConn[s] >= l.cfg.ActivationThreshold {
					predicted = true
					nextActive[cell], nextWinners[cell] = true, true
					if learn {
						l.adapt(s)
					}
				}
				if l.nPot[s] >= l.cfg.MinThreshold && (best == nil || l.nPot[s] > l.nPot[best]) {
					best = s
				}
			}
		}
		if predicted {
			continue
		}
		fewest := -1
		var candidates []int
		for cell := c * l.cfg.CellsPerColumn; cell < (c+1)*l.cfg.CellsPerColumn; cell++ {
			nextActive[cell] = true
			if n := len(l.segments[cell]); fewest < 0 || n < fewest {
				fewest, candidates = n, nil
			}
			if len(l.segments[cell]) == fewest {
				candidates = append(candidates, cell)
			}
		}
		if best != nil {
			nextWinners[best.cell] = true
			if learn {
				l.adapt(best)
			}
			continue
		}
		cell := candidates[l.rng.IntN(len(candidates))]
		nextWinners[cell] = true
		if learn && len(l.winners) > 0 {
			if len(l.segments[cell]) == l.cfg.MaxSegmentsPerCell {
				stalest := slices.MinFunc(l.segments[cell], func(a, b *literalSegment) int { return cmp.Compare(a.lastUsed, b.lastUsed) })
				l.remove(stalest)
			}
			s := &literalSegment{cell: cell, synapses: map[int]float32{}, lastUsed: l.step}
			l.segments[cell] = append(l.segments[cell], s)
			l.grow(s, l.cfg.MaxNewSynapses)
		}
	}
	if learn { // step 2
		for cell, segments := range l.segments {
			if inColumns[cell/l.cfg.CellsPerColumn] {
				continue
			}
			for _, s := range slices.Clone(segments) {
				if l.nPot[s] < l.cfg.MinThreshold {
					continue
				}
				for from := range l.active {
					if p, ok := s.synapses[from]; ok {
						l.set(s, from, p-l.cfg.PredictedSegmentDec)
					}
				}
				l.removeEmpty(s)
			}
		}
	}
	l.active, l.winners = nextActive, nextWinners // step 3
	l.nPot, l.nConn = map[*literalSegment]int{}, map[*literalSegment]int{}
	for _, segments := range l.segments {
		for _, s := range segments {
			for from, p := range s.synapses {
				if l.active[from] {
					l.nPot[s]++
					if p >= l.cfg.ConnectedPermanence-permanenceSlack {
						l.nConn[s]++
					}
				}
			}
			if learn && l.nConn[s] >= l.cfg.ActivationThreshold {
				s.lastUsed = l.step
			}
		}
	}
}

func (l *literal) adapt(s *literalSegment) {
	for from, p := range s.synapses {
		if l.active[from] {
			l.set(s, from, p+l.cfg.PermanenceInc)
		} else {
			l.set(s, from, p-l.cfg.PermanenceDec)
		}
	}
	l.grow(s, l.cfg.MaxNewSynapses-l.nPot[s])
	l.removeEmpty(s)
}

func (l *literal) set(s *literalSegment, from int, p float32) {
	if p < deadPermanence {
		delete(s.synapses, from)
		return
	}
	s.synapses[from] = min(p, 1)
}

func (l *literal) grow(s *literalSegment, n int) {
	var candidates []int
	for cell := range l.winners {
		if _, on := s.synapses[cell]; !on {
			candidates = append(candidates, cell)
		}
	}
	slices.Sort(candidates)
	n = max(0, min(n, len(candidates)))
	for len(s.synapses)+n > l.cfg.MaxSynapsesPerSegment {
		weakest := -1
		for from, p := range s.synapses {
			if l.winners[from] {
				continue
			}
			if weakest < 0 || p < s.synapses[weakest] || p == s.synapses[weakest] && from < weakest {
				weakest = from
			}
		}
		if weakest < 0 {
			n = l.cfg.MaxSynapsesPerSegment - len(s.synapses)
			break
		}
		delete(s.synapses, weakest)
	}
	for k := range n {
		j := k + l.rng.IntN(len(candidates)-k)
		candidates[k], candidates[j] = candidates[j], candidates[k]
		s.synapses[candidates[k]] = l.cfg.InitialPermanence
	}
}

func (l *literal) removeEmpty(s *literalSegment) {
	if len(s.synapses) == 0 {
		l.remove(s)
	}
}

func (l *literal) remove(s *literalSegment) {
	l.segments[s.cell] = slices.DeleteFunc(l.segments[s.cell], func(o *literalSegment) bool { return o == s })
}

func (l *literal) predicts(column int) bool {
	for cell := column * l.cfg.CellsPerColumn; cell < (column+1)*l.cfg.CellsPerColumn; cell++ {
		for _, s := range l.segments[cell] {
			if l.nConn[s] >= l.cfg.ActivationThreshold {
				return true
			}
		}
	}
	return false
}
