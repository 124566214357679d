package changeset_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/gitsync/changeset"
)

const owner = "team.app"

func configMap(name string) changeset.ID {
	return changeset.ID{Kind: "ConfigMap", Namespace: "team", Name: name}
}

// world is a prune input under construction: two objects, "stays" in Git and "goes" that left it, all fit for pruning.
func world() changeset.PruneInput {
	in := changeset.PruneInput{
		Complete: true, Settled: true, Enabled: true, Owner: owner,
		Inventory: map[changeset.ID]changeset.Entry{},
		Live:      map[changeset.ID]changeset.Live{},
		Elsewhere: map[changeset.ID]string{},
	}
	add(&in, configMap("stays"), true)
	add(&in, configMap("goes"), false)
	return in
}

// add puts an object into the inventory, the cluster and, if wanted, Git.
func add(in *changeset.PruneInput, id changeset.ID, wanted bool) {
	uid := "uid-" + id.String()
	in.Inventory[id] = changeset.Entry{ID: id, Version: "v1", UID: uid, Hash: "h", Key: "k"}
	in.Live[id] = changeset.Live{Exists: true, UID: uid, Key: "k", Owner: owner}
	if wanted {
		in.Desired = append(in.Desired, changeset.Desired{ID: id, Hash: "h"})
	}
}

// deleted lists what a plan deletes.
func deleted(plan changeset.PrunePlan) []string {
	var out []string
	for _, stage := range plan.Stages {
		for _, d := range stage {
			out = append(out, d.Entry.Name)
		}
	}
	return out
}

