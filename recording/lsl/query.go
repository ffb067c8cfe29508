package lsl

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
)

// query is a condition on an info: the part of XPath 1.0 that streams are asked for with. It has paths of element names (name,
// desc/manufacturer, desc/channels/channel/label), texts, numbers, = != < <= > >=, and, or, not(), contains(), starts-with() and
// count().
type query struct{ root node }

// maxQuery is the longest query, in bytes: a packet holds no longer one.
const maxQuery = 16 << 10

// node is a part of a query. It gives a value: a bool, a float64, a string, or the texts of the elements on a path.
type node func(info *Element) any

// parseQuery reads a query; an empty one is true of every stream.
func parseQuery(text string) (*query, error) {
	if strings.TrimSpace(text) == "" {
		return &query{func(*Element) any { return true }}, nil
	}
	p := &queryParser{text: text}
	if len(text) > maxQuery {
		return nil, p.fail(fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", maxQuery))
	}
	p.next()
	n, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		return nil, p.fail(strconv.Quote(p.token), "the end of the query, or an operator")
	}
	return &query{n}, nil
}

// matches reports whether the query is true of an info.
func (q *query) matches(info *Element) bool { return truth(q.root(info)) }

// queryParser splits a query into tokens and reads them by recursive descent.
type queryParser struct {
	text  string
	at    int // behind the token
	token string
	err   error
}

func (p *queryParser) fail(found, expected string) error {
	return &recording.Error{Field: "stream query", Offset: int64(p.at), Found: found, Expected: expected,
		Remedy: "ask for a stream such as name='BioSemi' or type='EEG' and starts-with(hostname,'lab')"}
}

// next moves to the next token: an operator, a quoted text with its first quote, a number, or a path.
func (p *queryParser) next() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	from := p.at
	if from == len(p.text) {
		p.token = ""
		return
	}
	switch c := p.text[from]; {
	case c == '\'' || c == '"':
		end := strings.IndexByte(p.text[from+1:], c)
		if end < 0 {
			p.err = p.fail("a text without its closing quote", "a quote "+string(c))
			p.token = ""
			return
		}
		p.at = from + end + 2
		p.token = p.text[from : p.at-1]
		return
	case strings.HasPrefix(p.text[from:], "!=") || strings.HasPrefix(p.text[from:], "<=") || strings.HasPrefix(p.text[from:], ">="):
		p.at += 2
	case strings.IndexByte("=<>(),", c) >= 0:
		p.at++
	default:
		for p.at < len(p.text) && strings.IndexByte(" \t\r\n=<>(),!'\"", p.text[p.at]) < 0 {
			p.at++
		}
		p.at = max(p.at, from+1)
	}
	p.token = p.text[from:p.at]
}

// maxNesting is how deep brackets and functions may lie within each other.
const maxNesting = 50

func (p *queryParser) or(depth int) (node, error) {
	return p.chain(depth, "or", p.and, func(a, b node) node {
		return func(i *Element) any { return truth(a(i)) || truth(b(i)) }
	})
}

func (p *queryParser) and(depth int) (node, error) {
	return p.chain(depth, "and", p.comparison, func(a, b node) node {
		return func(i *Element) any { return truth(a(i)) && truth(b(i)) }
	})
}

// chain reads operands with one operator between them.
func (p *queryParser) chain(depth int, operator string, operand func(int) (node, error), join func(a, b node) node) (node, error) {
	if depth > maxNesting {
		return nil, p.fail("more brackets", fmt.Sprintf("at most %d within each other", maxNesting))
	}
	first, err := operand(depth)
	if err != nil || p.token != operator {
		return first, err
	}
	operands := []node{first}
	for p.token == operator {
		p.next()
		n, err := operand(depth)
		if err != nil {
			return nil, err
		}
		operands = append(operands, n)
	}
	// A balanced tree keeps the depth of the evaluation small, however long the chain.
	for len(operands) > 1 {
		var half []node
		for k := 0; k+1 < len(operands); k += 2 {
			half = append(half, join(operands[k], operands[k+1]))
		}
		if len(operands)%2 == 1 {
			half = append(half, operands[len(operands)-1])
		}
		operands = half
	}
	return operands[0], nil
}

func (p *queryParser) comparison(depth int) (node, error) {
	a, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	operator := p.token
	switch operator {
	case "=", "!=", "<", "<=", ">", ">=":
	default:
		return a, p.err
	}
	p.next()
	b, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	return func(i *Element) any { return compare(operator, a(i), b(i)) }, nil
}

