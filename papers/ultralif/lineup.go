package ultralif

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/papers"
	"github.com/gyrus-dev/gyrus/report"
)

// The systems.
const (
	ultraLIF   = "UltraLIF"
	ultraPLIF  = "UltraPLIF"
	ultraDLIF  = "UltraDLIF"
	ultraDPLIF = "UltraDPLIF"
	hardLIF    = "LIF, hard spikes"
	softLIF    = "LIF, soft spikes"
	plif       = "PLIF"
	adaLIF     = "AdaLIF"
	fullPLIF   = "FullPLIF"
	dspike     = "DSpike"
	dspikePlus = "DSpike+"
	sigmaLIF   = "SigmaLIF"
	apart      = "UltraDLIF, spike slope apart"
	sigmoids   = "sigmoid units"
	mildDLIF   = "UltraDLIF, λ = 0.01"
	sparseDLIF = "UltraDLIF, λ = 0.1"
	mildLIF    = "UltraLIF, λ = 0.01"
	sparseLIF  = "UltraLIF, λ = 0.1"
	deepDLIF   = "UltraDLIF, 3 layers"
	deepHard   = "LIF, hard spikes, 3 layers"
	sharpDLIF  = "UltraDLIF, ε = 0.1"
	bluntDLIF  = "UltraDLIF, ε = 2"
	sharpLIF   = "UltraLIF, ε = 0.1"
	bluntLIF   = "UltraLIF, ε = 2"
	chance     = "UltraDLIF, shuffled labels"
)

var (
	ultras = []string{ultraLIF, ultraPLIF, ultraDLIF, ultraDPLIF}
	// timed are the neurons that are run at both numbers of steps.
	timed = append(slices.Clone(ultras), hardLIF, softLIF, plif, adaLIF, fullPLIF, dspike, dspikePlus, sigmaLIF, apart)
	// pinned are those whose temperature is not learned.
	pinned = []string{sharpDLIF, bluntDLIF, sharpLIF, bluntLIF}
	// priced are those of which the loss counts the activation at some price, or at none.
	priced = []string{ultraLIF, mildLIF, sparseLIF, ultraDLIF, mildDLIF, sparseDLIF}
	// single are what is run at one step only.
	single = []string{sigmoids, mildDLIF, sparseDLIF, mildLIF, sparseLIF, deepDLIF, deepHard, chance}
)

var systems = []report.System{
	{Name: ultraLIF, Role: report.Subject, Says: "temporal: U = LSE(V + log 0.9, I)"},
	{Name: ultraPLIF, Role: report.Subject, Says: "temporal, learned leak"},
	{Name: ultraDLIF, Role: report.Subject, Says: "spatial: U = LSE(V of three neighbours) + I"},
	{Name: ultraDPLIF, Role: report.Subject, Says: "spatial, learned leak"},
	{Name: hardLIF, Role: report.Baseline, Says: "true Heaviside spikes, logistic derivative (slope 10) in the backward pass"},
	{Name: softLIF, Role: report.Baseline, Says: "what the published code trains as LIF: spikes σ(10·(v - 0.5)) forwards as well"},
	{Name: plif, Role: report.Baseline, Says: "soft spikes, learned leak"},
	{Name: adaLIF, Role: report.Baseline, Says: "soft spikes, threshold that rises with activity"},
	{Name: fullPLIF, Role: report.Baseline, Says: "soft spikes, learned leak and threshold"},
	{Name: dspike, Role: report.Baseline, Says: "tanh spikes of learned slope"},
	{Name: dspikePlus, Role: report.Baseline, Says: "the same, learned leak"},
	{Name: sigmoids, Role: report.Baseline, Says: "no dynamics: σ((I - θ)/ε) with learned ε, at T = 1"},
	{Name: sigmaLIF, Role: report.Ablation, Says: "linear membrane, spikes σ(v/ε) with learned ε"},
	{Name: apart, Role: report.Ablation, Says: "spikes σ(β·U) with a learned β of their own"},
	{Name: mildDLIF, Role: report.Ablation, Says: "mean activation in the loss, at T = 1"},
	{Name: sparseDLIF, Role: report.Ablation, Says: "mean activation in the loss, at T = 1"},
	{Name: mildLIF, Role: report.Ablation, Says: "mean activation in the loss, at T = 1"},
	{Name: sparseLIF, Role: report.Ablation, Says: "mean activation in the loss, at T = 1"},
	{Name: deepDLIF, Role: report.Ablation, Says: "at T = 1"},
	{Name: deepHard, Role: report.Baseline, Says: "at T = 1"},
	{Name: sharpDLIF, Role: report.Ablation, Says: "pinned, gradient clipped to norm 1"},
	{Name: bluntDLIF, Role: report.Ablation, Says: "pinned, gradient clipped to norm 1"},
	{Name: sharpLIF, Role: report.Ablation, Says: "pinned, gradient clipped to norm 1"},
	{Name: bluntLIF, Role: report.Ablation, Says: "pinned, gradient clipped to norm 1"},
	{Name: chance, Role: report.Ablation, Says: fmt.Sprintf("trained on labels in random order, at T = 1; mean over %d orders", shufflings)},
}

