package simulator

import (
	"cmp"
	"net/http"
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
)

func dialectOf(path string) dialect {
	if strings.HasPrefix(path, "/v1/messages") {
		return anthropic
	}
	return openAI
}

// request is one request, read.
type request struct {
	method, path string
	model        string // without its faults
	key          string // the credential it came with
	version      string // the anthropic-version header
	body         []byte // borrowed until the answer is sent
}

// reply is an answer before it is framed.
type reply struct {
	status      int
	contentType string
	fields      []field
	body        []byte
	events      []event // not nil: a stream, and body is unused
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
	d := dialectOf(q.path)
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
	names := field{"X-Request-Id", id}
	if d == anthropic {
		names.name = "Request-Id"
	}
	fields := []field{names}
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
		r.events = append(slices.Clone(r.events[:i]), errorEvent(d, p))
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
		e := r.events[last]
		if e.name == "" {
			e.data = []byte("  [DONE]  ")
		} else {
			e.data = []byte(`{"type":"message_stop"          }`)
		}
		r.events[last] = e
	}
}

// route gives the request to its endpoint.
func (s *Server) route(q *request, p *plan) *reply {
	d := dialectOf(q.path)
	if len(s.config.Keys) > 0 && !slices.Contains(s.config.Keys, q.key) {
		return errorReply(d, http.StatusUnauthorized, "Incorrect API key provided.", "", "invalid_api_key")
	}
	if q.path == "/v1/models" || strings.HasPrefix(q.path, "/v1/models/") {
		return s.models(q)
	}
	endpoint, ok := map[string]func(*request, *plan) *reply{
		"/v1/chat/completions":      s.chat,
		"/v1/completions":           s.completion,
		"/v1/embeddings":            s.embedding,
		"/v1/messages":              s.message,
		"/v1/messages/count_tokens": s.countTokens,
	}[q.path]
	switch {
	case !ok:
		return errorReply(d, http.StatusNotFound, "Invalid URL ("+q.method+" "+q.path+")", "", "unknown_url")
	case q.method != http.MethodPost:
		return errorReply(d, http.StatusMethodNotAllowed, "Not allowed to "+q.method+" on "+q.path, "", "method_not_supported")
	case !gjson.ValidBytes(q.body):
		return errorReply(d, http.StatusBadRequest, "We could not parse the JSON body of your request.", "", "")
	}
	return endpoint(q, p)
}
