package mutation

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// finder goes through a package and notes every place at which a fault can be made, with how it is made.
type finder struct {
	edits
	mutants []Mutant
	again   map[string]int
	file    *source
	fn      string
	// action is the package's type Action; nil where it has none.
	action *types.Interface
	// path are the nodes above the one that is being looked at.
	path []ast.Node
}

func newFinder(p *Package) *finder {
	f := &finder{again: map[string]int{}, edits: edits{
		p: p, build: map[ast.Node]func() string{}, wrap: map[ast.Node][]func(string) string{},
		swapped: map[ast.Node]swap{}, second: map[ast.Node]int{},
	}}
	if object := p.self.Scope().Lookup("Action"); object != nil {
		f.action, _ = object.Type().Underlying().(*types.Interface)
	}
	return f
}

// add notes a mutant and returns its number.
func (f *finder) add(at ast.Node, operator Operator, from, to string) int {
	m := Mutant{
		Number: len(f.mutants) + 1, Position: f.p.set.Position(at.Pos()), Func: f.fn, Operator: operator,
		From: oneLine(from), To: oneLine(to),
	}
	id := m.ID()
	m.Again = f.again[id]
	f.again[id]++
	f.mutants = append(f.mutants, m)
	return m.Number
}

func (f *finder) around(node ast.Node, wrap func(string) string) {
	f.wrap[node] = append(f.wrap[node], wrap)
}

func (f *finder) source(node ast.Node) string { return f.p.text(node.Pos(), node.End()) }

func (f *finder) find(file *source) {
	f.file = file
	for _, declaration := range file.tree.Decls {
		fn, ok := declaration.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		f.fn = nameOf(fn)
		ast.Inspect(fn.Body, func(node ast.Node) bool {
			if node == nil {
				f.path = f.path[:len(f.path)-1]
				return true
			}
			f.visit(node)
			f.path = append(f.path, node)
			return true
		})
	}
}

func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	receiver := fn.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if name, ok := receiver.(*ast.Ident); ok {
		return name.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

func (f *finder) visit(node ast.Node) {
	switch node := node.(type) {
	case *ast.BlockStmt:
		f.statements(node.List)
	case *ast.CaseClause:
		f.statements(node.Body)
	case *ast.IfStmt:
		f.initialised(node.Init)
	case *ast.SwitchStmt:
		f.initialised(node.Init)
		f.cases(node)
	case ast.Expr:
		f.expression(node)
	}
}

func (f *finder) parent() ast.Node {
	if len(f.path) == 0 {
		return nil
	}
	return f.path[len(f.path)-1]
}

// statements finds what can be left out of a list of statements, and which of them can be swapped.
func (f *finder) statements(list []ast.Stmt) {
	for i, statement := range list {
		if operator, ok := f.droppable(statement); ok {
			n := f.add(statement, operator, f.source(statement), "")
			f.around(statement, func(text string) string { return fmt.Sprintf("if !mutantAt(%d) {\n%s\n}", n, text) })
		}
		if i > 0 && f.swappable(list[i-1], statement) {
			first := list[i-1]
			a, b := f.source(first), f.source(statement)
			n := f.add(first, NeighboursSwapped, a+"; "+b, b+"; "+a)
			f.swapped[first] = swap{number: n, next: statement}
			f.second[statement] = n
		}
	}
}

func (f *finder) droppable(statement ast.Stmt) (Operator, bool) {
	switch s := statement.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		switch {
		case !ok || f.builtin(call, "panic"):
			return "", false
		case f.acts(call):
			return ActionDropped, true
		}
		return CallDropped, true
	case *ast.AssignStmt:
		return AssignmentDropped, s.Tok != token.DEFINE && !blank(s)
	case *ast.IncDecStmt:
		return AssignmentDropped, true
	}
	return "", false
}

// blank says that an assignment stores nothing.
func blank(s *ast.AssignStmt) bool {
	for _, left := range s.Lhs {
		if name, ok := left.(*ast.Ident); !ok || name.Name != "_" {
			return false
		}
	}
	return true
}

