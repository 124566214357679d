package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/gitserver"
	"github.com/sluicehq/sluice/test/load"
)

// How long each part may take. A killed controller's Lease runs for a while before another takes over, so that a release
// may take that much longer for each kill.
const (
	releaseLimit = 4 * time.Minute
	killLimit    = time.Minute
	endLimit     = 3 * time.Minute
)

// demo is one run.
type demo struct {
	options options
	screen  *screen
	cluster *cluster
	work    *gitserver.Worktree
	seen    history
	memory  memory
	traffic *traffic
	killer  *killer
	report  report
}

// run runs the demo from nothing to its last line, and takes down what it brought up.
func run(ctx context.Context, o options) (err error) {
	start := time.Now()
	repository, err := findRepository()
	if err != nil {
		return err
	}
	d := &demo{options: o, screen: newScreen(os.Stdout, start)}
	defer func() {
		interrupted := errors.Is(ctx.Err(), context.Canceled)
		if err != nil && !interrupted && d.cluster != nil && d.cluster.core != nil {
			d.screen.show("")
			later, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			d.cluster.diagnose(later, os.Stderr)
			cancel()
		}
		err = errors.Join(err, d.end(context.WithoutCancel(ctx)))
		if d.report.judged {
			d.report.whole = time.Since(start)
			d.report.memory = d.memory.String()
			d.report.print(os.Stdout)
		}
	}()

	if err := d.prepare(ctx, repository); err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	if err := d.cluster.follow(background, &d.seen, d.screen.say); err != nil {
		return err
	}
	go d.memory.watch(background, d.cluster)
	return d.releases(background)
}

// prepare brings up the cluster with all that the releases need.
func (d *demo) prepare(ctx context.Context, repository string) error {
	d.screen.say("building images")
	archives, err := buildImages(ctx, repository)
	if err != nil {
		return err
	}
	d.screen.say("starting the cluster")
	begun := time.Now()
	if d.cluster, err = startCluster(ctx, repository, d.options.name); err != nil {
		return err
	}
	d.report.clusterStart = time.Since(begun)
	d.screen.say("cluster %s is up after %.1f s; loading images", d.options.name, d.report.clusterStart.Seconds())
	for _, archive := range archives {
		if err := d.cluster.load(ctx, archive); err != nil {
			return err
		}
	}
	d.screen.say("installing the controller from config/default")
	if err := d.cluster.installController(ctx, repository); err != nil {
		return err
	}
	if err := d.cluster.removeNamespace(ctx); err != nil {
		return err
	}
	for _, file := range []string{"demo.yaml", "git.yaml"} {
		if err := d.cluster.applySetup(ctx, file); err != nil {
			return err
		}
	}
	folder := filepath.Join(repository, "bin", "demo", "work-"+d.options.name)
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("an earlier clone: %w", err)
	}
	d.work, err = d.cluster.cloneRepository(ctx, folder)
	d.killer = &killer{cluster: d.cluster, random: rand.New(rand.NewPCG(d.options.seed, 0)), say: d.screen.say} //nolint:gosec // no secret hangs on it
	return err
}

// removeNamespace removes what an earlier run has left on the same cluster.
func (c *cluster) removeNamespace(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: demoNamespace}}
	if err := c.client.Delete(ctx, namespace); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove the namespace of an earlier demo: %w", err)
	}
	return await(ctx, "the namespace of an earlier demo to be gone", endLimit, func(ctx context.Context) (bool, string, error) {
		err := c.client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		return client.IgnoreNotFound(err) == nil && err != nil, "it is " + string(namespace.Status.Phase), client.IgnoreNotFound(err)
	})
}

