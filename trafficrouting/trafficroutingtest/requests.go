package trafficroutingtest

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sigmas is how many standard deviations an observed share may be off.
const sigmas = 4.5

// shares are percentages by the Service that is to answer; those that are not named answer nothing.
type shares map[string]float64

// fits says what is wrong with the answers, nil if nothing.
func (s shares) fits(counts map[string]int) error {
	total := 0
	for _, n := range counts {
		total += n
	}
	for _, service := range []string{Stable, Canary, Other} {
		p, hits := s[service]/100, counts[service]
		allowed := sigmas*math.Sqrt(p*(1-p)*float64(total)) + 1
		wrong := math.Abs(float64(hits)-p*float64(total)) > allowed
		// None and all are exact, and what is neither is neither.
		wrong = wrong || p == 0 && hits > 0 || p == 1 && hits < total || p > 0 && p < 1 && (hits == 0 || hits == total)
		if wrong {
			return fmt.Errorf("%d of %d answers are of %s, want %v %%", hits, total, service, s[service])
		}
	}
	return nil
}

// observed waits until the answers on a path have these shares. Every request must be answered all the while.
func (s *stage) observed(path string, want shares) {
	s.Helper()
	s.eventually(fmt.Sprintf("the shares %v on %s", want, path), func() error {
		counts, err := s.send(path)
		if err != nil {
			s.Fatalf("a request on %s was lost: %v", path, err)
		}
		return want.fits(counts)
	})
}

// send sends as many requests as a share is observed by, some at a time, and counts the answers by Service.
func (s *stage) send(path string) (map[string]int, error) {
	counts := map[string]int{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(s.Context())
	group.SetLimit(together)
	for range s.config.Requests {
		group.Go(func() error {
			service, err := s.scene.Send(ctx, path)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			counts[service]++
			return nil
		})
	}
	return counts, group.Wait()
}

// answer is one request of a stream.
type answer struct {
	// sent is when the request was sent, by the clock of the config.
	sent    time.Time
	service string
	err     error
}

// stream sends requests one after the other, on as many connections as are sent at once, until it is ended.
type stream struct {
	ended   atomic.Bool
	running sync.WaitGroup
	mu      sync.Mutex
	answers []answer
}

func (s *stage) stream(path string) *stream {
	result := &stream{}
	for range together {
		result.running.Go(func() {
			for !result.ended.Load() && s.Context().Err() == nil {
				a := answer{sent: s.config.Now()}
				a.service, a.err = s.scene.Send(s.Context(), path)
				result.mu.Lock()
				result.answers = append(result.answers, a)
				result.mu.Unlock()
			}
		})
	}
	return result
}

// seen are the answers so far of requests that were sent at or after a moment.
func (r *stream) seen(since time.Time) []answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var result []answer
	for _, a := range r.answers {
		if !a.sent.Before(since) {
			result = append(result, a)
		}
	}
	return result
}

// end stops sending and gives all answers.
func (r *stream) end() []answer {
	r.ended.Store(true)
	r.running.Wait()
	return r.seen(time.Time{})
}
