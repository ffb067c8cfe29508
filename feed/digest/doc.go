// Package digest writes to people: the digests of new papers they subscribed to, and the letters with which they confirm a subscription or
// sign in.
//
// A [Mailer] keeps its tables in the database of a [feed.Store]. Nobody is written to who did not ask for it twice: [Mailer.Subscribe] sends
// a letter, and [Mailer.Confirm] takes the link in it. [Mailer.Compose] asks a [Finder] for the new papers of each subscription that is due
// and puts a letter into the outbox; [Mailer.Deliver] hands the outbox to an SMTP server, through TLS. [Mailer.Run] does both until it is
// stopped. Every digest can be ended by the link in it, and by the button of the mail program (RFC 8058). Letters hold no picture and nothing
// that tells whether they were read.
//
// # Neither twice nor never
//
// A letter enters the outbox in the transaction that makes it due no more, so composing cannot repeat or lose one. Delivering takes a
// letter through these states, each of them on disk before the next step begins:
//
//	queued   waiting, perhaps for the next try
//	claimed  a process holds it for a while and talks to the server; the server has not been told that the letter is complete
//	sending  directly before the line that completes the letter goes out
//	sent     directly after the server has answered that it took the letter
//
// A crash before "sending" cannot have delivered the letter, since a server drops a letter that was not completed; it is sent again. A crash
// after "sent" does not repeat it. Between the two lies what SMTP leaves open: from the moment the last line goes out until the server's
// answer is on disk nobody but the server knows whether it took the letter. That span is one exchange with the server and one commit. A
// crash, a lost connection or a server that falls silent within it makes the letter "unsure", and it is sent again with the same Message-ID
// and the same bytes, since a sender answers for a letter until it knows that the server took it (RFC 5321, 4.2.5); mail programs and servers
// that know the Message-ID drop the second. [Report.Unsure] and gyrus digest outbox count such letters.
//
// A claim ends by itself, after longer than one exchange can take. A process that was asleep for so long cannot go on with its letter: the
// step to "sending" is refused once another process has claimed it.
//
// What may enter: subscriptions, letters, and how they are sent. What must not: accounts (feed/readers), web pages (studio/room), or how
// papers are found (feed/search, which is a [Finder]).
package digest
