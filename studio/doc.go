// Package studio is the web side of Gyrus: pages that show papers, run them, watch them, and lay their results side by side.
//
// A [Server] is the frame: who may do what, what a page looks like, how a request is checked before a handler sees it. Pages come from
// a [Section], which has a name, links for the head of every page, routes, and files to serve:
//
//	s, err := studio.New(studio.Config{Home: home, DataFolders: folders})
//	err = s.Add(recordings.New(s))
//	err = s.ListenAndServe(ctx)
//
// A handler returns an error instead of writing one; a [Problem] says with which status and words. Pages are html/template files below
// one layout ([Server.Templates], [Server.Render]); every form holds {{.CSRF}}. Pages work without JavaScript, except where
// something is live. JavaScript and style sheets are files: the policy of the pages ("default-src 'self'") runs nothing that stands
// in a page.
//
// # Who may do what
//
//   - Listening on a loopback address without a token, the server has one user, who may do everything.
//   - With a token, a browser shows it once and may then do everything. Nothing is shown without it, unless Config.Public is set.
//   - With Config.Public, or beyond loopback with TLS and no token, everybody may read, and readers may sign in where a section lets
//     them; what changes or costs something ([Operator] routes: runs, uploads) needs the token, and cannot be done where there is none.
//
// Beyond loopback a server without a token and without TLS refuses to start.
//
// # What a request passes
//
// The Host header must name the server (against DNS rebinding); the rate of an address is bounded; the body has a limit; a request
// that changes something must come from a page of this server (Origin and Sec-Fetch-Site) and bear the session's CSRF token; a panic
// becomes a page. Files are opened below a folder with [os.Root], so that no path and no link leads out of it.
//
// What may enter: what every page needs, and the pages of papers, runs and comparisons. What must not: recordings and live decoding
// (studio/recordings), the feed and its readers (studio/room), how a run is carried out (package runner).
package studio
