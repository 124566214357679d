package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// row is one fleet that is measured.
type row struct {
	name     string
	rollouts int
	// released is how many of them are released at once; 0 means all.
	released int
	// pods says that every ReplicaSet has real pods, which the controller keeps in its cache.
	pods bool
	// targets are the bounds of the result; a zero one is none.
	targets targets
}

// targets bound what a fleet may cost.
type targets struct {
	settle       time.Duration
	processor    time.Duration
	objectWrites float64
	events       float64
	peakMemory   int64
}

// limits are how long things are waited for.
type limits struct {
	// settle is the time in which a fleet must come to rest.
	settle time.Duration
	// quiet is how long nothing must be asked before a fleet counts as idle, and idle is how long it is watched then.
	quiet, idle time.Duration
}

// span is what happened between two moments.
type span struct {
	took time.Duration
	// controller is its processor time, apiServer and etcd are theirs, harness is that of this program, and others that of
	// everybody else on the machine.
	controller, apiServer, etcd, harness, others time.Duration
	requests                                     requests
}

// result is what a row costs.
type result struct {
	row row
	// created is from the first creation until all are healthy, released from the first change of an image until all are
	// healthy again, and idle while nothing happens.
	created, released, idle span
	// looks is how often a Rollout was reconciled for the release.
	looks int
	// atRest is the memory before the release, and memory the memory at the end.
	atRest, memory memory
	// complaints are errors in the controller's log.
	complaints []string
}

// updates is how many Rollouts are released.
func (r row) updates() int { return cmp.Or(r.released, r.rollouts) }

// perUpdate is a share of the release for each Rollout that is released.
func (r result) perUpdate(n int) float64 { return float64(n) / float64(r.row.updates()) }

func (r result) processorPerUpdate() time.Duration {
	return r.released.controller / time.Duration(r.row.updates())
}

// bench is what is needed to run the rows.
type bench struct {
	// root is the folder of the repository, and folder one for what is made.
	root, folder, binary string
	limits               limits
	// profiles is the folder for profiles of releases, by a controller that was built with the profiler; empty means none.
	profiles string
	// settings are the arguments and the environment that the controller was run with.
	settings string
	// say tells how far it is.
	say func(format string, arguments ...any)
}

// world is a cluster with a controller and a fleet, for one row.
type world struct {
	*bench
	folder     string
	server     *server
	controller *process
	fleet      *fleet
	processes  map[string]int
}

// with starts a cluster and a controller, does something with them, and ends them again.
func (b *bench) with(ctx context.Context, name string, pods bool, do func(context.Context, *world) error) (err error) {
	w := &world{bench: b, folder: filepath.Join(b.folder, name)}
	if err := os.MkdirAll(w.folder, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if w.server, err = startServer(ctx, b.root, w.folder); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.server.stop()) }()
	b.settings = w.server.settings()

	playing, stopPlaying := context.WithCancel(ctx)
	defer stopPlaying()
	var unseen func() error
	if w.fleet, unseen, err = startFleet(playing, w.server); err != nil {
		return err
	}
	played, err := startPlayer(playing, w.server, pods)
	if err != nil {
		return err
	}
	defer func() { stopPlaying(); err = errors.Join(err, played(), unseen()) }()

	if w.controller, err = startController(ctx, w.server, b.binary, w.folder); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.controller.stop()) }()
	if err := w.find(); err != nil {
		return err
	}
	return do(ctx, w)
}

// find finds the processes that are watched.
func (w *world) find() error {
	w.processes = map[string]int{"controller": w.controller.pid(), "harness": os.Getpid()}
	for _, program := range []string{"etcd", "kube-apiserver"} {
		pid := childNamed(program)
		if pid == 0 {
			return fmt.Errorf("find the process of %s: there is none", program)
		}
		w.processes[program] = pid
	}
	return nil
}

// measure does something and says what it cost.
func (w *world) measure(do func() error) (span, error) {
	earlier, err := w.server.audit.count()
	if err != nil {
		return span{}, err
	}
	before, err := w.times()
	if err != nil {
		return span{}, err
	}
	begin := time.Now()
	if err := do(); err != nil {
		return span{}, err
	}
	took := time.Since(begin)
	after, err := w.times()
	if err != nil {
		return span{}, err
	}
	asked, err := w.server.audit.count()
	if err != nil {
		return span{}, err
	}
	s := span{
		took: took, requests: asked.since(earlier),
		controller: after["controller"] - before["controller"], apiServer: after["kube-apiserver"] - before["kube-apiserver"],
		etcd: after["etcd"] - before["etcd"], harness: after["harness"] - before["harness"],
	}
	s.others = max(0, after["machine"]-before["machine"]-s.controller-s.apiServer-s.etcd-s.harness)
	return s, nil
}

