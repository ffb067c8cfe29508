// Package room is the reading room: the pages on which people find papers, read about them, talk about them, and have new ones sent.
//
// It is a [studio.Section]. The front page shows what is new and what trends; the archive goes by days and months; the search answers while
// one types; each paper has a page with its abstract, its versions, papers like it and a discussion. A reader has a desk with a reading list,
// what they follow, and their account. Whoever reaches a server of one user is that reader; elsewhere one signs in by a link in a letter.
//
//	store, err := feed.Open(ctx, path)
//	reading, err := room.Open(ctx, server, store, room.Options{Mail: settings})
//	err = server.Add(reading)
//
// All pages work without JavaScript; with it, votes do not reload the page and the search answers at once. What a reader wrote comes out only
// as what [readers.Render] made of it, everything else through html/template.
//
// What may enter: pages, and how they look. What must not: what is kept of papers (feed), of readers (feed/readers) and of mail
// (feed/digest), how papers are found (feed/search), and who may do what (the frame, package studio).
package room
