package htm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// small is a network in which every rule comes into play within a few hundred steps.
func small() Config {
	return Config{
		Columns: 60, CellsPerColumn: 4, ActivationThreshold: 4, MinThreshold: 3, MaxNewSynapses: 6,
		InitialPermanence: 0.21, ConnectedPermanence: 0.5, PermanenceInc: 0.1, PermanenceDec: 0.1, PredictedSegmentDec: 0.02,
		MaxSynapsesPerSegment: 20, MaxSegmentsPerCell: 20,
	}
}

// codesFor draws codes of w of n columns.
func codesFor(rng *rand.Rand, symbols, n, w int) [][]int {
	codes := make([][]int, symbols)
	for i := range codes {
		codes[i] = rng.Perm(n)[:w]
		slices.Sort(codes[i])
	}
	return codes
}

// randomStream mixes two fixed sequences with noise, so that all of bursting, prediction and punishment occur.
func randomStream(rng *rand.Rand, n, symbols int) []int {
	words := [][]int{{0, 1, 2, 3}, {4, 1, 2, 5}, {3, 2, 2, 0}}
	var s []int
	for len(s) < n {
		s = append(s, words[rng.IntN(len(words))]...)
		if rng.IntN(2) == 0 {
			s = append(s, rng.IntN(symbols))
		}
	}
	return s[:n]
}

// permanences returns, per cell, the synapses of each segment, oldest first.
func (m *Memory) permanences() map[int][]map[int]float32 {
	all := map[int][]map[int]float32{}
	for cell, id := range m.first {
		for ; id != noSegment; id = m.segs[id].next {
			s := &m.segs[id]
			synapses := map[int]float32{}
			for _, syn := range m.synapses[s.start : s.start+uint32(s.size)] {
				synapses[int(syn.from)] = syn.permanence
			}
			all[cell] = append(all[cell], synapses)
		}
	}
	return all
}

func ascending(set map[int]bool) []uint32 {
	var cells []uint32
	for c := range set {
		cells = append(cells, uint32(c))
	}
	slices.Sort(cells)
	return cells
}

// TestMemoryAgreesWithLiteral compares every step with the literal implementation: active and winner cells, predicted columns,
// segments and their permanences, exactly.
func TestMemoryAgreesWithLiteral(t *testing.T) {
	variants := map[string]func(*Config){
		"as is":            func(*Config) {},
		"one cell":         func(c *Config) { c.CellsPerColumn = 1 },
		"crowded segments": func(c *Config) { c.MaxSynapsesPerSegment = 7; c.PermanenceDec = 0.01 },
		"crowded cells":    func(c *Config) { c.MaxSegmentsPerCell = 2; c.Columns = 24 },
		"harsh":            func(c *Config) { c.PredictedSegmentDec = 0.2 },
		"no punishment":    func(c *Config) { c.PredictedSegmentDec = 0 },
		"born connected":   func(c *Config) { c.InitialPermanence = 0.6 },
		"fragile":          func(c *Config) { c.InitialPermanence = 0.05; c.PermanenceInc = 0.3 },
	}
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		t.Run(name, func(t *testing.T) {
			cfg := small()
			variants[name](&cfg)
			for seed := uint64(1); seed <= 3; seed++ {
				rng := rand.New(rand.NewPCG(seed, 1))
				codes := codesFor(rng, 12, cfg.Columns, 8)
				m, err := NewMemory(cfg, seed)
				if err != nil {
					t.Fatal(err)
				}
				l := newLiteral(cfg, seed)
				bursts, predictions := 0, 0
				for step, symbol := range randomStream(rng, 400, len(codes)) {
					learn := step%50 < 45
					if err := m.Step(codes[symbol], learn); err != nil {
						t.Fatal(err)
					}
					l.Step(codes[symbol], learn)
					where := fmt.Sprintf("seed %d, step %d", seed, step)
					if want := ascending(l.active); !slices.Equal(m.active, want) {
						t.Fatalf("%s: active cells\n%v, literally\n%v", where, m.active, want)
					}
					if want := ascending(l.winners); !slices.Equal(m.winners, want) {
						t.Fatalf("%s: winner cells\n%v, literally\n%v", where, m.winners, want)
					}
					for c := range cfg.Columns {
						if m.Predicts(c) != l.predicts(c) {
							t.Fatalf("%s: column %d predicted %v, literally %v", where, c, m.Predicts(c), l.predicts(c))
						}
					}
					compareSegments(t, where, m, l)
					if len(m.active) == 8*cfg.CellsPerColumn {
						bursts++
					}
					predictions += m.PredictedColumns()
				}
				if cfg.CellsPerColumn > 1 && bursts == 0 || predictions == 0 || m.Segments() == 0 {
					t.Errorf("seed %d: %d bursts, %d predictions, %d segments: the stream tests nothing", seed, bursts, predictions, m.Segments())
				}
			}
		})
	}
}