// base is what the Ultra units of an experiment have in common.
func base(form string, epsilon, tau float64) Ultra {
	return Ultra{Repository: form == "code", Epsilon: epsilon, Tau: tau}
}

// modelOf makes a system's network from what all Ultra units have in common.
func modelOf(name string, u Ultra) model {
	spatial, pinned := u, u
	spatial.Spatial = true
	pinned.Pinned = true
	m := model{name: name}
	switch name {
	case ultraLIF:
		m.neuron = u
	case ultraPLIF:
		u.LearnLeak = true
		m.neuron = u
	case ultraDLIF:
		m.neuron = spatial
	case ultraDPLIF:
		if u.Tau == fixedTau {
			spatial.Tau = 0 // σ(0.9) unless the user says otherwise
		}
		spatial.LearnLeak = true
		m.neuron = spatial
	case hardLIF:
		m.neuron = heaviside{}
	case softLIF:
		m.neuron = linear{}
	case plif:
		m.neuron = linear{learnLeak: true}
	case adaLIF:
		m.neuron = linear{adapt: true}
	case fullPLIF:
		m.neuron = linear{learnLeak: true, learnThreshold: true}
	case dspike:
		m.neuron = linear{pulse: bounded}
	case dspikePlus:
		m.neuron = linear{pulse: bounded, learnLeak: true}
	case sigmaLIF:
		m.neuron = linear{pulse: tempered}
	case sigmoids:
		m.neuron = linear{pulse: static}
	case apart:
		spatial.Disentangled = true
		m.neuron = spatial
	case mildDLIF, sparseDLIF:
		m.neuron, m.lambda = spatial, map[string]float64{mildDLIF: .01, sparseDLIF: .1}[name]
	case mildLIF, sparseLIF:
		m.neuron, m.lambda = u, map[string]float64{mildLIF: .01, sparseLIF: .1}[name]
	case deepDLIF:
		m.neuron, m.layers = spatial, 3
	case deepHard:
		m.neuron, m.layers = heaviside{}, 3
	case sharpDLIF, bluntDLIF:
		pinned.Spatial = true
		fallthrough
	case sharpLIF, bluntLIF:
		pinned.Epsilon = leastEpsilon
		if name == bluntDLIF || name == bluntLIF {
			pinned.Epsilon = 2
		}
		m.neuron, m.clip = pinned, true
	case chance:
		m.neuron, m.shuffled = spatial, 1
	default:
		panic("ultralif: no system " + name)
	}
	return m
}

// shuffledName is the name of the network that is trained on an order of the labels, from 1.
func shuffledName(order int) string {
	if order == 1 {
		return chance
	}
	return fmt.Sprintf("%s, order %d", chance, order)
}

// lineup makes the networks of systems among those that the user chose: all, or a list such as UltraLIF;LIF, hard spikes.
func lineup(names []string, chosen string, u Ultra) ([]model, error) {
	if err := u.check(); err != nil {
		return nil, papers.Refuse(err)
	}
	var wanted []string
	if chosen != "all" {
		for _, name := range strings.Split(chosen, ";") {
			name = strings.TrimSpace(name)
			if !slices.ContainsFunc(systems, func(s report.System) bool { return s.Name == name }) {
				return nil, papers.Refuse(fmt.Errorf("there is no neuron %q: give all, or names of systems separated by semicolons", name))
			}
			wanted = append(wanted, name)
		}
	}
	var models []model
	for _, name := range names {
		if chosen != "all" && !slices.Contains(wanted, name) {
			continue
		}
		m := modelOf(name, u)
		models = append(models, m)
		for m.shuffled > 0 && m.shuffled < shufflings {
			m.shuffled++
			m.name = shuffledName(m.shuffled)
			models = append(models, m)
		}
	}
	return models, nil
}
