package changeset_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitsync/changeset"
)

func TestWrites(t *testing.T) {
	id := configMap("a")
	entry := changeset.Entry{ID: id, Version: "v1", UID: "u", Hash: "h", Key: "k"}
	same := changeset.Live{Exists: true, UID: "u", Key: "k"}
	touched := changeset.Live{Exists: true, UID: "u", Key: "other"}
	type flags struct{ apply, heal, thorough bool }
	all := flags{true, true, false}
	for name, test := range map[string]struct {
		entry *changeset.Entry
		live  *changeset.Live
		hash  string
		flags flags
		// want is a reason, with "?" behind it where it is only reported; empty means that nothing is to be done.
		want string
	}{
		"a steady state":                  {&entry, &same, "h", all, ""},
		"a steady state, thorough":        {&entry, &same, "h", flags{true, true, true}, ""},
		"new":                             {nil, nil, "h", all, "New"},
		"about to be created":             {&changeset.Entry{ID: id}, nil, "h", all, "New"},
		"new, only reported":              {nil, nil, "h", flags{false, true, false}, "New?"},
		"changed in Git":                  {&entry, &same, "other", all, "Changed"},
		"changed in Git without healing":  {&entry, &touched, "other", flags{true, false, false}, "Changed"},
		"changed past Git":                {&entry, &touched, "h", all, "Touched"},
		"changed past Git, no healing":    {&entry, &touched, "h", flags{true, false, false}, "Touched?"},
		"changed past Git, but asked for": {&entry, &touched, "h", flags{true, false, true}, "Touched"},
		"gone":                            {&entry, &changeset.Live{}, "h", all, "Missing"},
		"gone, no healing":                {&entry, &changeset.Live{}, "h", flags{true, false, false}, "Missing?"},
		"not seen":                        {&entry, nil, "h", all, ""},
		"not seen, thorough":              {&entry, nil, "h", flags{true, true, true}, "Unseen"},
	} {
		t.Run(name, func(t *testing.T) {
			in := changeset.WriteInput{
				Desired:   []changeset.Desired{{ID: id, Hash: test.hash}},
				Inventory: map[changeset.ID]changeset.Entry{}, Live: map[changeset.ID]changeset.Live{},
				Apply: test.flags.apply, Heal: test.flags.heal, Thorough: test.flags.thorough,
			}
			if test.entry != nil {
				in.Inventory[id] = *test.entry
			}
			if test.live != nil {
				in.Live[id] = *test.live
			}
			var got []string
			for _, stage := range changeset.Writes(in) {
				for _, write := range stage {
					text := string(write.Reason)
					if write.Report {
						text += "?"
					}
					got = append(got, text)
				}
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	ids := []changeset.ID{
		{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration", Name: "hook"},
		{Group: "sluice.dev", Kind: "Rollout", Namespace: "n", Name: "rollout"},
		{Group: "example.com", Kind: "Thing", Namespace: "n", Name: "thing"},
		{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute", Namespace: "n", Name: "route"},
		{Kind: "Service", Namespace: "n", Name: "b-service"},
		{Kind: "Service", Namespace: "n", Name: "a-service"},
		{Kind: "ConfigMap", Namespace: "n", Name: "settings"},
		{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding", Namespace: "n", Name: "binding"},
		{Kind: "ServiceAccount", Namespace: "n", Name: "account"},
		{Group: "storage.k8s.io", Kind: "StorageClass", Name: "class"},
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "things.example.com"},
		{Kind: "Namespace", Name: "n"},
	}
	var in changeset.WriteInput
	in.Apply = true
	for _, id := range ids {
		in.Desired = append(in.Desired, changeset.Desired{ID: id})
	}
	var got []string
	for _, stage := range changeset.Writes(in) {
		var names []string
		for _, write := range stage {
			names = append(names, write.ID.Name)
		}
		got = append(got, strings.Join(names, " "))
	}
	want := []string{
		"things.example.com n", "class", "account", "binding", "settings", "a-service b-service", "route", "thing", "rollout",
		"hook",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIntent(t *testing.T) {
	known := changeset.Entry{ID: configMap("known"), Version: "v1", UID: "u", Hash: "h"}
	inventory := map[changeset.ID]changeset.Entry{known.ID: known}
	version := func(changeset.ID) string { return "v1" }
	changed := [][]changeset.Write{{{ID: known.ID, Reason: changeset.Changed}}}
	if _, more := changeset.Intent(inventory, changed, version); more {
		t.Error("a change alone is no intent")
	}
	reported := [][]changeset.Write{{{ID: configMap("new"), Reason: changeset.New, Report: true}}}
	if _, more := changeset.Intent(inventory, reported, version); more {
		t.Error("what is only reported is no intent")
	}
	created := [][]changeset.Write{{{ID: configMap("new"), Reason: changeset.New}}}
	intent, more := changeset.Intent(inventory, created, version)
	want := map[changeset.ID]changeset.Entry{known.ID: known, configMap("new"): {ID: configMap("new"), Version: "v1"}}
	if diff := cmp.Diff(want, intent); diff != "" || !more {
		t.Errorf("more = %t, %s", more, diff)
	}
	if len(inventory) != 1 {
		t.Error("the inventory itself was changed")
	}
}

func TestCommitOf(t *testing.T) {
	entry := changeset.Entry{Hash: "h", Commit: "old"}
	for name, test := range map[string]struct {
		entry      changeset.Entry
		hash, want string
	}{
		"the same content": {entry, "h", "old"},
		"other content":    {entry, "x", "head"},
		"nothing known":    {changeset.Entry{}, "h", "head"},
		"no commit known":  {changeset.Entry{Hash: "h"}, "h", "head"},
	} {
		if got := changeset.CommitOf(test.entry, test.hash, "head"); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