func TestGuards(t *testing.T) {
	goes := configMap("goes")
	live := func(change func(*changeset.Live)) func(*changeset.PruneInput) {
		return func(in *changeset.PruneInput) {
			l := in.Live[goes]
			change(&l)
			in.Live[goes] = l
		}
	}
	adopted := func(in *changeset.PruneInput) {
		in.Adopted = map[changeset.ID]changeset.ID{goes: {Group: "sluice.dev", Kind: "Rollout", Namespace: "team", Name: "app"}}
	}
	kind := func(group, kind string) func(*changeset.PruneInput) {
		return func(in *changeset.PruneInput) {
			delete(in.Inventory, goes)
			add(in, changeset.ID{Group: group, Kind: kind, Name: "goes"}, false)
		}
	}
	many := func(total, going int) func(*changeset.PruneInput) {
		return func(in *changeset.PruneInput) {
			in.Inventory, in.Desired = map[changeset.ID]changeset.Entry{}, nil
			for i := range total {
				add(in, configMap(fmt.Sprintf("m%03d", i)), i >= going)
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*changeset.PruneInput)
		// deletes, forgets, keeps count objects; blocked and waiting say what the plan says.
		deletes, forgets, keeps int
		blocked, waiting        bool
	}{
		"what left Git is deleted":        {func(*changeset.PruneInput) {}, 1, 0, 0, false, false},
		"nothing of a failed render":      {func(in *changeset.PruneInput) { in.Complete = false }, 0, 0, 0, false, false},
		"not before all is healthy":       {func(in *changeset.PruneInput) { in.Settled = false }, 0, 0, 0, false, true},
		"not if it is off":                {func(in *changeset.PruneInput) { in.Enabled = false }, 0, 0, 1, false, false},
		"not what could not be read":      {func(in *changeset.PruneInput) { delete(in.Live, goes) }, 0, 0, 1, false, false},
		"what is gone is forgotten":       {live(func(l *changeset.Live) { l.Exists = false }), 0, 1, 0, false, false},
		"not what has no label of ours":   {live(func(l *changeset.Live) { l.Owner = "" }), 0, 1, 0, false, false},
		"not what has another's label":    {live(func(l *changeset.Live) { l.Owner = "team.other" }), 0, 1, 0, false, false},
		"not another object of that name": {live(func(l *changeset.Live) { l.UID = "other" }), 0, 0, 1, false, false},
		"not what is annotated":           {live(func(l *changeset.Live) { l.Protected = true }), 0, 0, 1, false, false},
		"not twice":                       {live(func(l *changeset.Live) { l.Terminating = true }), 0, 0, 1, false, false},
		"not what another GitSync holds":  {func(in *changeset.PruneInput) { in.Elsewhere[goes] = "team/other" }, 0, 1, 0, false, false},
		"not what a Rollout adopts":       {adopted, 0, 0, 1, false, false},
		"what is adopted and gone is forgotten": {func(in *changeset.PruneInput) {
			adopted(in)
			live(func(l *changeset.Live) { l.Exists = false })(in)
		}, 0, 1, 0, false, false},
		"no Namespace":                     {kind("", "Namespace"), 0, 0, 1, false, false},
		"no PersistentVolumeClaim":         {kind("", "PersistentVolumeClaim"), 0, 0, 1, false, false},
		"no PersistentVolume":              {kind("", "PersistentVolume"), 0, 0, 1, false, false},
		"no CustomResourceDefinition":      {kind("apiextensions.k8s.io", "CustomResourceDefinition"), 0, 0, 1, false, false},
		"a Namespace of another group":     {kind("example.com", "Namespace"), 1, 0, 0, false, false},
		"not if nothing would be left":     {func(in *changeset.PruneInput) { in.Desired = nil }, 0, 0, 0, true, false},
		"unless that is allowed":           {func(in *changeset.PruneInput) { in.Desired, in.AllowEmpty = nil, true }, 2, 0, 0, false, false},
		"more than half of nine":           {many(9, 8), 8, 0, 0, false, false},
		"half of ten":                      {many(10, 5), 5, 0, 0, false, false},
		"not more than half of ten":        {many(10, 6), 0, 0, 0, true, false},
		"not with another plan's approval": {func(in *changeset.PruneInput) { many(10, 6)(in); in.Approved = "0123456789abcdef" }, 0, 0, 0, true, false},
		"nothing to block where it is off": {func(in *changeset.PruneInput) { many(10, 6)(in); in.Enabled = false }, 0, 0, 6, false, false},
		"an approved plan waits for health": {func(in *changeset.PruneInput) {
			many(10, 6)(in)
			in.Approved = changeset.Prunes(*in).Blocked.Digest
			in.Settled = false
		}, 0, 0, 0, false, true},
		"an approved plan": {func(in *changeset.PruneInput) { many(10, 6)(in); in.Approved = changeset.Prunes(*in).Blocked.Digest }, 6, 0, 0, false, false},
		"an approval is not for a larger one": {func(in *changeset.PruneInput) {
			many(10, 6)(in)
			in.Approved = changeset.Prunes(*in).Blocked.Digest
			many(10, 7)(in)
		}, 0, 0, 0, true, false},
		"what was about to be created, and was": {func(in *changeset.PruneInput) {
			in.Inventory[goes] = changeset.Entry{ID: goes, Version: "v1"}
		}, 1, 0, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := world()
			test.change(&in)
			plan := changeset.Prunes(in)
			got := []any{len(deleted(plan)), len(plan.Forget), len(plan.Kept), plan.Blocked != nil, plan.Waiting}
			want := []any{test.deletes, test.forgets, test.keeps, test.blocked, test.waiting}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("deletes, forgets, keeps, blocked, waiting (-want +got):\n%s%+v", diff, plan)
			}
		})
	}
}

func TestZeroInputDeletesNothing(t *testing.T) {
	in := world()
	plan := changeset.Prunes(changeset.PruneInput{Inventory: in.Inventory, Live: in.Live, Owner: owner, Enabled: true})
	if diff := cmp.Diff(changeset.PrunePlan{}, plan); diff != "" {
		t.Error(diff)
	}
}

