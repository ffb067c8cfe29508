// Package reader reads the files of strangers in a process of its own: the studio starts this program anew with [Verb], gives it a [Task], and
// kills it when it takes too long. What such a process may use is bounded before it looks at the first byte: memory, size of the files it
// writes, and, where the kernel has Landlock, the folders it can see. A parser that hangs, eats memory, or is led to another file by a
// header thus harms itself only.
//
// The tasks are to prepare a recording for its page ([Prepare]), to give out its samples ([Frames]), to look at files that have arrived
// ([Arrive]), and to play a signal through a decoder ([Live]). Both sides speak in [Message]s.
//
// What may enter: the tasks, their limits and messages. What must not: pages, and who may ask for what (package recordings).
package reader
