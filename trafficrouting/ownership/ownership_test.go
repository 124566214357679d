package ownership

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func entry(manager string, operation metav1.ManagedFieldsOperationType, apiVersion, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, APIVersion: apiVersion, FieldsType: fieldsType, FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestGiveBack(t *testing.T) {
	const (
		us      = "sluice-controller"
		apply   = metav1.ManagedFieldsOperationApply
		update  = metav1.ManagedFieldsOperationUpdate
		parents = `{"f:spec":{"f:parentRefs":{}}}`
		both    = `{"f:spec":{"f:parentRefs":{},"f:rules":{}}}`
		rules   = `{"f:spec":{"f:rules":{}}}`
		rulesOf = Field("rules")
	)
	status := entry(us, update, "v1", `{"f:status":{}}`)
	status.Subresource = "status"
	tests := map[string]struct {
		reason  string
		entries []metav1.ManagedFieldsEntry
		owners  []Owner
		keep    bool
		want    []metav1.ManagedFieldsEntry
	}{
		"the entry is still there": {
			reason:  "the field is added to it",
			entries: []metav1.ManagedFieldsEntry{entry("team", apply, "v1", parents), entry(us, update, "v1", rules)},
			owners:  []Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}},
			want:    []metav1.ManagedFieldsEntry{entry("team", apply, "v1", both)},
		},
		"the entry is gone": {
			reason:  "it owned nothing else, and is made anew",
			entries: []metav1.ManagedFieldsEntry{entry(us, update, "v1", rules)},
			owners:  []Owner{{Manager: "edit", Operation: update, APIVersion: "v1beta1"}},
			want:    []metav1.ManagedFieldsEntry{entry("edit", update, "v1beta1", rules)},
		},
		"applied in another version since": {
			reason:  "an applier is known by its name alone, an updater by its version too",
			entries: []metav1.ManagedFieldsEntry{entry("team", apply, "v2", parents), entry("edit", update, "v2", parents)},
			owners:  []Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}, {Manager: "edit", Operation: update, APIVersion: "v1"}},
			want: []metav1.ManagedFieldsEntry{
				entry("team", apply, "v2", both), entry("edit", update, "v2", parents), entry("edit", update, "v1", rules),
			},
		},
		"another release goes on": {
			reason:  "our entry stays, and the field has two owners",
			entries: []metav1.ManagedFieldsEntry{entry("team", apply, "v1", parents), entry(us, update, "v1", rules)},
			owners:  []Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}}, keep: true,
			want: []metav1.ManagedFieldsEntry{entry("team", apply, "v1", both), entry(us, update, "v1", rules)},
		},
		"nobody owned it": {
			reason: "an empty list takes our entry away, nil would not", entries: []metav1.ManagedFieldsEntry{entry(us, update, "v1", rules)},
			want: []metav1.ManagedFieldsEntry{},
		},
		"the manager itself": {
			reason:  "never gets the field back",
			entries: []metav1.ManagedFieldsEntry{entry(us, update, "v1", rules)}, owners: []Owner{{Manager: us, Operation: update, APIVersion: "v1"}},
			want: []metav1.ManagedFieldsEntry{},
		},
		"entries of subresources": {
			reason: "they are not about the spec", entries: []metav1.ManagedFieldsEntry{status},
			want: []metav1.ManagedFieldsEntry{status},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := rulesOf.GiveBack(tc.entries, us, tc.owners, tc.keep)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOwners(t *testing.T) {
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	status := entry("gateway", update, "v1", `{"f:spec":{"f:rules":{}}}`)
	status.Subresource = "status"
	entries := []metav1.ManagedFieldsEntry{
		entry("team", apply, "v1", `{"f:spec":{"f:rules":{}}}`), entry("platform", apply, "v1", `{"f:spec":{"f:hostnames":{}}}`),
		entry("us", update, "v1", `{"f:metadata":{}}`), entry("spoilt", update, "v1", `{`), status,
	}
	got := Field("rules").Owners(entries, "us")
	if diff := cmp.Diff([]Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}}, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if anything, field := Field("rules").HeldBy(entries, "us"); !anything || field {
		t.Errorf("an entry without the field: %t, %t", anything, field)
	}
	if anything, _ := Field("rules").HeldBy(entries, "nobody"); anything {
		t.Error("nobody has an entry")
	}
}

func TestUnion(t *testing.T) {
	const apply, update = metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	got := Union(
		[]Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}, {Manager: "edit", Operation: update, APIVersion: "v1"}},
		[]Owner{{Manager: "team", Operation: apply, APIVersion: "v2"}, {Manager: "edit", Operation: update, APIVersion: "v2"}})
	want := []Owner{
		{Manager: "team", Operation: apply, APIVersion: "v1"},
		{Manager: "edit", Operation: update, APIVersion: "v1"},
		{Manager: "edit", Operation: update, APIVersion: "v2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an applier is known by its name alone (-want +got):\n%s", diff)
	}
}

func TestAnEntryThatCannotBeRead(t *testing.T) {
	const apply = metav1.ManagedFieldsOperationApply
	_, err := Field("rules").GiveBack([]metav1.ManagedFieldsEntry{entry("team", apply, "v1", "{")}, "us",
		[]Owner{{Manager: "team", Operation: apply, APIVersion: "v1"}}, false)
	if err == nil {
		t.Error("a broken entry was added to")
	}
}
