package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// A mark goes with the write that makes or scales its ReplicaSet; all else keeps its order.
func TestWrites(t *testing.T) {
	mark := func(revision string, role plan.Role) plan.MarkReplicaSet {
		return plan.MarkReplicaSet{Revision: revision, Role: role}
	}
	scale := func(revision string) plan.ScaleReplicaSet {
		return plan.ScaleReplicaSet{Revision: revision, From: 1, To: 2}
	}
	create := plan.CreateReplicaSet{Revision: "a"}
	weight := plan.SetWeight{Percent: 20}
	stable, none := plan.RoleStable, plan.RoleNone
	for name, c := range map[string]struct {
		actions []plan.Action
		want    [][]plan.Action
	}{
		"nothing": {},
		"a mark alone stays where it is": {
			[]plan.Action{weight, mark("a", stable), scale("b")},
			[][]plan.Action{{weight}, {mark("a", stable)}, {scale("b")}},
		},
		"a mark before its scale": {
			[]plan.Action{mark("a", stable), weight, scale("a")},
			[][]plan.Action{{weight}, {scale("a"), mark("a", stable)}},
		},
		"a mark after its scale": {
			[]plan.Action{scale("a"), weight, mark("a", stable), mark("b", none), scale("b")},
			[][]plan.Action{{scale("a"), mark("a", stable)}, {weight}, {scale("b"), mark("b", none)}},
		},
		"a mark of a new ReplicaSet": {
			[]plan.Action{create, mark("a", stable)},
			[][]plan.Action{{create, mark("a", stable)}},
		},
		"two sizes in a row": {
			[]plan.Action{scale("a"), mark("a", stable), scale("a")},
			[][]plan.Action{{scale("a"), mark("a", stable)}, {scale("a")}},
		},
	} {
		var got [][]plan.Action
		for _, w := range writesOf(c.actions) {
			got = append(got, w.actions())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
