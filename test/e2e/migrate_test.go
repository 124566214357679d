package e2e

import "testing"

// canaryInSteps and blueGreenInstead are two strategies of the same Rollout.
const (
	canaryInSteps = `    canary:
      stableService: web
      canaryService: web-canary
      trafficRouting:
        gatewayAPI:
          httpRoutes: [{name: web}]
      steps:
      - setWeight: 20
      - pause: {duration: 5s}
      - setWeight: 50
      - pause: {}             # until somebody promotes
`
	blueGreenInstead = `    blueGreen:
      activeService: web
      previewService: web-canary
      autoPromotionEnabled: false
      scaleDownDelaySeconds: 10
`
)

// migrate: a canary that is half-way becomes blue-green, and a blue-green release a canary.
func (u user) migrate(t *testing.T) {
	u = u.in(t, "migrate")
	host := []string{"web.example", "migrate.example"}
	u.do("apply", "-f", "examples/canary/canary.yaml", "-f", edited(t, "examples/canary/route.yaml", host...))
	u.healthy()
	route := u.field("{.spec}", "httproute", "web")
	load := u.throughGateway(host[1])

	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v2"))
	u.paused("4/4")
	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v2", canaryInSteps, blueGreenInstead))
	u.paused("2/3")
	u.expect(route, u.kubectl, "get", "httproute", "web", "-o", "jsonpath={.spec}")
	u.serves("web-canary", "v2")
	load.alone("v1")
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v2")

	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v3", canaryInSteps, blueGreenInstead))
	u.paused("2/3")
	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v3"))
	u.paused("4/4")
	t.Log("\n" + u.says([]string{"50 %"}, "get", "rollout", "web"))
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v3")
	u.expect(route, u.kubectl, "get", "httproute", "web", "-o", "jsonpath={.spec}")
	load.end("v1", "v2", "v3")
}
