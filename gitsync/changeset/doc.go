// Package changeset decides what a GitSync writes and deletes. It is pure: objects come in as identities, digests and
// what was seen of them in the cluster, and ordered lists go out.
//
// Writes says what must be applied or compared, in stages. Prunes says what may be deleted, and is built so that no
// accident deletes anything: every guard of it has a test that fails without it.
package changeset
