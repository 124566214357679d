package condition

import (
	"errors"
	"slices"
	"strings"
)

// tokenKind is what a token of the former language is.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenText
	tokenName
	tokenOperator
)

type token struct {
	kind tokenKind
	text string
}

// errForeign is given for whatever the translator does not know. There is no hint then.
var errForeign = errors.New("not a form that can be translated")

// longOperators are those of more than one character, longest first.
var longOperators = []string{"==", "!=", "<=", ">=", "&&", "||", "??", "?.", "..", "**"}

const shortOperators = "+-*/%<>!?:.,()[]{}#|^"

// lex splits a condition of Argo Rollouts into tokens.
func lex(source string) ([]token, error) {
	var tokens []token
	for source != "" {
		size := 0
		kind := tokenOperator
		switch c := source[0]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			source = source[1:]
			continue
		case c >= '0' && c <= '9':
			kind, size = tokenNumber, numberLength(source)
		case c == '"' || c == '\'':
			kind, size = tokenText, textLength(source)
		case isLetter(c):
			kind, size = tokenName, nameLength(source)
		default:
			size = operatorLength(source)
		}
		if size <= 0 {
			return nil, errForeign
		}
		tokens = append(tokens, token{kind: kind, text: source[:size]})
		source = source[size:]
	}
	return append(tokens, token{kind: tokenEnd}), nil
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func nameLength(source string) int {
	n := 0
	for n < len(source) && (isLetter(source[n]) || isDigit(source[n])) {
		n++
	}
	return n
}

// numberLength reads digits, with _ between them, a fraction and an exponent. Two dots are a range, not a fraction.
func numberLength(source string) int {
	n := 0
	digits := func() {
		for n < len(source) && (isDigit(source[n]) || source[n] == '_') {
			n++
		}
	}
	digits()
	if n+1 < len(source) && source[n] == '.' && isDigit(source[n+1]) {
		n++
		digits()
	}
	if n < len(source) && (source[n] == 'e' || source[n] == 'E') {
		n++
		if n < len(source) && (source[n] == '+' || source[n] == '-') {
			n++
		}
		digits()
	}
	return n
}

// textLength reads up to the closing quote; 0 where there is none.
func textLength(source string) int {
	for n := 1; n < len(source); n++ {
		switch source[n] {
		case '\\':
			n++
		case source[0]:
			return n + 1
		}
	}
	return 0
}

func operatorLength(source string) int {
	if i := slices.IndexFunc(longOperators, func(o string) bool { return strings.HasPrefix(source, o) }); i >= 0 {
		return len(longOperators[i])
	}
	if strings.IndexByte(shortOperators, source[0]) >= 0 {
		return 1
	}
	return 0
}
