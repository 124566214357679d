// Package live keeps lists of Kubernetes objects up to date by watches and tells when one of them changed. It lists
// once, consistently, and watches from there; lost connections are taken up again by client-go's reflector.
package live
