// Package fetch keeps bare clones of Git repositories and hands out what a revision of them holds.
//
// One clone on disk serves everybody who asks for the same address with the same credentials. A question is answered
// by one listing of the remote's references, shared by all who ask within the age that they accept; a pack is fetched
// only if the commit is not there yet. There is never a work tree: a Snapshot reads trees and blobs.
//
// What a server sends is bounded in size and time. The transports are https, and http where no credentials are given;
// credentials are never taken along to another host.
package fetch
