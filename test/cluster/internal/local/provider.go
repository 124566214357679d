//go:build linux

package local

import (
	"context"

	"github.com/sluicehq/sluice/test/cluster/internal/access"
)

// Cluster is one cluster on this machine.
type Cluster struct{ Options }

// Up brings the cluster up; see Up.
func (c *Cluster) Up(ctx context.Context) (access.Points, error) { return Up(ctx, c.Options) }

// Find gives how the cluster is reached.
func (c *Cluster) Find(context.Context) (access.Points, error) { return Find(c.Name) }

// Down ends the cluster; see Down.
func (c *Cluster) Down(ctx context.Context) error { return Down(ctx, c.Name, c.Progress) }

// LoadImage gives the cluster the images of an archive.
func (c *Cluster) LoadImage(ctx context.Context, file string) error {
	return LoadImage(ctx, c.Name, file, c.Progress)
}
