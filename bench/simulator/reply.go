package simulator

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// dialect is the wire API of a request.
type dialect int

const (
	openAI dialect = iota
	anthropic
	gemini
	bedrock
	cohere
	ollama
	responses // OpenAI's too; only its streams and their errors are its own
	azure
)

// request is one request, read.
type request struct {
	dialect      dialect
	op           string // of the target
	method, path string
	uri          string // as it came, with its query
	model        string // without its faults
	key          string // the credential it came with
	version      string // the anthropic-version header
	query        url.Values
	header       func(name string) string
	body         []byte // borrowed until the answer is sent
}

// reply is an answer before it is framed.
type reply struct {
	status      int
	contentType string
	fields      []field
	body        []byte
	events      []event // not nil: a stream, and body is unused
	notation    notation
}

type field struct{ name, value string }

const (
	jsonType = "application/json"
	sseType  = "text/event-stream; charset=utf-8"
)

func jsonReply(body []byte) *reply {
	return &reply{status: http.StatusOK, contentType: jsonType, body: body}
}

func streamReply(events []event) *reply {
	return &reply{status: http.StatusOK, contentType: sseType, events: events}
}

// answer makes the answer that the plan asks for.
func (s *Server) answer(q *request, p *plan) *reply {
	d := q.dialect
	r := s.faultyReply(q, p, d)
	if r == nil {
		r = s.route(q, p)
		if p.status > 0 && r.status == http.StatusOK {
			r.status = p.status
		}
	}
	if r.status == http.StatusPartialContent {
		r.fields = append(r.fields, field{"Content-Range", "bytes 0-" + strconv.Itoa(max(len(r.body)-1, 0)) + "/*"})
	}
	if r.events != nil {
		r.tamper(p, d)
	}
	switch p.body {
	case "html":
		*r = reply{status: r.status, contentType: "text/html; charset=utf-8", body: []byte(page), fields: r.fields}
	case "bad-json":
		*r = reply{status: r.status, contentType: jsonType, body: []byte(`{"id":"broken","choices":[{"mess`), fields: r.fields}
	case "empty":
		*r = reply{status: r.status, contentType: r.contentType, fields: r.fields}
	}
	r.fields = append(r.fields, s.fields(q, p, d)...)
	r.contentType = cmp.Or(p.contentType, r.contentType)
	return r
}

// page is what a proxy in front of a provider says.
const page = "<!DOCTYPE html>\n<html><head><title>Error</title></head>" +
	"<body><h1>We'll be right back.</h1><p>Ray ID: 0000000000</p></body></html>\n"

// faultyReply returns an answer that faults put in place of the real one, or nil.
func (s *Server) faultyReply(q *request, p *plan, d dialect) *reply {
	status := p.status
	if p.overloaded {
		status = http.StatusServiceUnavailable
		if d == anthropic {
			status = statusOverloaded
		}
	}
	switch {
	case p.redirect > 0:
		location := cmp.Or(p.location, s.URL()+"/redirected")
		return &reply{status: p.redirect, fields: []field{{"Location", location}}}
	case p.body == "error-200":
		return shapedError(d, http.StatusOK, statusText(cmp.Or(status, http.StatusInternalServerError)), p, q.key)
	case status >= 400:
		return shapedError(d, status, statusText(status), p, q.key)
	}
	return nil
}

// fields returns what real providers add to their answers, and what faults say about limits.
func (s *Server) fields(q *request, p *plan, d dialect) []field {
	id := "req_" + letters(mix(s.config.Seed, hash(q.body)), 24)
	name := map[dialect]string{
		anthropic: "Request-Id", bedrock: "X-Amzn-Requestid", cohere: "X-Debug-Trace-Id", azure: "Apim-Request-Id",
	}[d]
	fields := []field{{cmp.Or(name, "X-Request-Id"), id}}
	if v := p.retryAfter; v != "" {
		if after, ok := strings.CutPrefix(v, "date:"); ok {
			wait, _ := time.ParseDuration(after)
			v = time.Now().UTC().Add(wait).Format(http.TimeFormat)
		} else if v == "past" {
			v = time.Now().UTC().Add(-time.Hour).Format(http.TimeFormat)
		}
		fields = append(fields, field{"Retry-After", v})
	}
	if p.retryAfterMs != "" {
		fields = append(fields, field{"Retry-After-Ms", p.retryAfterMs})
	}
	if v := p.rateLimitReset; v != "" && d == anthropic {
		wait, _ := time.ParseDuration(v)
		reset := time.Now().UTC().Add(wait).Format(time.RFC3339)
		fields = append(fields, field{"Anthropic-Ratelimit-Requests-Remaining", "0"}, field{"Anthropic-Ratelimit-Requests-Reset", reset})
	} else if v != "" {
		fields = append(fields, field{"X-Ratelimit-Remaining-Requests", "0"}, field{"X-Ratelimit-Reset-Requests", v})
	}
	return fields
}

