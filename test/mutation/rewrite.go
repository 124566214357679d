package mutation

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// Schemata is a package in which every mutant is present, each waiting to be switched on.
type Schemata struct {
	Mutants []Mutant
	// Files are the new texts by path: those of the package, and one more with the switches.
	Files map[string]string
}

//go:embed switches.go.txt
var switches string

// Mutate finds every mutant of a package, and writes the package anew with all of them in it.
func (p *Package) Mutate() Schemata {
	f := newFinder(p)
	for _, file := range p.files {
		f.find(file)
	}
	s := Schemata{Mutants: f.mutants, Files: map[string]string{}}
	for _, file := range p.files {
		s.Files[file.name] = string(file.text[:p.offset(file.tree.Pos())]) + f.rewritten(file.tree) +
			string(file.text[p.offset(file.tree.End()):])
	}
	name := filepath.Join(p.Dir, "zz_mutants.go")
	s.Files[name] = strings.NewReplacer("PACKAGE", p.Name, "COUNT", strconv.Itoa(len(s.Mutants))).Replace(switches)
	return s
}

func (p *Package) offset(pos token.Pos) int { return p.set.Position(pos).Offset }

func (p *Package) text(from, to token.Pos) string {
	for _, file := range p.files {
		if file.tree.FileStart <= from && to <= file.tree.FileEnd {
			return string(file.text[p.offset(from):p.offset(to)])
		}
	}
	return ""
}

// edits are what is done to the nodes of a package.
type edits struct {
	p *Package
	// build writes a node from its parts; wrap puts something around what a node has become.
	build map[ast.Node]func() string
	wrap  map[ast.Node][]func(string) string
	// swapped are the mutants that carry out a statement's successor before it.
	swapped map[ast.Node]swap
	// second are the statements that such a mutant carries out before their predecessor.
	second map[ast.Node]int
}

type swap struct {
	number int
	next   ast.Stmt
}

// rewritten is the new text of a node.
func (e *edits) rewritten(node ast.Node) string {
	text := e.once(node)
	if before, ok := e.swapped[node]; ok {
		text = fmt.Sprintf("if mutantAt(%d) {\n%s\n}\n%s", before.number, e.once(before.next), text)
	}
	if number, ok := e.second[node]; ok {
		text = fmt.Sprintf("if !mutantAt(%d) {\n%s\n}", number, text)
	}
	return text
}

// once is the new text of a node for itself, whatever its neighbours are.
func (e *edits) once(node ast.Node) string {
	text := ""
	if build, ok := e.build[node]; ok {
		text = build()
	} else {
		text = e.inside(node)
	}
	for _, wrap := range e.wrap[node] {
		text = wrap(text)
	}
	return text
}

// inside is a node's text with the new texts of the nodes in it.
func (e *edits) inside(node ast.Node) string {
	var out strings.Builder
	at := node.Pos()
	ast.Inspect(node, func(child ast.Node) bool {
		if child == nil || child == node || !e.edited(child) {
			return true
		}
		out.WriteString(e.p.text(at, child.Pos()))
		out.WriteString(e.rewritten(child))
		at = child.End()
		return false
	})
	out.WriteString(e.p.text(at, node.End()))
	return out.String()
}

func (e *edits) edited(node ast.Node) bool {
	_, first := e.swapped[node]
	_, second := e.second[node]
	return e.build[node] != nil || e.wrap[node] != nil || first || second
}
