// Package gitsync keeps what a path of a Git repository renders to applied.
//
//	Git -> looker -> observe -> plan (gitsync/changeset) -> execute -> status
//	            cluster -> watches -^
//
// A reconcile is level-based: it observes what was last rendered, what the inventory says was applied, and what the
// watches show of it, has package changeset decide, carries that out, and writes the status if it differs. It never
// waits: fetching and rendering happen in the looker, whose answers bring the GitSync back, as do changes that the
// watches see. With nothing changed it makes no request to the API server; the poll asks the Git server alone.
//
// What a GitSync reads, watches, applies and prunes goes through its service account. The controller itself writes
// only the GitSync's status and its inventory. What is in memory can be lost at any time: the inventory is stored
// before the first object is created.
package gitsync
