package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// matrixError is an answer of a provider's that is an error, in its own words.
type matrixError struct {
	fault     string
	status    int
	messages  int // the status for clients of Messages, where it is another
	kind      string
	anthropic string
	retry     string // Retry-After
}

var matrixErrors = []matrixError{
	{"status=400", 400, 400, "invalid_request_error", "invalid_request_error", ""},
	{"status=404", 404, 404, "invalid_request_error", "not_found_error", ""},
	{"status=429,retry-after=7", 429, 429, "rate_limit_error", "rate_limit_error", "7"},
	{"status=500", 502, 502, "upstream_error", "api_error", ""},
	{"html", 502, 502, "upstream_error", "api_error", ""},
	{"empty", 502, 502, "upstream_error", "api_error", ""},
	{"bad-json", 502, 502, "upstream_error", "api_error", ""},
	{"error-200,error-type=server_error", 0, 0, "", "", ""}, // of some providers nothing says what it is
}

// The shapes of errors.
var (
	openAIError = object(members{"error": object(members{
		"message": filled, "type": filled, "param": orNull(filled), "code": orNull(filled), "gateway_code?": filled,
		"innererror?": anObject, "status?": natural,
	})})
	anthropicError = object(members{
		"type": word("error"), "request_id?": orNull(filled), "gateway_code?": filled,
		"error": object(members{
			"type": word("invalid_request_error", "authentication_error", "permission_error", "not_found_error", "rate_limit_error",
				"timeout_error", "overloaded_error", "api_error", "billing_error", "request_too_large"),
			"message": filled, "gateway_code?": filled, "param?": orNull(filled),
		}),
	})
)

// isError checks an error of a client's, and what type it has.
func (c *matrixClient) isError(body, kind, anthropicKind string) error {
	v, want, shape := gjson.Parse(body), kind, openAIError
	if c.name == "messages" {
		want, shape = anthropicKind, anthropicError
	}
	if !gjson.Valid(body) {
		return fmt.Errorf("no JSON: %.300s", body)
	}
	if err := shape("error", v); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	if got := v.Get("error.type").Str; want != "" && got != want {
		return fmt.Errorf("type %q, want %q: %s", got, want, body)
	}
	return nil
}

// TestMatrixErrors lets every provider fail in its own words, and wants the
// client's: streamed or not, with the status and the wait.
func TestMatrixErrors(t *testing.T) {
	for _, e := range matrixErrors {
		t.Run(e.fault, func(t *testing.T) {
			// Each client has providers of its own: one that failed may be
			// left alone for a while.
			m := startMatrix(t, e.fault, byClient, "")
			for _, p := range matrixProviders {
				for _, c := range matrixClients {
					for _, stream := range []string{"plain", "stream"} {
						model := p.name + "-" + c.name + "-" + stream + "/sim-l0"
						r := m.post(c.path, c.request(model, stream == "stream", plain[c.name]))
						if err := e.check(&c, r); err != nil {
							t.Errorf("%s -> %s, %s: %v", c.name, p.name, stream, err)
						}
					}
				}
			}
		})
	}
}

// byClient gives a provider a name for each client, streaming and not.
func byClient(p matrixProvider) (names []string) {
	for _, c := range matrixClients {
		names = append(names, p.name+"-"+c.name+"-plain", p.name+"-"+c.name+"-stream")
	}
	return names
}

func (e *matrixError) check(c *matrixClient, r reply) error {
	status := e.status
	if c.name == "messages" {
		status = e.messages
	}
	if r.status != status && (status > 0 || r.status < 400) || r.header.Get("Content-Type") != "application/json" || r.header.Get("Retry-After") != e.retry {
		return fmt.Errorf("status %d, header %v, body %.300s", r.status, r.header, r.body)
	}
	return c.isError(r.body, e.kind, e.anthropic)
}

// matrixCuts are ways in which a stream ends badly after it has begun.
var matrixCuts = []string{
	"tokens=20,reset-mid-stream=9", "tokens=20,fin-mid-stream=9", "tokens=20,fin-mid-stream=9,in-event", "tokens=20,bad-event=9", "tokens=20,error-event=9",
}

// TestMatrixCuts breaks every provider's stream, and wants the error of the
// client's dialect at the end and never its good end.
func TestMatrixCuts(t *testing.T) {
	for _, fault := range matrixCuts {
		t.Run(fault, func(t *testing.T) {
			m := startMatrix(t, fault, byClient, "")
			for _, p := range matrixProviders {
				for _, c := range matrixClients {
					more := ""
					if c.name == "completions" {
						more = `,"max_tokens":100`
					}
					r := m.post(c.path, c.request(p.name+"-"+c.name+"-stream/sim-l0", true, plain[c.name]+more))
					if err := c.isCut(r); err != nil {
						t.Errorf("%s -> %s: %v in %s", c.name, p.name, err, r.body)
					}
				}
			}
		})
	}
}

// isCut checks that a stream has begun well and ends with an error.
func (c *matrixClient) isCut(r reply) error {
	if r.status != http.StatusOK || r.err != nil {
		return fmt.Errorf("status %d, %s", r.status, fmt.Sprint(r.err))
	}
	events, err := frames(r.body)
	if err != nil {
		return err
	}
	if len(events) < 3 {
		return errors.New("nothing came before the error")
	}
	for _, end := range []string{"[DONE]", "message_stop", "response.completed", "response.incomplete"} {
		if strings.Contains(r.body, end) {
			return fmt.Errorf("the stream has %s", end)
		}
	}
	last := events[len(events)-1]
	switch c.name {
	case "messages":
		if last.name != "error" {
			return fmt.Errorf("the last event is %q", last.name)
		}
		return c.isError(last.data, "", "")
	case "responses":
		for n, e := range events {
			if got := gjson.Get(e.data, "sequence_number"); !got.Exists() || got.Int() != int64(n) {
				return fmt.Errorf("the event %d has the number %s", n, got.Raw)
			}
		}
		before := events[len(events)-2]
		failed := gjson.Parse(last.data)
		if before.name != "error" || last.name != "response.failed" || failed.Get("response.status").Str != "failed" || failed.Get("response.error.message").Str == "" {
			return fmt.Errorf("it ends with %s and %s", before.data, last.data)
		}
		if id := gjson.Get(events[0].data, "response.id").Str; failed.Get("response.id").Str != id {
			return fmt.Errorf("the response %s fails as %s", id, failed.Get("response.id").Str)
		}
		return nil
	}
	if last.name != "" {
		return fmt.Errorf("the last event is called %q", last.name)
	}
	return c.isError(last.data, "", "")
}