func compareSegments(t *testing.T, where string, m *Memory, l *literal) {
	t.Helper()
	got := m.permanences()
	for cell := range len(m.first) {
		if len(got[cell]) != len(l.segments[cell]) {
			t.Fatalf("%s: cell %d has %d segments, literally %d", where, cell, len(got[cell]), len(l.segments[cell]))
		}
		for i, s := range l.segments[cell] {
			if !maps.Equal(got[cell][i], s.synapses) {
				t.Fatalf("%s: cell %d segment %d: synapses\n%v, literally\n%v", where, cell, i, got[cell][i], s.synapses)
			}
		}
	}
}

// TestMemoryInvariants checks on random streams what must hold whatever happens: bounds, caps, and that the lists of
// outgoing synapses mirror the segments.
func TestMemoryInvariants(t *testing.T) {
	cfg := small()
	cfg.MaxSynapsesPerSegment, cfg.MaxSegmentsPerCell = 9, 3
	for seed := uint64(1); seed <= 5; seed++ {
		rng := rand.New(rand.NewPCG(seed, 2))
		codes := codesFor(rng, 12, cfg.Columns, 8)
		m, err := NewMemory(cfg, seed)
		if err != nil {
			t.Fatal(err)
		}
		for step, symbol := range randomStream(rng, 600, len(codes)) {
			if err := m.Step(codes[symbol], true); err != nil {
				t.Fatal(err)
			}
			if step == 300 {
				if err := m.Kill([]int{0, 5, 17, 100}); err != nil {
					t.Fatal(err)
				}
			}
			if step%20 == 0 || step == 300 {
				checkInvariants(t, m)
			}
		}
		for _, c := range []int{0, 5, 17, 100} {
			if m.first[c] != noSegment || slices.Contains(m.active, uint32(c)) || slices.Contains(m.winners, uint32(c)) {
				t.Errorf("seed %d: dead cell %d lives on", seed, c)
			}
		}
		if m.Dead() != 4 {
			t.Errorf("seed %d: %d dead cells, killed 4", seed, m.Dead())
		}
	}
}

func checkInvariants(t *testing.T, m *Memory) {
	t.Helper()
	segments, synapses := 0, 0
	for cell, id := range m.first {
		n := 0
		for ; id != noSegment; id = m.segs[id].next {
			s := &m.segs[id]
			n++
			if int(s.cell) != cell || s.size == 0 || int(s.size) > m.cfg.MaxSynapsesPerSegment || int(s.size) > int(s.blocks)*blockSize {
				t.Fatalf("segment %d of cell %d: owner %d, %d synapses in %d blocks", id, cell, s.cell, s.size, s.blocks)
			}
			seen := map[uint32]bool{}
			for i := s.start; i < s.start+uint32(s.size); i++ {
				syn := m.synapses[i]
				if !(syn.permanence >= deadPermanence && syn.permanence <= 1) || seen[syn.from] {
					t.Fatalf("segment %d: synapse from %d at permanence %v, second: %v", id, syn.from, syn.permanence, seen[syn.from])
				}
				seen[syn.from] = true
				entry := m.outgoing[syn.from][m.place[i]]
				if entry>>1 != id || (entry&1 == 1) != (syn.permanence >= m.connected) {
					t.Fatalf("segment %d: listed under cell %d as segment %d, connected %d, at permanence %v",
						id, syn.from, entry>>1, entry&1, syn.permanence)
				}
			}
			synapses += int(s.size)
		}
		if n != int(m.segments[cell]) || n > m.cfg.MaxSegmentsPerCell {
			t.Fatalf("cell %d has %d segments, counted %d, limit %d", cell, n, m.segments[cell], m.cfg.MaxSegmentsPerCell)
		}
		segments += n
	}
	listed := 0
	for _, list := range m.outgoing {
		listed += len(list)
	}
	if segments != m.Segments() || synapses != m.Synapses() || listed != synapses {
		t.Fatalf("%d segments and %d synapses, counted %d and %d, listed %d", segments, synapses, m.Segments(), m.Synapses(), listed)
	}
}

