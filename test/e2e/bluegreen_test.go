package e2e

import "testing"

// blueGreen: what examples/blue-green/README.md says, with an abort before the switch, a way back after it, and a switch by
// the weights of the route.
func (u user) blueGreen(t *testing.T) {
	u = u.in(t, "blue-green")
	u.do("apply", "-f", "examples/blue-green")
	u.healthy()
	selectors := u.field("{.items[*].spec.selector}", "service", "web", "web-preview")
	load := u.throughGateway("blue-green.example")

	u.do("apply", "-f", edited(t, "examples/blue-green/blue-green.yaml", "value: v1", "value: v2"))
	u.paused("2/3")
	u.serves("web-preview", "v2")
	u.serves("web", "v1")
	t.Log("\n" + u.says([]string{"Paused", "preview", "active, 100 % of the traffic"}, "get", "rollout", "web"))
	u.refused([]string{"blue-green", "no steps to jump between"}, "jump", "web", "3")
	u.says([]string{"abort of revision", "accepted"}, "abort", "web", "--reason", "it looks wrong")
	u.reaches("{.status.phase}", "Degraded")
	u.refused([]string{"it looks wrong"}, "status", "web")
	u.serves("web", "v1")
	load.only("v1")

	u.says([]string{"retry of revision", "accepted"}, "retry", "web")
	u.paused("2/3")
	u.says([]string{"accepted"}, "pause", "web", "--reason", "somebody is still looking")
	u.says([]string{"accepted"}, "resume", "web")
	u.paused("2/3")
	u.says([]string{"promote of revision", "accepted"}, "promote", "web")
	u.healthy()
	load.alone("v2")
	u.rests(selectors)

	u.says([]string{"the template of revision", "is back"}, "undo", "web")
	u.paused("2/3")
	u.serves("web-preview", "v1")
	u.serves("web", "v2")
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v1")
	u.rests(selectors)

	byRoute := []string{"activeService: web\n", "activeService: web\n      trafficRouting: {gatewayAPI: {httpRoutes: [{name: web}]}}\n"}
	route := u.field("{.spec}", "httproute", "web")
	u.do("apply", "-f", edited(t, "examples/blue-green/blue-green.yaml", append(byRoute, "value: v1", "value: v3")...))
	u.paused("2/3")
	u.serves("web", "v1")
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v3")
	u.rests(selectors)
	u.expect(route, u.kubectl, "get", "httproute", "web", "-o", "jsonpath={.spec}")
	load.end("v1", "v2", "v3")
	t.Log("\n" + u.says([]string{"Promoted", "Aborted", "it looks wrong"}, "history", "web"))
}

// rests waits until the two Services of blue-green have their selectors back.
func (u user) rests(selectors string) {
	u.t.Helper()
	u.expect(selectors, u.kubectl, "get", "service", "web", "web-preview", "-o", "jsonpath={.items[*].spec.selector}")
}
