// Package view turns Rollouts and what belongs to them into text for people. It is pure: objects and the time come in, a
// model comes out (BuildRollout, BuildGitSync, BuildList), and Render turns a model into lines of a width, with or without
// colour. Text that others wrote (messages, values, names) cannot steer the terminal: control characters are taken out.
package view
