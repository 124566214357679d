// Package arch holds the rules of the layout: what may import what, what must be pure, what a file may look like, and what
// the shipped configuration may grant. CONTRIBUTING.md gives the rules in words.
package arch
