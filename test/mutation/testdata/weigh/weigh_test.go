package weigh

import (
	"reflect"
	"testing"
	"time"
)

var now = time.Unix(1_000_000, 0)

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		kind         Kind
		asked, ready int32
		since        time.Time
		want         []Action
	}{
		"weight":               {kind: Weight, asked: 20, ready: 1, want: []Action{Set{20}, Rest{}}},
		"more than there is":   {kind: Weight, asked: 120, ready: 1, want: []Action{Set{100}, Rest{}}},
		"no pods":              {kind: Weight, asked: 20, want: []Action{Rest{}}},
		"nothing asked":        {kind: Weight, want: []Action{Set{}, Rest{}}},
		"a pause begins":       {kind: Pause, since: now},
		"a pause is over":      {kind: Pause, since: now.Add(-2 * time.Second), want: []Action{Rest{}}},
		"a pause never begins": {kind: Pause},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Next(c.kind, c.asked, c.ready, c.since, now); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
