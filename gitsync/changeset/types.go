package changeset

import "strings"

// ID names an object, whatever its version.
type ID struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String returns kind.group/namespace/name, as people are shown.
func (id ID) String() string {
	kind := id.Kind
	if id.Group != "" {
		kind += "." + id.Group
	}
	if id.Namespace == "" {
		return kind + "/" + id.Name
	}
	return kind + "/" + id.Namespace + "/" + id.Name
}

// Compare orders identities, for lists that are the same each time.
func Compare(a, b ID) int { return strings.Compare(a.String(), b.String()) }

// Desired is an object that Git holds.
type Desired struct {
	ID ID
	// Hash is the digest of what Git says of it.
	Hash string
}

// Entry is what the inventory knows of an object.
type Entry struct {
	ID
	// Version of the API under which it was applied.
	Version string `json:"version"`
	// UID of the object; empty from the moment on at which it is about to be created until that is done.
	UID string `json:"uid,omitempty"`
	// Hash is the digest of what was applied last; empty if nothing was yet.
	Hash string `json:"hash,omitempty"`
	// Key is the digest of what was live after that.
	Key string `json:"key,omitempty"`
	// Commit is the one at which this Hash first appeared.
	Commit string `json:"commit,omitempty"`
}

// Live is what was seen of an object in the cluster.
type Live struct {
	// Exists is false if it was looked for and is not there.
	Exists bool
	UID    string
	// Key is the digest of what matters of it, as in Entry.
	Key string
	// Owner is the value of the label that names the GitSync.
	Owner string
	// Protected says that an annotation keeps it from being pruned.
	Protected bool
	// Terminating says that it is being deleted.
	Terminating bool
}