// times are the processor times so far.
func (w *world) times() (map[string]time.Duration, error) {
	machine, err := machineTime()
	if err != nil {
		return nil, err
	}
	times := map[string]time.Duration{"machine": machine}
	for name, pid := range w.processes {
		if times[name], err = processorTime(pid); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// quiet waits until the controller has asked for nothing for a while. It gives up after the time in which a fleet must
// settle: a controller that is never quiet is measured as it is.
func (w *world) quiet(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, w.limits.settle)
	defer cancel()
	for {
		earlier, err := w.server.audit.count()
		if err != nil {
			return err
		}
		if err := pass(limited, w.limits.quiet); err != nil {
			return ctx.Err()
		}
		asked, err := w.server.audit.count()
		if err != nil || asked.since(earlier).unasked() == 0 {
			return err
		}
	}
}

// pass lets time pass.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run measures a row.
func (b *bench) run(ctx context.Context, r row) (result, error) {
	measured := result{row: r}
	err := b.with(ctx, r.name, r.pods, func(ctx context.Context, w *world) error { return w.row(ctx, &measured) })
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", r.name, err)
	}
	return measured, nil
}

// row creates a fleet, gives all or a part of it another image at once, and then watches it idle.
func (w *world) row(ctx context.Context, measured *result) (err error) {
	n := measured.row.rollouts
	w.say("%s: creating %d Rollouts", measured.row.name, n)
	if measured.created, err = w.measure(func() error {
		return errors.Join(w.fleet.create(ctx, 0, n), w.fleet.settled(ctx, w.limits.settle))
	}); err != nil {
		return err
	}
	// What is asked after the last Rollout has become healthy, such as late events, belongs to what came before.
	late, err := w.measure(func() error { return w.quiet(ctx) })
	if err != nil {
		return err
	}
	measured.created.add(late)
	if measured.atRest, err = memoryOf(w.controller.pid()); err != nil {
		return err
	}
	looks, err := w.controller.reconciles(ctx)
	if err != nil {
		return err
	}
	w.say("%s: healthy after %s; changing %d images", measured.row.name, measured.created.took.Round(time.Millisecond), measured.row.updates())
	if measured.released, err = w.profiled(ctx, measured.row.name, func() (span, error) {
		return w.measure(func() error {
			return errors.Join(w.fleet.release(ctx, 0, measured.row.updates(), "2"), w.fleet.settled(ctx, w.limits.settle))
		})
	}); err != nil {
		return err
	}
	w.say("%s: healthy after %s; watching it idle", measured.row.name, measured.released.took.Round(time.Millisecond))
	if late, err = w.measure(func() error { return w.quiet(ctx) }); err != nil {
		return err
	}
	measured.released.add(late)
	if measured.looks, err = w.controller.reconciles(ctx); err != nil {
		return err
	}
	measured.looks -= looks
	if measured.idle, err = w.measure(func() error { return pass(ctx, w.limits.idle) }); err != nil {
		return err
	}
	if measured.memory, err = memoryOf(w.controller.pid()); err != nil {
		return err
	}
	measured.complaints, err = w.controller.complaints()
	return err
}

// add adds what the controller did in a later span. The time, and what others did meanwhile, are not part of it.
func (s *span) add(later span) {
	s.controller += later.controller
	for kind, count := range later.requests {
		s.requests[kind] += count
	}
}

// profiled does something under the profiler where that was asked for.
func (w *world) profiled(ctx context.Context, name string, do func() (span, error)) (span, error) {
	if w.profiles == "" {
		return do()
	}
	if err := w.controller.profile(true); err != nil {
		return span{}, err
	}
	ofServer := make(chan error, 1)
	go func() { ofServer <- w.profileServer(ctx, name) }()
	done, err := do()
	return done, errors.Join(err, w.controller.profile(false), w.keepProfiles(ctx, name), <-ofServer)
}