// releases commits v1, v2 and v3 and judges what comes of them.
func (d *demo) releases(ctx context.Context) error {
	if err := d.release(ctx, first, d.awaitPromotion); err != nil {
		return err
	}
	if err := d.awaitSynced(ctx); err != nil {
		return err
	}
	var err error
	if d.traffic, err = d.cluster.startTraffic(ctx, d.options.rate); err != nil {
		return err
	}
	d.screen.say("%.0f requests per second through the gateway", d.options.rate)
	live, endLive := context.WithCancel(ctx)
	defer endLive()
	go d.live(live)

	inGood := (2*d.options.kills + 2) / 3
	if err := d.underAttack(ctx, inGood, 12*time.Second, func(ctx context.Context) error { return d.release(ctx, good, d.awaitPromotion) }); err != nil {
		return err
	}
	if err := d.underAttack(ctx, d.options.kills-inGood, 6*time.Second, func(ctx context.Context) error { return d.release(ctx, bad, d.awaitRollback) }); err != nil {
		return err
	}
	if err := d.awaitQuiet(ctx); err != nil {
		return err
	}
	endLive()
	d.screen.show("")
	return d.verdict(ctx)
}

// underAttack runs a release while the controller is killed, and waits for both.
func (d *demo) underAttack(ctx context.Context, kills int, spread time.Duration, run func(context.Context) error) error {
	if kills == 0 {
		return run(ctx)
	}
	d.screen.say("killing the controller %d times, seed %d", kills, d.options.seed)
	attack, cancel := context.WithCancel(ctx)
	defer cancel()
	killed := make(chan error, 1)
	go func() { killed <- d.killer.kill(attack, kills, spread) }()
	if err := run(ctx); err != nil {
		return err
	}
	return <-killed
}

// release commits a version, waits for its outcome, and measures.
func (d *demo) release(ctx context.Context, r release, outcome func(context.Context, release, string) error) error {
	begun := time.Now()
	sha, err := commit(ctx, d.work, r)
	if err != nil {
		return err
	}
	d.screen.say("commit %.7s pushed: %s", sha, r.message)
	if err := outcome(ctx, r, sha); err != nil {
		return err
	}
	revision := d.seen.last().status.CurrentRevision
	if pods, ok := d.seen.podsAfter(begun, revision); ok && r != first {
		d.report.pushToPods = append(d.report.pushToPods, timing{r.version, pods})
	}
	switch r {
	case good:
		d.report.promoted, d.report.promotedRevision = sha, revision
	case bad:
		d.report.rolledBack = sha
		d.report.verdictToRoute, d.report.verdictSeen = d.seen.rollbackAfterVerdict(begun, canaryService)
	}
	return nil
}

// limit is how long a release may take.
func (d *demo) limit() time.Duration { return releaseLimit + time.Duration(d.options.kills)*killLimit }

func (d *demo) awaitPromotion(ctx context.Context, r release, sha string) error {
	err := await(ctx, r.version+" to be promoted", d.limit(), func(context.Context) (bool, string, error) {
		now := d.seen.last()
		if rejected, ok := now.rejection(sha); ok {
			return false, "", fmt.Errorf("%s was rolled back: %s: %s", r.version, rejected.Reason, rejected.Message)
		}
		return now.promoted(sha), d.state(), nil
	})
	if err == nil {
		d.screen.say("%s is promoted", r.version)
	}
	return err
}

func (d *demo) awaitRollback(ctx context.Context, r release, sha string) error {
	err := await(ctx, r.version+" to be rolled back", d.limit(), func(context.Context) (bool, string, error) {
		now := d.seen.last()
		if now.promoted(sha) {
			return false, "", fmt.Errorf("%s, which is bad, was promoted", r.version)
		}
		_, rejected := now.rejection(sha)
		weights := now.weights()
		return rejected && weights.Asked == 0 && weights.High == 0, d.state(), nil
	})
	if err == nil {
		d.screen.say("%s is rolled back", r.version)
	}
	return err
}

// state is the Rollout's state in a line.
func (d *demo) state() string {
	now := d.seen.last()
	return fmt.Sprintf("Rollout at commit %.7s: %s %s: %s", now.commit, now.status.Phase, now.status.Step, now.status.Message)
}

