// Package coupling has networks of units that pull one another together, dw_i/dt = Σ_j a_ij (w_j - w_i), and the spectra that say how strongly.
//
//	ring, err := coupling.Ring(16, 0.5)
//	l := ring.Spectrum()      // eigenvalues of the Laplacian; l[1] is how fast differences die away at least
//
// What may enter: graphs with symmetric weights and what follows from their Laplacians. What must not: what the units do by themselves.
package coupling
