// Package lsl speaks the Lab Streaming Layer: it finds the streams that programs offer on a network, reads them, and offers
// streams to others.
//
// A stream is described by an [Info]. A [Network] finds the infos that fit a query; [Open] connects an [Inlet] to one, which
// gives out its samples in chunks, finds the stream again when it vanishes and returns, and measures the difference of the
// clocks; [NewOutlet] offers a stream of one's own. The wire format is the data protocol 1.10 of liblsl, the reference
// implementation; what only protocol 1.00 offers (Boost's portable archive, for libraries before 2013) is refused.
//
// What may enter: the protocol and nothing else. What is done with samples (filters, decoders, decisions) is package live.
//
// Source: Kothe et al., The Lab Streaming Layer for synchronized multimodal recording, 2024; the protocol as liblsl 1.16 speaks it.
package lsl