// tamper changes a stream's events.
func (r *reply) tamper(p *plan, d dialect) {
	if i := p.errorEvent.of(len(r.events)); i >= 0 {
		r.events = append(slices.Clone(r.events[:i]), errorEvents(d, r.events[:i], p)...)
		return
	}
	last := len(r.events) - 1
	switch p.done {
	case "none":
		r.events = r.events[:last]
	case "twice":
		r.events = append(r.events, r.events[last])
	case "trailing":
		r.events = append(r.events, r.events[0])
	case "spaces":
		switch e := &r.events[last]; {
		case string(e.data) == "[DONE]":
			e.data = []byte("  [DONE]  ")
		case e.name == "message_stop":
			e.data = []byte(`{"type":"message_stop"          }`)
		}
	}
}

// route gives the request to its endpoint.
func (s *Server) route(q *request, p *plan) *reply {
	d := q.dialect
	if bad := s.denied(q); bad != nil {
		return bad
	}
	if answer := s.lists(q); answer != nil {
		return answer(q)
	}
	if answer := surfaceOf(q); answer != nil {
		return answer(s, q)
	}
	endpoint, ok := endpoints[d][q.op]
	switch {
	case !ok:
		return errorReply(d, http.StatusNotFound, "Invalid URL ("+q.method+" "+q.path+")", "", "unknown_url")
	case q.method != http.MethodPost:
		return errorReply(d, http.StatusMethodNotAllowed, "Not allowed to "+q.method+" on "+q.path, "", "method_not_supported")
	case !gjson.ValidBytes(q.body):
		return errorReply(d, http.StatusBadRequest, "We could not parse the JSON body of your request.", "", "")
	}
	return endpoint(s, q, p)
}

// lists returns what answers the request if it asks for models, or nil.
func (s *Server) lists(q *request) func(*request) *reply {
	switch {
	case q.path == "/v1/models", strings.HasPrefix(q.path, "/v1/models/") && q.dialect == openAI:
		return s.models
	case q.path == "/v1beta/models" && q.method == http.MethodGet:
		return s.geminiModels
	case q.path == "/api/tags" && q.method == http.MethodGet:
		return s.ollamaTags
	}
	return nil
}

// endpoints are what a dialect has, by the target's op.
var endpoints = map[dialect]map[string]func(*Server, *request, *plan) *reply{
	openAI: {
		"/v1/chat/completions": (*Server).chat, "/v1/completions": (*Server).completion, "/v1/embeddings": (*Server).embedding,
	},
	anthropic: {"/v1/messages": (*Server).message, "/v1/messages/count_tokens": (*Server).countTokens},
	gemini: {
		"generateContent": (*Server).gemini, "streamGenerateContent": (*Server).gemini, "countTokens": (*Server).geminiCount,
		"embedContent": (*Server).geminiEmbed, "batchEmbedContents": (*Server).geminiEmbed,
	},
	bedrock:   {"converse": (*Server).converse, "converse-stream": (*Server).converse},
	cohere:    {"/v2/chat": (*Server).cohereChat, "/v2/embed": (*Server).cohereEmbed},
	ollama:    {"/api/chat": (*Server).ollamaChat, "/api/embed": (*Server).ollamaEmbed},
	responses: {"/v1/responses": (*Server).response},
	azure: {
		"chat/completions": (*Server).azureChat, "completions": (*Server).completion, "embeddings": (*Server).embedding,
		"responses": (*Server).response,
	},
}

// denied is the answer to a request without a good credential, or nil.
func (s *Server) denied(q *request) *reply {
	keys := s.config.Keys
	switch {
	case len(keys) == 0:
		return nil
	case q.dialect == bedrock:
		return s.unsigned(q)
	case slices.Contains(keys, q.key):
		return nil
	case q.dialect == gemini && q.key == "":
		return errorReply(gemini, http.StatusForbidden, "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity to call this API.", "", "")
	case q.dialect == gemini: // not 401
		return errorReply(gemini, http.StatusBadRequest, "API key not valid. Please pass a valid API key.", "", "API_KEY_INVALID")
	}
	return errorReply(q.dialect, http.StatusUnauthorized, "Incorrect API key provided.", "", "invalid_api_key")
}
