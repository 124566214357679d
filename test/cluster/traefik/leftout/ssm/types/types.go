// Package types names the SSM types that Traefik's ECS provider mentions.
package types

// InstanceInformation describes a managed machine.
type InstanceInformation struct{ InstanceId, IPAddress *string }

// InstanceInformationStringFilter selects managed machines.
type InstanceInformationStringFilter struct {
	Key    *string
	Values []string
}
