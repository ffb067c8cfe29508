// Package specparam parts a power spectrum into an aperiodic background and peaks (Donoghue et al., Nature Neuroscience 23, 2020), with the
// steps and defaults of the method's reference implementation, FOOOF / specparam.
//
//	model, err := specparam.Settings{From: 1, To: 40}.Fit(psd.Frequencies, psd.Power.RawRowView(0))
//	fmt.Println(model.Exponent, model.Peaks)
//
// In the logarithm (base 10) of power, the background is Offset - log(Knee + f^Exponent) and a peak is a Gaussian on top of it.
//
// What may enter: models of the shape of a spectrum. What must not: estimating it (package spectrum).
package specparam
