// Package ssm names the client that Traefik's ECS provider mentions; each call fails.
package ssm

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Client does nothing.
type Client struct{}

// NewFromConfig gives a client that does nothing.
func NewFromConfig(any) *Client { return &Client{} }

// DescribeInstanceInformationInput selects managed machines.
type DescribeInstanceInformationInput struct {
	Filters []types.InstanceInformationStringFilter
}

// DescribeInstanceInformationOutput would hold managed machines.
type DescribeInstanceInformationOutput struct {
	InstanceInformationList []types.InstanceInformation
}

// DescribeInstanceInformationPaginator fails on its first page.
type DescribeInstanceInformationPaginator struct{}

// NewDescribeInstanceInformationPaginator gives a paginator that fails.
func NewDescribeInstanceInformationPaginator(*Client, *DescribeInstanceInformationInput) DescribeInstanceInformationPaginator {
	return DescribeInstanceInformationPaginator{}
}

// HasMorePages is always true, so that the failure is seen.
func (DescribeInstanceInformationPaginator) HasMorePages() bool { return true }

// NextPage always fails.
func (DescribeInstanceInformationPaginator) NextPage(context.Context) (*DescribeInstanceInformationOutput, error) {
	return nil, errors.New("this build of Traefik has no SSM client")
}
