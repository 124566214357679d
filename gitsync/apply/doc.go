// Package apply brings objects into a cluster, as a service account.
//
// Prepare makes what Git renders to ready: namespaces, the label that names the GitSync, a digest of each object.
// Cluster writes one object at a time by server-side apply, with the resourceVersion of what it has just read, and
// deletes only the very object that it is told to, by UID. Fields that kubectl applied client-side are taken over
// first, so that what leaves Git leaves the cluster.
package apply
