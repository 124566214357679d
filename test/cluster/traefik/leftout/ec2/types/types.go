// Package types names the EC2 types that Traefik's ECS provider mentions.
package types

// InstanceStateName is the state of a machine.
type InstanceStateName string

// InstanceStateNameRunning is the state of a running machine.
const InstanceStateNameRunning InstanceStateName = "running"

// InstanceState holds a machine's state.
type InstanceState struct{ Name InstanceStateName }

// Instance is a machine.
type Instance struct {
	InstanceId, PrivateIpAddress *string
	State                        *InstanceState
}

// Reservation is a group of machines.
type Reservation struct{ Instances []Instance }
