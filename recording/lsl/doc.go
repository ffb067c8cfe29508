// Package lsl speaks the Lab Streaming Layer: it finds the streams that programs offer on a network, reads them, and offers
// streams to others.
//
// A stream is described by an [Info]. A [Network] finds the infos that fit a query; [Open] connects an [Inlet] to one, which
// gives out its samples in chunks, finds the stream again when it vanishes and returns, and measures the difference of the
// clocks; [NewOutlet] offers a stream of one's own. The wire formats are those of liblsl, the reference implementation: protocol 1.10, and
// 1.00 (archive.go) with programs that speak nothing later. Streams are found and read over IPv4 and IPv6.
//
// What may enter: the protocol and nothing else. What is done with samples (filters, decoders, decisions) is package live.
//
// It is tested against bytes that liblsl 1.16 to 1.18 sent, and against liblsl itself in both directions where GYRUS_PYLSL names a Python with
// pylsl: all formats by both protocols, over IPv6, and, where GYRUS_MULTICAST is set, through the groups of link and site. Not tested: a library
// from before 2013, a machine that is big endian itself, groups across routers.
//
// Source: Kothe et al., The Lab Streaming Layer for synchronized multimodal recording, 2024; the protocol as liblsl 1.16 speaks it.
package lsl
