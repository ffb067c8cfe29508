// Package nn has the layers and loss terms that several papers need and GoMLX lacks, or has with other conventions.
//
// A layer is a struct whose fields are its options, with zero values that mean PyTorch's defaults, and an Apply method that builds
// its graph; its variables live in the scope of the context it is given. Conventions, equations and initial values are those of
// PyTorch, against which the layers are tested, because that is what the papers were written in. Sequences are [batch, time, feature],
// those of Core and BandedAttention [time, batch, feature];
// signals that are convolved are [batch, channel, time].
//
// What may enter: a layer, cell or loss that a second paper needs. What must not: anything only one paper has, and loops
// over epochs (package fit).
package nn
