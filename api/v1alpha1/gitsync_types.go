package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GitSync applies what a path of a Git repository renders to, and keeps it so.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=gs,categories=sluice
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.revision`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.source.repoURL`,priority=10
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.source.path`,priority=10
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type GitSync struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what is wanted.
	// +required
	Spec GitSyncSpec `json:"spec,omitzero"`
	// status is what is observed.
	// +optional
	Status GitSyncStatus `json:"status,omitzero"`
}

// GitSyncList is a list of GitSyncs.
//
// +kubebuilder:object:root=true
type GitSyncList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GitSync `json:"items"`
}

// GitSyncSpec says what is applied, where, and how.
type GitSyncSpec struct {
	// source is where the manifests are.
	// +required
	Source GitSource `json:"source,omitzero"`
	// destination is where objects without a namespace of their own go.
	// +optional
	Destination GitSyncDestination `json:"destination,omitzero"`
	// serviceAccountName is the account, in the GitSync's namespace, as which everything is read, applied, watched and
	// pruned. It is required unless the controller runs with --default-service-account.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// interval between two looks at the repository; absent means 1m, the least is 1s.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="interval must be at least 1s"
	// +optional
	Interval *Duration `json:"interval,omitempty"`
	// syncPolicy says whether a change is applied by itself.
	// +optional
	SyncPolicy *SyncPolicy `json:"syncPolicy,omitempty"`
	// suspend stops all of it; nothing is pruned when a suspended GitSync is deleted.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// GitSource is a path at a revision of a repository.
//
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) || self.repoURL.startsWith('https://')",message="secretRef needs a repoURL that begins with https://: credentials are never sent in the clear"
type GitSource struct {
	// repoURL is the address of the repository: https://, or http:// where no credentials are given.
	// +kubebuilder:validation:Pattern=`^https?://[^/@?#]+/[^?#]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +required
	RepoURL string `json:"repoURL,omitempty"`
	// targetRevision is a branch, a tag or a full commit hash; absent means the repository's default branch.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	TargetRevision string `json:"targetRevision,omitempty"`
	// path of the folder with the manifests or the kustomization, from the root of the repository; absent means the
	// root.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="path must be relative and must not contain .."
	// +optional
	Path string `json:"path,omitempty"`
	// secretRef names a Secret in the same namespace with username and password, or bearerToken, and, optionally,
	// ca.crt. It is read as the service account.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
}

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}

// GitSyncDestination is where objects go.
type GitSyncDestination struct {
	// namespace for objects that name none; absent means the GitSync's own.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// SyncPolicy says whether a change is applied by itself.
type SyncPolicy struct {
	// automated applies each new commit by itself; absent means that a GitSync only reports until somebody asks for a
	// sync.
	// +optional
	Automated *AutomatedSync `json:"automated,omitempty"`
}

// AutomatedSync says what is done without being asked.
type AutomatedSync struct {
	// prune deletes what left Git; absent means false.
	// +optional
	Prune bool `json:"prune,omitempty"`
	// selfHeal undoes changes made past Git; absent means false.
	// +optional
	SelfHeal bool `json:"selfHeal,omitempty"`
	// allowEmpty lets a path that renders to nothing prune everything; absent means false.
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
}

// GitSyncStatus is what is observed of a GitSync.
type GitSyncStatus struct {
	// conditions are Ready, Reconciling and Stalled as kstatus defines them, and Applied and Healthy.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// revision is the last commit that changed what this GitSync renders, and is applied.
	// +optional
	Revision string `json:"revision,omitempty"`
	// appliedDigest is the digest of what was rendered and applied last.
	// +optional
	AppliedDigest string `json:"appliedDigest,omitempty"`
	// lastAttemptedRevision is the last commit whose content was tried, whether it could be applied or not.
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`
	// lastHandledSyncRequest is the value of the annotation sluice.dev/sync-requested-at that was handled last.
	// +optional
	LastHandledSyncRequest string `json:"lastHandledSyncRequest,omitempty"`
	// lastAppliedAt is when a change was applied last.
	// +optional
	LastAppliedAt *metav1.MicroTime `json:"lastAppliedAt,omitempty"`
	// inventory names the ConfigMaps that hold what was applied.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Inventory []LocalObjectReference `json:"inventory,omitempty"`
	// objects counts what is in the inventory.
	// +optional
	Objects int32 `json:"objects,omitempty"`
	// failures are the objects that could not be applied or pruned, the first twenty.
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	// +optional
	Failures []ObjectFailure `json:"failures,omitempty"`
}

// ObjectFailure is an object that could not be applied or pruned.
type ObjectFailure struct {
	// object as kind/namespace/name.
	// +optional
	Object string `json:"object,omitempty"`
	// message says why.
	// +optional
	Message string `json:"message,omitempty"`
}
