package crd

import "strings"

const gitSyncBase = `
apiVersion: sluice.dev/v1alpha1
kind: GitSync
metadata: {name: shop, namespace: team-a}
spec:
  source:
    repoURL: https://git.example.com/team-a/shop.git
    targetRevision: main
    path: deploy/overlays/prod
  destination: {namespace: shop}
  serviceAccountName: deployer
  interval: 30s
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`

// source is a patch of the source.
func source(patch string) string { return "spec: {source: {" + patch + "}}" }

// gitSyncTables are the GitSyncs.
var gitSyncTables = []table{
	{name: "GitSync", kind: "GitSync", base: gitSyncBase, rows: []row{
		good("the base", "{}"),
		good("the least", "spec: {destination: null, serviceAccountName: null, interval: null, syncPolicy: null, source: {targetRevision: null, path: null}}"),
		good("http without credentials", source("repoURL: 'http://git.example.com/shop.git'")),
		good("https with a port and credentials", source("repoURL: 'https://git.example.com:8443/a/b', secretRef: {name: git}")),
		good("the root", source(`path: ""`)),
		good("this folder", source("path: ./deploy")),
		good("dots in a name", source("path: deploy..old/v1...")),
		good("suspended", "spec: {suspend: true}"),
		good("the shortest interval", "spec: {interval: 1s}"),
		good("reports only", "spec: {syncPolicy: {automated: null}}"),
		good("by hand", "spec: {syncPolicy: null}"),

		bad("no spec", "spec: null", "spec", "Required value"),
		bad("no source", "spec: {source: null}", "spec.source", "Required value"),
		bad("no repository", source("repoURL: null"), "spec.source.repoURL", "Required value"),
		bad("a file", source("repoURL: 'file:///etc'"), "spec.source.repoURL", "should match"),
		bad("a folder", source("repoURL: /srv/git/shop"), "spec.source.repoURL", "should match"),
		bad("git's own transport", source("repoURL: 'git://git.example.com/shop'"), "spec.source.repoURL", "should match"),
		bad("ext transport", source("repoURL: 'ext::sh -c id'"), "spec.source.repoURL", "should match"),
		bad("credentials in the address", source("repoURL: 'https://me:secret@git.example.com/shop'"), "spec.source.repoURL", "should match"),
		bad("a query", source("repoURL: 'https://git.example.com/shop?token=x'"), "spec.source.repoURL", "should match"),
		bad("a host alone", source("repoURL: 'https://git.example.com'"), "spec.source.repoURL", "should match"),
		bad("an address without end", source("repoURL: 'https://git.example.com/"+strings.Repeat("x", 2048)+"'"), "spec.source.repoURL", "may not be more than 2048"),
		bad("credentials over http", source("repoURL: 'http://git.example.com/shop', secretRef: {name: git}"),
			"spec.source", "secretRef needs a repoURL that begins with https://"),
		bad("a Secret without a name", source(`secretRef: {name: ""}`), "spec.source.secretRef.name"),
		bad("an absolute path", source("path: /etc"), "spec.source.path", "path must be relative"),
		bad("a way out", source("path: deploy/../../etc"), "spec.source.path", "must not contain .."),
		bad("a way out at the end", source("path: deploy/.."), "spec.source.path", "must not contain .."),
		bad("a path without end", source("path: "+strings.Repeat("x", 1025)), "spec.source.path", "may not be more than 1024"),
		bad("a hot loop", "spec: {interval: 0s}", "spec.interval", "interval must be at least 1s"),
		bad("a hot loop in milliseconds", "spec: {interval: 999ms}", "spec.interval", "interval must be at least 1s"),
		bad("an interval in words", "spec: {interval: hourly}", "spec.interval", "should match"),
		bad("a misspelt policy", "spec: {syncPolicy: {automatic: {}}}", "spec.syncPolicy.automatic", "there is no such field"),
		bad("a prune that is text", `spec: {syncPolicy: {automated: {prune: "yes"}}}`, "spec.syncPolicy.automated.prune", "boolean"),
		bad("a namespace too long", "spec: {destination: {namespace: "+strings.Repeat("a", 64)+"}}", "spec.destination.namespace", "may not be more than 63"),
	}},
}