// awaitSynced waits until the GitSync says that all is applied and healthy.
func (d *demo) awaitSynced(ctx context.Context) error {
	return await(ctx, "the GitSync to be ready", time.Minute, func(ctx context.Context) (bool, string, error) {
		var sync sluicev1alpha1.GitSync
		err := d.cluster.client.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: gitSyncName}, &sync)
		ready := meta.FindStatusCondition(sync.Status.Conditions, sluicev1alpha1.ConditionReady)
		if err != nil || ready == nil {
			return false, "no condition yet", err
		}
		return ready.Status == metav1.ConditionTrue, ready.Reason + ": " + ready.Message, nil
	})
}

// awaitQuiet waits until the good version answers everything again, the pods of the others are gone, the cluster is as
// Git has it, and there were enough requests.
func (d *demo) awaitQuiet(ctx context.Context) error {
	return await(ctx, "v2 alone to answer, and enough requests", endLimit+d.limit(), func(ctx context.Context) (bool, string, error) {
		var pods corev1.PodList
		if err := d.cluster.client.List(ctx, &pods, client.InNamespace(demoNamespace), client.MatchingLabels{"app": appName}); err != nil {
			return false, "", err
		}
		for _, pod := range pods.Items {
			if pod.Labels[sluicev1alpha1.LabelPodTemplateHash] != d.report.promotedRevision {
				return false, "pod " + pod.Name + " of another revision is still there", nil
			}
		}
		if left, err := d.cluster.leftovers(ctx); left != "" || err != nil {
			return false, left, err
		}
		now := time.Now().Unix()
		stats, err := d.traffic.stats(ctx, now-4)
		if err != nil {
			return notYet(err)
		}
		for _, second := range stats.Seconds {
			for version := range second.Versions {
				if version != good.version {
					return false, version + " still answers", nil
				}
			}
		}
		return len(stats.Seconds) >= 4 && stats.Sent >= d.options.requests, fmt.Sprintf("%d requests sent", stats.Sent), nil
	})
}

// live shows the live view until the context ends.
func (d *demo) live(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		stats, err := d.traffic.stats(ctx, time.Now().Unix()-2)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.screen.show(err.Error())
		default:
			d.screen.show(liveLine(d.seen.last(), stats))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// verdict ends the load and judges.
func (d *demo) verdict(ctx context.Context) error {
	stats, records, err := d.traffic.stop(ctx)
	if err != nil {
		return err
	}
	if d.options.records != "" {
		if err := writeRecords(d.options.records, records); err != nil {
			return err
		}
	}
	d.report.judged, d.report.stats = true, stats
	d.report.kills = d.killer.done
	d.report.shares = observe(&d.seen, d.report.promotedRevision, good.version, records)
	return judge(stats, d.options.requests, d.report.shares)
}

// end takes the cluster down, or says how to look around in it.
func (d *demo) end(ctx context.Context) error {
	d.screen.show("")
	if d.cluster == nil {
		return nil
	}
	if d.options.keep {
		fmt.Fprintf(os.Stdout, "\nThe cluster is still up:\n  export KUBECONFIG=%s\n  go run ./cmd/kubectl-sluice get rollout %s -n %s\n  kubectl get sluice -n %s\n"+
			"  the team's repository: %s\nEnd it with: go -C test/cluster run . down -name %s\n",
			d.cluster.kubeconfig, appName, demoNamespace, demoNamespace, filepath.Join("bin", "demo", "work-"+d.cluster.name), d.cluster.name)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	d.screen.say("taking the cluster down")
	err := d.cluster.down(ctx)
	if d.work != nil {
		err = errors.Join(err, os.RemoveAll(d.work.Dir()))
	}
	return err
}

// report is what was measured.
type report struct {
	// judged says that the releases went their way to the end.
	judged           bool
	clusterStart     time.Duration
	pushToPods       []timing
	verdictToRoute   time.Duration
	verdictSeen      bool
	memory           string
	whole            time.Duration
	promoted         string
	promotedRevision string
	rolledBack       string
	kills            int
	shares           []share
	stats            load.Stats
}

// timing is a time that was measured for a version.
type timing struct {
	version string
	took    time.Duration
}
