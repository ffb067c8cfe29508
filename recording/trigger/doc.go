// Package trigger finds events in the values of trigger channels, the way mne.find_events does by default: an event is where a
// value rises, also from one that is not zero; the value a recording begins with is none. It is for format readers.
package trigger
