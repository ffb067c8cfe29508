// Package feed keeps the papers of the reading room: what was imported, from where, in which versions, and how much is going on around
// each of them.
//
// A [Store] is one SQLite database (write-ahead log, foreign keys). [Store.Import] takes papers from any source and is idempotent: papers
// with the same arXiv ID, DOI or normalised title become one, and a text that is replaced is kept as an earlier version. [Store.List],
// [Store.Archive] and [Store.Trending] are the views readers get; [Store.Changes] is how an index follows. The packages below this one
// (search, readers, digest) keep their tables in the same database with [Store.Migrate] and write with [Store.Update].
//
// A paper that leaves, because it was removed or turned out to be another one, leaves its row behind, so that tables that refer to
// papers(id) stay whole. A table whose rows should follow a paper into the one it is merged with says so with a trigger:
//
//	CREATE TRIGGER comments_follow AFTER UPDATE OF merged_into ON papers WHEN NEW.merged_into IS NOT NULL BEGIN
//		UPDATE comments SET paper = NEW.merged_into WHERE paper = NEW.id; END
//
// What may enter: papers, and events around papers. What must not: how papers are fetched and parsed (package feed/source), who reads
// them (feed/readers), how they are found (feed/search), or the network.
package feed
