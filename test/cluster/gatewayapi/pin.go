// Package gatewayapi pins the version of the Gateway API whose CRDs the cluster
// gets; they are read from the module as it was downloaded.
package gatewayapi

import _ "sigs.k8s.io/gateway-api/pkg/consts" // its module holds config/crd
