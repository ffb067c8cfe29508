// Package live runs a trained decoder on a signal while it comes in: from the amplifier to a decision.
//
// A [Source] gives frames as they arrive: a Lab Streaming Layer stream ([LSL]), a recording played at its own or another speed
// ([Replay]), OSC messages ([OSC]), or numbers over TCP ([TCP]). [Run] filters them causally, keeps the last of them in a ring, cuts
// windows around events or at a fixed step, asks the decoder, and hands its decisions to the sinks: a terminal ([Text]), another LSL
// stream ([Outlet]), browsers ([WebSocket]). What it gives on a stream is what gyrus apply gives on the same samples in a file.
//
// What goes wrong on the way is counted in a [Report] and treated thus:
//   - a stream that vanishes is looked for until it is back; time goes on, and the frames that are missing are a gap;
//   - a gap, found by the time stamps, puts filters back to rest, and no window reaches over it: those are the rules by which
//     trials are cut from a recording with gaps;
//   - a jump of the clock begins the signal anew, and forgets events that wait for frames;
//   - a signal in another unit than the training's is converted; if a unit is not known, a signal whose first windows are more than 300 times
//     larger or smaller than the training's is refused, and where it is known, such windows are counted and spoken of;
//   - a value that is not finite puts its channel's filter back to rest, and windows that hold it are left out;
//   - when decisions take longer than the signal, the oldest frames that wait are dropped, which is a gap; sinks that do not keep up lose
//     the oldest decisions. Every queue has a bound.
//
// What may enter: the loop, its sources and sinks. What must not: formats and protocols (package recording), filters (package signal), models.
package live