func TestDeletionIsTheReverseOfWriting(t *testing.T) {
	in := world()
	in.AllowEmpty, in.Desired = true, nil
	in.Inventory = map[changeset.ID]changeset.Entry{}
	for _, id := range []changeset.ID{
		{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding", Namespace: "team", Name: "binding"},
		{Group: "sluice.dev", Kind: "Rollout", Namespace: "team", Name: "rollout"},
		{Kind: "Service", Namespace: "team", Name: "service"},
		{Group: "gateway.networking.k8s.io", Kind: "GatewayClass", Name: "class"},
		{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute", Namespace: "team", Name: "route"},
	} {
		add(&in, id, false)
	}
	want := []string{"rollout", "route", "service", "binding", "class"}
	if diff := cmp.Diff(want, deleted(changeset.Prunes(in))); diff != "" {
		t.Error(diff)
	}
	stages, orphaned := changeset.Removal(in)
	if got := deleted(changeset.PrunePlan{Stages: stages}); len(orphaned) != 0 || !slices.Equal(got, want) {
		t.Errorf("removal deletes %v and leaves %v", got, orphaned)
	}
}

func TestRemovalLeavesWhatIsNotOurs(t *testing.T) {
	in := world()
	in.Enabled, in.Complete = false, false
	add(&in, changeset.ID{Kind: "Namespace", Name: "space"}, false)
	add(&in, configMap("foreign"), false)
	foreign := in.Live[configMap("foreign")]
	foreign.Owner = "team.other"
	in.Live[configMap("foreign")] = foreign
	deployment := changeset.ID{Group: "apps", Kind: "Deployment", Namespace: "team", Name: "web"}
	add(&in, deployment, false)
	in.Adopted = map[changeset.ID]changeset.ID{deployment: {Group: "sluice.dev", Kind: "Rollout", Namespace: "team", Name: "web"}}
	stages, orphaned := changeset.Removal(in)
	if got := deleted(changeset.PrunePlan{Stages: stages}); !slices.Equal(got, []string{"goes", "stays"}) {
		t.Errorf("deletes %v", got)
	}
	want := []changeset.Kept{{ID: deployment, Why: changeset.Adopting}, {ID: changeset.ID{Kind: "Namespace", Name: "space"}, Why: changeset.HoldsData}}
	if diff := cmp.Diff(want, orphaned); diff != "" {
		t.Errorf("leaves (-want +got):\n%s", diff)
	}
}

// TestNeverWithoutReason: whatever the input, only what left Git, is ours, and is the inventoried object is deleted.
func TestNeverWithoutReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		in := changeset.PruneInput{
			Complete: flag("complete"), Settled: flag("settled"), Enabled: flag("enabled"), AllowEmpty: flag("empty"),
			Owner: owner, Inventory: map[changeset.ID]changeset.Entry{}, Live: map[changeset.ID]changeset.Live{},
			Elsewhere: map[changeset.ID]string{}, Adopted: map[changeset.ID]changeset.ID{},
		}
		kinds := rapid.SampledFrom([]string{"ConfigMap", "Namespace", "PersistentVolumeClaim", "Service"})
		for i := range rapid.IntRange(0, 20).Draw(t, "objects") {
			id := changeset.ID{Kind: kinds.Draw(t, "kind"), Name: fmt.Sprint("o", i)}
			add(&in, id, flag("wanted"))
			live := in.Live[id]
			live.Exists, live.Protected, live.Terminating = flag("exists"), flag("protected"), flag("terminating")
			if flag("foreign") {
				live.Owner = "other"
			}
			if flag("replaced") {
				live.UID = "other"
			}
			in.Live[id] = live
			if flag("unread") {
				delete(in.Live, id)
			}
			if flag("held") {
				in.Elsewhere[id] = "team/other"
			}
			if flag("adopted") {
				in.Adopted[id] = changeset.ID{Kind: "Rollout"}
			}
		}
		wanted := map[changeset.ID]bool{}
		for _, d := range in.Desired {
			wanted[d.ID] = true
		}
		plan := changeset.Prunes(in)
		count := 0
		for _, stage := range plan.Stages {
			for _, d := range stage {
				count++
				id, live := d.Entry.ID, in.Live[d.Entry.ID]
				_, held := in.Elsewhere[id]
				_, adopted := in.Adopted[id]
				if adopted || !in.Complete || !in.Settled || !in.Enabled || wanted[id] || held || !live.Exists || live.Owner != owner ||
					live.UID != in.Inventory[id].UID || d.UID != live.UID || live.Protected || live.Terminating ||
					id.Kind == "Namespace" || id.Kind == "PersistentVolumeClaim" {
					t.Fatalf("%s is deleted", id)
				}
			}
		}
		if len(in.Desired) == 0 && !in.AllowEmpty && count > 0 {
			t.Fatal("everything is deleted")
		}
		if total := len(in.Inventory); len(in.Desired) > 0 && total >= 10 && count*2 > total {
			t.Fatalf("%d of %d are deleted", count, total)
		}
	})
}