func (p *queryParser) operand(depth int) (node, error) {
	token := p.token
	if p.err != nil {
		return nil, p.err
	}
	switch {
	case token == "":
		return nil, p.fail("the end of the query", "a path, a text or a number")
	case token == "(":
		p.next()
		n, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	case token[0] == '\'' || token[0] == '"':
		p.next()
		text := token[1:]
		return func(*Element) any { return text }, p.err
	}
	if v, err := strconv.ParseFloat(token, 64); err == nil {
		p.next()
		return func(*Element) any { return v }, p.err
	}
	if p.next(); p.token == "(" {
		return p.function(token, depth+1)
	}
	var steps []string
	for _, s := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(token, "/info/"), "./"), "/") {
		if strings.TrimFunc(s, func(r rune) bool {
			return r == '_' || r == '-' || r == '.' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
		}) != "" || s == "" {
			return nil, p.fail(fmt.Sprintf("%.80q", token), "a path such as name or desc/manufacturer")
		}
		steps = append(steps, s)
	}
	return func(i *Element) any { return texts(i, steps, nil) }, p.err
}

// function reads the arguments of a function whose name and bracket were read.
func (p *queryParser) function(name string, depth int) (node, error) {
	want, known := map[string]int{"not": 1, "count": 1, "contains": 2, "starts-with": 2, "true": 0, "false": 0}[name]
	if !known {
		return nil, p.fail(fmt.Sprintf("the function %.80q", name), "not, count, contains or starts-with")
	}
	var args []node
	p.next()
	for len(args) < want {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.or(depth)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	switch name {
	case "not":
		return func(i *Element) any { return !truth(args[0](i)) }, nil
	case "count":
		return func(i *Element) any {
			elements, _ := args[0](i).([]string)
			return float64(len(elements))
		}, nil
	case "contains":
		return func(i *Element) any { return strings.Contains(textOf(args[0](i)), textOf(args[1](i))) }, nil
	case "starts-with":
		return func(i *Element) any { return strings.HasPrefix(textOf(args[0](i)), textOf(args[1](i))) }, nil
	}
	return func(*Element) any { return name == "true" }, nil
}

func (p *queryParser) expect(token string) error {
	if p.err != nil {
		return p.err
	}
	if p.token != token {
		return p.fail(fmt.Sprintf("%.80q", p.token), strconv.Quote(token))
	}
	p.next()
	return p.err
}

// texts collects the texts of the elements at the end of a path.
func texts(e *Element, steps []string, into []string) []string {
	for _, c := range e.Children {
		switch {
		case c.Name != steps[0]:
		case len(steps) == 1:
			into = append(into, c.Text)
		default:
			into = texts(c, steps[1:], into)
		}
	}
	return into
}

// truth is XPath's conversion to a boolean.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	}
	return false
}

// textOf is XPath's conversion to a string.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []string:
		if len(v) > 0 {
			return v[0]
		}
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// numberOf is XPath's conversion to a number.
func numberOf(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	if n, err := strconv.ParseFloat(strings.TrimSpace(textOf(v)), 64); err == nil {
		return n
	}
	return math.NaN()
}

// compare is true of sets of elements when it is of one of them.
func compare(operator string, a, b any) bool {
	if set, ok := a.([]string); ok {
		if _, boolean := b.(bool); !boolean {
			for _, v := range set {
				if compare(operator, v, b) {
					return true
				}
			}
			return false
		}
	}
	if set, ok := b.([]string); ok {
		if _, boolean := a.(bool); !boolean {
			for _, v := range set {
				if compare(operator, a, v) {
					return true
				}
			}
			return false
		}
	}
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	_, numberA := a.(float64)
	_, numberB := b.(float64)
	var equal bool
	switch {
	case boolA || boolB:
		equal = truth(a) == truth(b)
	case numberA || numberB:
		equal = numberOf(a) == numberOf(b)
	default:
		equal = textOf(a) == textOf(b)
	}
	switch operator {
	case "=":
		return equal
	case "!=":
		return !equal
	case "<":
		return numberOf(a) < numberOf(b)
	case "<=":
		return numberOf(a) <= numberOf(b)
	case ">":
		return numberOf(a) > numberOf(b)
	}
	return numberOf(a) >= numberOf(b)
}
