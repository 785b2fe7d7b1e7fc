package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayWriteStates says for each excused file why it may assign a state.
var mayWriteStates = map[string]string{
	"transition.go": "it is the transition",
	"seed.go":       "the demo makes connections with a past",
	"unreadable.go": "a report copies the state",
}

// Every change of a connection's state goes through the transition, which also records
// it and sends the messages.
func TestHouseOnlyTheTransitionWritesStates(t *testing.T) {
	read, excused := 0, 0
	err := filepath.WalkDir(root+"/models", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.Name() == "modeltest" { // only tests import it
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		read++
		found := stateWrites(files, file)
		if mayWriteStates[d.Name()] != "" {
			if excused++; len(found) == 0 {
				t.Errorf("%s need not be excused", path)
			}
			return nil
		}
		for _, at := range found {
			t.Errorf("%s: only the transition may change a connection's state", at)
		}
		return nil
	})
	if err != nil || read < 80 || excused != len(mayWriteStates) {
		t.Errorf("read %d files, %d excused, %v", read, excused, err)
	}
}

// The check in the test above finds each way to write a state.
func TestHouseStateWritesAreSeen(t *testing.T) {
	for body, want := range map[string]int{
		`c.State = Connected`:                                                    1,
		`c.Reason, c.State = "", Connected`:                                      1,
		`current.connection.State = x`:                                           1,
		`p := &c.State; _ = p`:                                                   1,
		`read(&c.State)`:                                                         1,
		`db.ReadRow(ctx, q, &c.State)`:                                           0,
		`_ = Connection{ID: id, State: Pending}`:                                 1,
		`_ = models.Connection{State: Pending}`:                                  1,
		`_ = []Connection{{State: Pending}, {State: Pending}}`:                   2,
		`_ = []*Connection{{State: Pending}}`:                                    1,
		`tx.Update("state", Connected)`:                                          1,
		`tx.Updates(map[string]any{"state": Connected})`:                         1,
		`tx.Select("State").Updates(c)`:                                          1,
		"tx.Exec(`UPDATE connections\nSET reason = '', state = ? WHERE id = ?`)": 1,
		`tx.Exec("insert into connections VALUES (?)")`:                          1,
		`tx.Save(&connection)`:                                                   1,
		`if c.State == Connected { return }`:                                     0,
		`state := c.State; _ = state`:                                            0,
		`_ = SampleConnection{State: Pending}`:                                   0,
		`tx.Raw("SELECT id FROM connections WHERE state = ?")`:                   0,
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "planted.go", "package models\nfunc f() {\n"+body+"\n}", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if found := stateWrites(files, file); len(found) != want {
			t.Errorf("%s: found %q, want %d", body, found, want)
		}
	}
}

// sqlWritesStates matches statements that set the column or insert a row.
var sqlWritesStates = regexp.MustCompile(`(?is)\bupdate\s+connections\b.*\bset\b.*\bstate\s*=|\binsert\s+into\s+connections\b`)

// stateWrites returns the places where a file writes the state of a connection. Saving
// a whole row counts, because the state is one of its columns.
func stateWrites(files *token.FileSet, file *ast.File) (found []string) {
	add := func(n ast.Node, what string) {
		found = append(found, fmt.Sprintf("%s: %s", files.Position(n.Pos()), what))
	}
	isState := func(e ast.Expr) bool {
		field, ok := e.(*ast.SelectorExpr)
		return ok && field.Sel.Name == "State"
	}
	var scanned []ast.Expr
	for node := range ast.Preorder(file) {
		switch n := node.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if isState(left) {
					add(n, "assigns the state")
				}
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND && isState(n.X) && !slices.Contains(scanned, ast.Expr(n)) {
				add(n, "takes the state's address")
			}
		case *ast.CompositeLit:
			for _, literal := range connectionLiterals(n) {
				for _, element := range literal.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok && fmt.Sprint(pair.Key) == "State" {
						add(pair, "makes a connection in a state")
					}
				}
			}
		case *ast.CallExpr:
			method, ok := n.Fun.(*ast.SelectorExpr)
			if ok && method.Sel.Name == "Save" {
				add(n, "saves a whole row")
			}
			if ok && method.Sel.Name == "ReadRow" { // ReadRow only fills in what it reads
				scanned = append(scanned, n.Args...)
			}
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind == token.STRING && err == nil && (strings.EqualFold(text, "state") || sqlWritesStates.MatchString(text)) {
				add(n, "names the column to write")
			}
		}
	}
	return found
}

// connectionLiterals returns the literal if it is a connection, or the connections in
// it if it is a list.
func connectionLiterals(n *ast.CompositeLit) (list []*ast.CompositeLit) {
	if isConnection(n.Type) {
		return []*ast.CompositeLit{n}
	}
	if of, ok := n.Type.(*ast.ArrayType); ok && isConnection(of.Elt) {
		for _, element := range n.Elts {
			if literal, ok := element.(*ast.CompositeLit); ok && literal.Type == nil {
				list = append(list, literal)
			}
		}
	}
	return list
}

func isConnection(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "Connection"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Connection"
	case *ast.StarExpr:
		return isConnection(e.X)
	}
	return false
}