func TestMemoryIsDeterministic(t *testing.T) {
	run := func(cloneAt int) *Memory {
		rng := rand.New(rand.NewPCG(4, 4))
		codes := codesFor(rng, 12, 60, 8)
		m, err := NewMemory(small(), 9)
		if err != nil {
			t.Fatal(err)
		}
		for step, symbol := range randomStream(rng, 500, len(codes)) {
			if step == cloneAt {
				original := m
				m = m.Clone()
				for range 5 { // what happens to the original must not reach the clone
					if err := original.Step(codes[rand.IntN(12)], true); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := m.Step(codes[symbol], true); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	want := run(-1).permanences()
	for _, cloneAt := range []int{-1, 250} {
		got := run(cloneAt).permanences()
		if !maps.EqualFunc(got, want, func(a, b []map[int]float32) bool {
			return slices.EqualFunc(a, b, maps.Equal[map[int]float32, map[int]float32])
		}) {
			t.Errorf("cloned at %d: a second run ended with other synapses", cloneAt)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	if err := Discrete().Check(41); err != nil {
		t.Error(err)
	}
	if err := Continuous().Check(40); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		change func(*Config)
		active int
		want   string
	}{
		{func(c *Config) { c.MinThreshold = 16 }, 41, "minimum threshold 16 exceeds activation threshold 15"},
		{func(c *Config) { c.MinThreshold = 0 }, 41, "minimum threshold is 0"},
		{func(c *Config) {}, 14, "activation threshold 15 exceeds the 14 active columns"},
		{func(c *Config) { c.MaxNewSynapses = 14 }, 41, "exceeds the 14 synapses a segment can grow"},
		{func(c *Config) { c.InitialPermanence = 1.5 }, 41, "initial permanence is 1.5, outside [0,1]"},
		{func(c *Config) { c.PermanenceDec = -0.1 }, 41, "permanence decrement is -0.1"},
		{func(c *Config) { c.Columns = 40 }, 41, "41 active columns do not fit 40 columns"},
		{func(c *Config) { c.CellsPerColumn = 0 }, 41, "2048 columns of 0 cells"},
		{func(c *Config) { c.Columns = 1 << 40 }, 41, "product at most"},
		{func(c *Config) { c.MaxSynapsesPerSegment = 256 }, 41, "256 synapses per segment"},
		{func(c *Config) { c.MaxSegmentsPerCell = 0 }, 41, "0 segments per cell"},
	} {
		cfg := Discrete()
		tc.change(&cfg)
		if err := cfg.Check(tc.active); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want an error with %q", err, tc.want)
		}
	}
}

func TestStepRejectsBadColumns(t *testing.T) {
	m, err := NewMemory(small(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]int{{-1}, {60}, {3, 3}, {5, 4}} {
		if err := m.Step(columns, true); err == nil || !strings.Contains(err.Error(), "must ascend") {
			t.Errorf("columns %v: got %v", columns, err)
		}
	}
	if err := m.Kill([]int{240}); err == nil {
		t.Error("killed a cell that is not there")
	}
}

// TestReset checks that a reset memory neither predicts nor learns across the reset, and that flags must match the stream.
func TestReset(t *testing.T) {
	cfg := small()
	codes := codesFor(rand.New(rand.NewPCG(1, 1)), 2, cfg.Columns, 8)
	for _, reset := range []bool{false, true} {
		m, err := NewMemory(cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 40 {
			if reset {
				m.Reset()
			}
			if err := m.Step(codes[step%2], true); err != nil {
				t.Fatal(err)
			}
		}
		if learned := m.Segments() > 0 && m.PredictedColumns() > 0; learned == reset {
			t.Errorf("reset before every element: %v, yet %d segments and %d predicted columns", reset, m.Segments(), m.PredictedColumns())
		}
		checkInvariants(t, m)
	}
	h, err := newSymbolHTM(cfg, 8, 10, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.resetAt(make([]bool, 9), 10); err == nil || !strings.Contains(err.Error(), "9 reset flags for a stream of 10 elements") {
		t.Errorf("got %v", err)
	}
}
