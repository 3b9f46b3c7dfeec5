package mcp

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxMessage is the longest message in bytes: an argument of 16 MiB fits.
	maxMessage = 20 << 20
	// maxDepth is how deep its values may be nested.
	maxDepth = 256
)

// The error codes of JSON-RPC, and of MCP since 2026-07-28.
const (
	codeParse             = -32700
	codeInvalidRequest    = -32600
	codeMethodNotFound    = -32601
	codeInvalidParams     = -32602
	codeInternal          = -32603
	codeBusy              = -32000
	codeHeaderMismatch    = -32020
	codeMissingCapability = -32021
	codeVersion           = -32022
)

// fault is a JSON-RPC error.
type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// message is a JSON-RPC message that the guard has let in.
type message struct {
	// id is nil for a notification.
	id     json.RawMessage
	method string
	params json.RawMessage
	// answered: it is the answer to a request of the server's own, and result
	// or failure is what it says.
	answered        bool
	result, failure json.RawMessage

	// What is read of params, where it is there.
	name      string
	arguments json.RawMessage
	token     json.RawMessage // progressToken
	version   string          // protocolVersion of _meta
}

// protocolNames are the members of messages and of their params that anything
// is decided on. The library reads them whatever their case; so that nothing
// is read in two ways, no other spelling of them is let in.
var protocolNames = foldedSet("jsonrpc", "id", "method", "params", "result", "error", "name", "arguments", "uri", "_meta",
	"cursor", "ref", "argument", "context", "level", "requestId", "reason", "protocolVersion", "capabilities", "clientInfo",
	"inputResponses", "requestState", "notifications", "task")

func foldedSet(names ...string) map[string]string {
	set := make(map[string]string, len(names))
	for _, name := range names {
		set[fold(name)] = name
	}
	return set
}

// parse reads one message. What is no message, or could be read in two ways,
// is refused; the message that comes with a fault has the id to answer to, if
// there is one.
func parse(b []byte) (m message, _ *fault) {
	switch {
	case len(b) > maxMessage:
		return m, &fault{Code: codeInvalidRequest, Message: "the message is longer than 20 MiB"}
	case !utf8.Valid(b):
		return m, &fault{Code: codeParse, Message: "the message is not UTF-8"}
	case !json.Valid(b):
		return m, &fault{Code: codeParse, Message: "the message is not JSON"}
	}
	if b = bytes.TrimSpace(b); b[0] != '{' {
		return m, &fault{Code: codeInvalidRequest, Message: "a message is one JSON object"}
	}
	if text := checkNames(b); text != "" {
		return m, &fault{Code: codeInvalidRequest, Message: text}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return m, &fault{Code: codeParse, Message: "the message is not JSON"}
	}
	return m.read(members)
}

// read takes the members of a message.
func (m message) read(members map[string]json.RawMessage) (message, *fault) {
	if id, ok := members["id"]; ok {
		if id[0] != '"' && id[0] != '-' && (id[0] < '0' || id[0] > '9') {
			return m, &fault{Code: codeInvalidRequest, Message: "an id is a text or a number"}
		}
		m.id = id
	}
	if string(members["jsonrpc"]) != `"2.0"` {
		return m, &fault{Code: codeInvalidRequest, Message: `jsonrpc has to be "2.0"`}
	}
	m.result, m.failure = members["result"], members["error"]
	if method, ok := members["method"]; ok {
		if json.Unmarshal(method, &m.method) != nil || m.method == "" {
			return m, &fault{Code: codeInvalidRequest, Message: "method has to be a text"}
		}
	} else if m.id != nil && (m.result != nil) != (m.failure != nil) {
		m.answered = true
		return m, nil
	} else {
		return m, &fault{Code: codeInvalidRequest, Message: "the message has no method"}
	}
	if m.params = members["params"]; m.params == nil {
		return m, nil
	}
	if m.params[0] != '{' {
		return m, &fault{Code: codeInvalidParams, Message: "params has to be an object"}
	}
	m.readParams()
	return m, nil
}

// readParams takes what is decided on here. What has the wrong type stays
// unread, and is the library's to refuse.
func (m *message) readParams() {
	var params map[string]json.RawMessage
	if json.Unmarshal(m.params, &params) != nil {
		return
	}
	_ = json.Unmarshal(params["name"], &m.name)
	m.arguments = params["arguments"]
	var meta map[string]json.RawMessage
	if json.Unmarshal(params["_meta"], &meta) == nil {
		_ = json.Unmarshal(meta["io.modelcontextprotocol/protocolVersion"], &m.version)
		if token := meta["progressToken"]; len(token) > 0 && token[0] != 'n' && token[0] != '{' && token[0] != '[' {
			m.token = token
		}
	}
}

// frame is a value that is being walked through.
type frame struct {
	object bool
	key    bool // a name comes next
	free   bool // inside a tool's arguments, whose names differ by case as they like
	names  map[string]bool
	name   string // the last one
}

// checkNames says what is wrong with the names in a valid JSON object: one that
// stands twice, or differs from another, or from one of the protocol, by case
// alone; or that its values are nested too deep.
func checkNames(b []byte) string {
	var stack []frame
	for i := 0; i < len(b); i++ {
		top := len(stack) - 1
		switch b[i] {
		case '{', '[':
			if len(stack) == maxDepth {
				return "the message is nested deeper than 256 levels"
			}
			free := top >= 0 && (stack[top].free || top == 1 && stack[1].name == "arguments" && stack[0].name == "params")
			stack = append(stack, frame{object: b[i] == '{', key: b[i] == '{', free: free})
		case '}', ']':
			stack = stack[:top]
		case ',':
			stack[top].key = stack[top].object
		case '"':
			end := endOfString(b, i)
			if stack[top].key {
				if text := stack[top].take(b[i:end], top); text != "" {
					return text
				}
			}
			i = end - 1
		}
	}
	return ""
}

func endOfString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// take notes a name, as it stands in the message, at a depth.
func (f *frame) take(raw []byte, depth int) string {
	f.key = false
	name := string(raw[1 : len(raw)-1])
	if bytes.IndexByte(raw, '\\') >= 0 {
		_ = json.Unmarshal(raw, &name) // it is valid
	}
	f.name = name
	if !f.free {
		name = fold(name)
		if exact, ok := protocolNames[name]; ok && exact != f.name && depth <= 1 {
			return "a member is called " + exact + ", in exactly this case"
		}
	}
	if f.names[name] {
		return "a name stands twice in one object, or differs by case alone"
	}
	if f.names == nil {
		f.names = make(map[string]bool, 8)
	}
	f.names[name] = true
	return ""
}

// fold returns what all spellings of name have in common that the library takes
// for the same.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}
