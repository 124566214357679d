package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/load"
)

// askedWeights are the weights that the Rollout's steps ask for.
var askedWeights = []int32{20, 50, 100}

// leastAnswers is how many requests a share has to be seen in.
const leastAnswers = 100

// share is what was seen on the wire of a weight that was asked for.
type share struct {
	asked       int32
	hits, total int
	length      time.Duration
}

// String gives the share as in "20 % asked, 19.8 % seen of 482 requests in 4.0s".
func (s share) String() string {
	return fmt.Sprintf("%d %% asked, %.1f %% seen of %d requests in %.1fs", s.asked, percent(s.hits, s.total), s.total, s.length.Seconds())
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// observe gives what of the version was seen on the wire while its revision had settled at each of the asked weights.
func observe(seen *history, revision, version string, records []load.Record) []share {
	var shares []share
	for _, asked := range askedWeights {
		s := share{asked: asked}
		for _, w := range seen.settled(revision, asked) {
			hits, total := load.Share(records, version, w.from, w.to)
			s.hits, s.total, s.length = s.hits+hits, s.total+total, s.length+w.to.Sub(w.from)
		}
		shares = append(shares, s)
	}
	return shares
}

// judge gives everything that forbids to call the demo a success, joined into one error.
func judge(stats load.Stats, wanted int, shares []share) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if stats.Lost > 0 {
		fault("%d requests were lost:\n  %s", stats.Lost, strings.Join(stats.Causes, "\n  "))
	}
	if stats.Unsent > 0 {
		fault("%d requests could not be sent in time: the machine was too busy for the load", stats.Unsent)
	}
	if !stats.Done || stats.Open > 0 {
		fault("%d requests are still open", stats.Open)
	}
	if stats.Sent < wanted {
		fault("there were %d requests, fewer than %d", stats.Sent, wanted)
	}
	for _, share := range shares {
		switch {
		case share.total < leastAnswers:
			fault("too few requests to see a weight: %s", share)
		case !load.Fits(share.hits, share.total, int(share.asked)):
			fault("the weight on the wire is not the one that was asked for: %s (tolerance %.1f %%)", share,
				100*load.Tolerance(share.total, int(share.asked))/float64(share.total))
		}
	}
	for _, version := range []release{first, good} {
		if errors := countErrors(stats.Codes[version.version]); errors > 0 {
			fault("%s answered %d requests with an error, and was to answer none so", version.version, errors)
		}
	}
	if countErrors(stats.Codes[bad.version]) == 0 {
		fault("%s answered no request with an error before it was rolled back: it was not seen to be bad", bad.version)
	}
	return errors.Join(faults...)
}

// countErrors counts the answers with a status of 500 or more.
func countErrors(codes map[string]int) int {
	count := 0
	for code, n := range codes {
		if code >= "500" {
			count += n
		}
	}
	return count
}