// acts says whether a call is given an Action.
func (f *finder) acts(call *ast.CallExpr) bool {
	if f.action == nil {
		return false
	}
	for _, arg := range call.Args {
		if t := f.p.types.TypeOf(arg); t != nil && !types.IsInterface(t) && types.Implements(t, f.action) {
			return true
		}
	}
	return false
}

func (f *finder) builtin(call *ast.CallExpr, names ...string) bool {
	name, ok := call.Fun.(*ast.Ident)
	if !ok {
		return false
	}
	object, ok := f.p.types.Uses[name].(*types.Builtin)
	if !ok {
		return false
	}
	for _, n := range names {
		if object.Name() == n {
			return true
		}
	}
	return false
}

// swappable says whether two neighbours both do something, so that their order may matter. What only tells people
// something has no order; two assignments have one where the one has what the other sets.
func (f *finder) swappable(a, b ast.Stmt) bool {
	first, ok := a.(*ast.AssignStmt)
	second, both := b.(*ast.AssignStmt)
	if ok && both && first.Tok == token.ASSIGN && second.Tok == token.ASSIGN {
		return f.sets(first, b) || f.sets(second, a)
	}
	return f.does(a) && f.does(b)
}

// sets says whether what an assignment sets is in another statement.
func (f *finder) sets(s *ast.AssignStmt, other ast.Stmt) bool {
	for _, left := range s.Lhs {
		if strings.Contains(f.source(other), f.source(left)) {
			return true
		}
	}
	return false
}

// does says whether a statement is a call whose results nobody uses, or an if with nothing but such calls.
func (f *finder) does(statement ast.Stmt) bool {
	switch s := statement.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return ok && !f.builtin(call, "panic") && !f.tells(call)
	case *ast.IfStmt:
		if s.Else != nil {
			return false
		}
		for _, inner := range s.Body.List {
			if !f.does(inner) {
				return false
			}
		}
		return len(s.Body.List) > 0
	}
	return false
}

// tells says whether a call has the form of a message: a format with any number of values.
func (f *finder) tells(call *ast.CallExpr) bool {
	signature, ok := f.p.types.TypeOf(call.Fun).(*types.Signature)
	if !ok || !signature.Variadic() {
		return false
	}
	last := signature.Params().At(signature.Params().Len() - 1).Type()
	slice, ok := last.(*types.Slice)
	return ok && types.IsInterface(slice.Elem())
}

// initialised finds an assignment before a condition: it cannot be left out as a statement, so it keeps the old value.
func (f *finder) initialised(init ast.Stmt) {
	s, ok := init.(*ast.AssignStmt)
	if !ok || s.Tok != token.ASSIGN || len(s.Lhs) != 1 || blank(s) {
		return
	}
	n := f.add(s, AssignmentDropped, f.source(s), "")
	f.around(s.Rhs[0], func(text string) string { return fmt.Sprintf("mutantKeep(%d, %s, %s)", n, f.source(s.Lhs[0]), text) })
}

// cases finds the values of a switch that has a tag.
func (f *finder) cases(s *ast.SwitchStmt) {
	if s.Tag == nil {
		return
	}
	basic, ok := f.p.types.TypeOf(s.Tag).Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsInteger|types.IsString) == 0 || basic.Info()&types.IsUnsigned != 0 {
		return
	}
	for _, clause := range s.Body.List {
		for _, value := range clause.(*ast.CaseClause).List {
			n := f.add(value, CaseDropped, "case "+f.source(value), "")
			// An untyped constant gets the type of the tag.
			name, _ := f.typeName(f.p.types.TypeOf(s.Tag))
			f.around(value, func(text string) string { return fmt.Sprintf("mutantUnlike(%d, %s(%s))", n, name, text) })
		}
	}
}

// typeName is how the file writes a type; false where it cannot.
func (f *finder) typeName(t types.Type) (string, bool) {
	known := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == f.p.self {
			return ""
		}
		for _, spec := range f.file.tree.Imports {
			if strings.Trim(spec.Path.Value, `"`) == p.Path() {
				if spec.Name != nil {
					return spec.Name.Name
				}
				return p.Name()
			}
		}
		known = false
		return p.Name()
	})
	return name, known
}
