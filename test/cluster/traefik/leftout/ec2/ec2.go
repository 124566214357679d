// Package ec2 names the client that Traefik's ECS provider mentions; each call fails.
package ec2

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Client does nothing.
type Client struct{}

// NewFromConfig gives a client that does nothing.
func NewFromConfig(any) *Client { return &Client{} }

// DescribeInstancesInput names machines.
type DescribeInstancesInput struct{ InstanceIds []string }

// DescribeInstancesOutput would hold machines.
type DescribeInstancesOutput struct{ Reservations []types.Reservation }

// DescribeInstancesPaginator fails on its first page.
type DescribeInstancesPaginator struct{}

// NewDescribeInstancesPaginator gives a paginator that fails.
func NewDescribeInstancesPaginator(*Client, *DescribeInstancesInput) DescribeInstancesPaginator {
	return DescribeInstancesPaginator{}
}

// HasMorePages is always true, so that the failure is seen.
func (DescribeInstancesPaginator) HasMorePages() bool { return true }

// NextPage always fails.
func (DescribeInstancesPaginator) NextPage(context.Context) (*DescribeInstancesOutput, error) {
	return nil, errors.New("this build of Traefik has no EC2 client")
}
