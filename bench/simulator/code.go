package simulator

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// sameFunction reports whether the Go function f(a, b int) int in the answer gives what want gives.
func sameFunction(answer string, want func(a, b int) int) bool {
	start := strings.Index(answer, "func ")
	if start < 0 {
		return false
	}
	source, _, _ := strings.Cut(answer[start:], "```")
	file, err := parser.ParseFile(token.NewFileSet(), "answer.go", "package answer\n"+source, parser.SkipObjectResolution)
	if err != nil || len(file.Decls) != 1 {
		return false
	}
	f, ok := file.Decls[0].(*ast.FuncDecl)
	if !ok || f.Body == nil || f.Recv != nil {
		return false
	}
	var names []string
	for _, params := range f.Type.Params.List {
		for _, name := range params.Names {
			names = append(names, name.Name)
		}
	}
	if len(names) != 2 {
		return false
	}
	for _, in := range [][2]int{{0, 0}, {1, 2}, {7, 3}, {-5, 4}, {100, -33}, {-250, 17}, {13, 250}, {41, 41}, {3, -8}} {
		got, err := call2(f.Body, map[string]int{names[0]: in[0], names[1]: in[1]})
		if err != nil || got != want(in[0], in[1]) {
			return false
		}
	}
	return true
}

var errNoReturn = errors.New("function ends without return")

// call2 runs a function body of integers, assignments, if and return.
func call2(body *ast.BlockStmt, vars map[string]int) (int, error) {
	value, returned, err := run(body.List, vars)
	if err == nil && !returned {
		err = errNoReturn
	}
	return value, err
}

func run(stmts []ast.Stmt, vars map[string]int) (value int, returned bool, err error) {
	for _, stmt := range stmts {
		switch s := stmt.(type) {
		case *ast.ReturnStmt:
			if len(s.Results) != 1 {
				return 0, false, errNoReturn
			}
			value, err = eval(s.Results[0], vars)
			return value, true, err
		case *ast.BlockStmt:
			value, returned, err = run(s.List, vars)
		case *ast.IfStmt:
			value, returned, err = runIf(s, vars)
		case *ast.AssignStmt:
			err = assign(s, vars)
		default:
			err = fmt.Errorf("unknown statement %T", s)
		}
		if err != nil || returned {
			return value, returned, err
		}
	}
	return 0, false, nil
}

func runIf(s *ast.IfStmt, vars map[string]int) (int, bool, error) {
	if s.Init != nil {
		if _, _, err := run([]ast.Stmt{s.Init}, vars); err != nil {
			return 0, false, err
		}
	}
	cond, err := eval(s.Cond, vars)
	switch {
	case err != nil:
		return 0, false, err
	case cond != 0:
		return run(s.Body.List, vars)
	case s.Else != nil:
		return run([]ast.Stmt{s.Else}, vars)
	}
	return 0, false, nil
}

func assign(s *ast.AssignStmt, vars map[string]int) error {
	if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		return errors.New("unknown assignment")
	}
	name, ok := s.Lhs[0].(*ast.Ident)
	if !ok {
		return errors.New("unknown assignment")
	}
	value, err := eval(s.Rhs[0], vars)
	if op, ok := assignments[s.Tok]; ok && err == nil {
		value, err = operate(op, vars[name.Name], value)
	}
	vars[name.Name] = value
	return err
}

var assignments = map[token.Token]token.Token{
	token.ADD_ASSIGN: token.ADD, token.SUB_ASSIGN: token.SUB, token.MUL_ASSIGN: token.MUL,
	token.QUO_ASSIGN: token.QUO, token.REM_ASSIGN: token.REM,
}

// eval computes an expression; true is 1, false is 0.
func eval(expr ast.Expr, vars map[string]int) (int, error) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		return strconv.Atoi(e.Value)
	case *ast.Ident:
		if v, ok := vars[e.Name]; ok {
			return v, nil
		}
	case *ast.ParenExpr:
		return eval(e.X, vars)
	case *ast.UnaryExpr:
		v, err := eval(e.X, vars)
		switch e.Op {
		case token.SUB:
			return -v, err
		case token.NOT:
			return 1 - v, err
		}
	case *ast.BinaryExpr:
		x, err := eval(e.X, vars)
		if err != nil {
			return 0, err
		}
		y, err := eval(e.Y, vars)
		if err != nil {
			return 0, err
		}
		return operate(e.Op, x, y)
	case *ast.CallExpr:
		return builtin(e, vars)
	}
	return 0, fmt.Errorf("unknown expression %T", expr)
}

func operate(op token.Token, x, y int) (int, error) {
	truth := map[bool]int{true: 1}
	switch op {
	case token.ADD:
		return x + y, nil
	case token.SUB:
		return x - y, nil
	case token.MUL:
		return x * y, nil
	case token.QUO, token.REM:
		if y == 0 {
			return 0, errors.New("division by zero")
		}
		if op == token.QUO {
			return x / y, nil
		}
		return x % y, nil
	case token.LSS:
		return truth[x < y], nil
	case token.GTR:
		return truth[x > y], nil
	case token.LEQ:
		return truth[x <= y], nil
	case token.GEQ:
		return truth[x >= y], nil
	case token.EQL:
		return truth[x == y], nil
	case token.NEQ:
		return truth[x != y], nil
	case token.LAND:
		return x & y, nil
	case token.LOR:
		return x | y, nil
	}
	return 0, fmt.Errorf("unknown operator %s", op)
}

// builtin computes min and max of any number of arguments.
func builtin(e *ast.CallExpr, vars map[string]int) (int, error) {
	name, ok := e.Fun.(*ast.Ident)
	if !ok || name.Name != "min" && name.Name != "max" || len(e.Args) == 0 {
		return 0, errors.New("unknown function")
	}
	best, err := eval(e.Args[0], vars)
	for _, arg := range e.Args[1:] {
		v, argErr := eval(arg, vars)
		if argErr != nil {
			return 0, argErr
		}
		if name.Name == "min" {
			best = min(best, v)
		} else {
			best = max(best, v)
		}
	}
	return best, err
}
