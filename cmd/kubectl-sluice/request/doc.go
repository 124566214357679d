// Package request asks the controller for something on behalf of a person: it writes status.request of a Rollout, or the
// sync annotation of a GitSync, and waits for what becomes of it.
//
// A request is made for one revision, and a promotion or a jump for one step, as they were read just before: the controller refuses
// it when they have moved on, so that a slow hand never promotes something else.
package request
