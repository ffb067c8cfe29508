// Package readers keeps what people do in the reading room: who they are, what they upvote, say, follow, claim and set aside.
//
// A [Store] keeps its tables in the database of a [feed.Store]. Nobody has a password: [Store.AskSignIn] mails a link that can be used
// once within a short time, and [Store.SignIn] turns it into a session. Of links and sessions the database holds digests only, so that who
// reads the database, or a backup of it, cannot act for a reader. On a machine of one user, [Store.Local] is that user, who needs no
// sign-in and may do everything.
//
// Comments are Markdown ([Render]); what it may become is a short list of elements, whatever was written. A [List] of papers leaves as
// BibTeX, JSON, RSS or Atom. A reader can take everything along ([Store.Export]) and leave ([Store.Delete]).
//
// An [Address] hides itself from logs and error messages. No error of this package holds one, nor a link or a session.
//
// What may enter: what readers own, and what moderators decide about it. What must not: web pages (studio/room), mail (feed/digest), or
// how papers are found (feed/search).
package readers
