// Package change changes the spec of a Rollout on behalf of a person: it undoes a release, restarts pods, and sets images.
// Where the Rollout takes its pod template from a Deployment, the Deployment's template is changed.
//
// Every change is a merge patch on the condition of the resourceVersion that was read, and is refused where a GitSync
// keeps the object: Git would put its own version back.
package change
