package corpus

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// TestErrors tells every recorded error to every client: its status, and the
// provider's words where it is the caller's affair.
func TestErrors(t *testing.T) {
	table := newTally("errors")
	for _, x := range corpora(t) {
		w := wireOf(&x)
		fault := x.status >= 400
		if x.url == "" && !x.lines && isFault(&x) {
			fault, x.status = true, http.StatusBadRequest // nobody says which
		}
		if !fault || w == other {
			continue
		}
		if w == vectors {
			w = embedsAt(pathOf(x.url))
		}
		for i := range clients {
			row := fmt.Sprintf("%s %s -> %s", w, labelOf(&x), clients[i].wire)
			table.add(t, row, &x, tellError(&x, w, i))
		}
	}
	table.report(t)
}

// embedsAt tells whose embeddings are at a path.
func embedsAt(path string) wire {
	switch {
	case strings.Contains(path, ":"):
		return gemini
	case strings.HasSuffix(path, "/v2/embed"):
		return cohere
	case strings.HasSuffix(path, "/api/embed"):
		return ollama
	default:
		return chat
	}
}

// codes are those of the statuses that are not simply the caller's affair.
var codes = map[int]translate.Code{
	401: translate.ProviderAuth, 403: translate.ProviderAuth, 429: translate.ProviderRateLimited,
	500: translate.ProviderFailed, 502: translate.ProviderFailed, 503: translate.ProviderOverloaded, 529: translate.ProviderOverloaded,
}

func tellError(x *exchange, w wire, to int) error {
	c := &clients[to]
	e := speaker(x, w).ReadError(x.status, x.response)
	want, ok := codes[x.status]
	if !ok {
		want = translate.ProviderRejected
	}
	if e.Code != want {
		return fmt.Errorf("code is %v, want %v", e.Code, want)
	}
	words := wordsOf(x.response)
	if want == translate.ProviderRejected && (words == "" || e.Message != words) {
		return fmt.Errorf("message is %q, want %q", e.Message, words)
	}
	if w != c.wire && (w != completion || c.wire != chat) {
		e.Body = nil // the engine passes it on in its own dialect only
	}
	body := c.AppendError(nil, e, "req_1")
	if e.Body != nil && bytes.Equal(bytes.TrimSpace(body), bytes.TrimSpace(x.response)) {
		return nil // passed on as it came, whatever it lacks
	}
	if err := valid(c.wire, "error", body); err != nil {
		return err
	}
	told, err := parse(body)
	if err != nil {
		return err
	}
	if want == translate.ProviderRejected && told.at("error", "message").text() != words {
		return fmt.Errorf("told %s, want %q", body, words)
	}
	all, err := frames(c.AppendErrorEvent(nil, e))
	if err != nil || len(all) == 0 {
		return fmt.Errorf("%d events: %w", len(all), err)
	}
	return nil
}

// wordsOf is the message of an error body, in whichever place.
func wordsOf(body []byte) string {
	t, err := parse(body)
	if err != nil {
		return strings.TrimSpace(string(body))
	}
	if list := t.list(); len(list) > 0 {
		t = list[0]
	}
	for _, path := range [][]string{{"error", "message"}, {"message"}, {"error"}, {"detail"}} {
		if s := t.at(path...).text(); s != "" {
			return s
		}
	}
	return ""
}
