package plan

// podsFor is the number of pods that carry a share of the traffic: ceil(share * replicas / 100).
func (e *engine) podsFor(share int32) int32 { return podsFor(share, e.spec.Replicas) }

func podsFor(share, replicas int32) int32 {
	return int32((int64(share)*int64(replicas) + 99) / 100)
}

// shareFor is the share that a number of ready pods carries, in percent; all of it when they are at full size.
func (e *engine) shareFor(ready int32) int32 {
	if ready >= e.spec.Replicas {
		return 100
	}
	return int32(int64(ready) * 100 / int64(e.spec.Replicas))
}

// candidateSize is the number of pods that the candidate is to have: enough for the share that its step asks for, and
// for any share that a gateway may still be serving.
func (e *engine) candidateSize(now int32) int32 {
	if e.seen.Canary.Pinned != e.s.Candidate {
		return now
	}
	size := e.podsFor(max(e.stepShare(), e.s.Traffic.High))
	if e.spec.Problem != nil {
		return min(size, now)
	}
	return size
}
