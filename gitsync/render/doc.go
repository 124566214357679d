// Package render turns a folder of a commit into Kubernetes objects.
//
// A folder with a kustomization is built by kustomize; one without is taken as plain manifests: every .yaml, .yml and
// .json file in it and in its sub-folders, hidden ones left out, a sub-folder with a kustomization of its own being
// built as one. Files are read from the tree objects of the commit; there is no work tree.
//
// Every path that a build looks at is recorded with what was found there, misses too. A later commit at which all of
// that is the same renders to the same, so nothing is built (Cache).
//
// Manifests are not trusted: a build reads nothing outside of the repository and nothing from the network, runs no
// program, and is bounded in files, bytes, objects and time. An error names the file and the reason; there is no
// partial result.
package render
