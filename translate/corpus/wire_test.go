package corpus

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/url"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/anthropic"
	"github.com/ai-mcp-gateway/gateway/translate/azure"
	"github.com/ai-mcp-gateway/gateway/translate/bedrock"
	cohereapi "github.com/ai-mcp-gateway/gateway/translate/cohere"
	geminiapi "github.com/ai-mcp-gateway/gateway/translate/gemini"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	ollamaapi "github.com/ai-mcp-gateway/gateway/translate/ollama"
	"github.com/ai-mcp-gateway/gateway/translate/openai"
	responsesapi "github.com/ai-mcp-gateway/gateway/translate/responses"
)

// wire is a form of requests and answers.
type wire string

const (
	other      wire = ""
	chat       wire = "chat"
	completion wire = "completion"
	responses  wire = "responses"
	messages   wire = "messages"
	gemini     wire = "gemini"
	converse   wire = "converse"
	cohere     wire = "cohere"
	ollama     wire = "ollama"
	vectors    wire = "vectors" // of any provider
)

// provider is the side of a dialect that speaks to providers.
type provider interface {
	Name() string
	AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadReply(op translate.Op, body []byte, a *neutral.Reply) *translate.Error
	NewDecoder(op translate.Op) neutral.Decoder
	ReadError(status int, body []byte) *translate.Error
}

// client is the side that speaks to clients.
type client interface {
	Name() string
	ReadRequest(op translate.Op, r *translate.Request) (*neutral.Request, *translate.Error)
	AppendReply(dst []byte, op translate.Op, q *neutral.Request, a *neutral.Reply) []byte
	NewEncoder(op translate.Op, q *neutral.Request) neutral.Encoder
	AppendError(dst []byte, e *translate.Error, requestID string) []byte
	AppendErrorEvent(dst []byte, e *translate.Error) []byte
}

// embedder is the side of providers that have embeddings.
type embedder interface {
	AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadVectors(body []byte, v *neutral.Vectors) *translate.Error
}

var chatDialect, azureDialect = openai.New(), azure.New(openai.New())

// speaks has the dialect of each wire, of those that providers have.
var speaks = map[wire]provider{
	chat: chatDialect, completion: chatDialect, responses: responsesapi.New(), messages: anthropic.New(),
	gemini: geminiapi.New(), converse: bedrock.New(), cohere: cohereapi.New(), ollama: ollamaapi.New(),
}

// speaker is the dialect of a recording's provider.
func speaker(x *exchange, w wire) provider {
	if w == chat && strings.Contains(labelOf(x), "azure") {
		return azureDialect
	}
	return speaks[w]
}

// asked has the operation that the gateway asks each wire for.
var asked = map[wire]translate.Op{completion: translate.OpCompletion, responses: translate.OpResponses, messages: translate.OpMessages}

func opOf(w wire) translate.Op {
	if op, ok := asked[w]; ok {
		return op
	}
	return translate.OpChat
}

// clients are the dialects that clients speak.
var clients = []struct {
	wire wire
	client
}{{chat, openai.New()}, {responses, responsesapi.New()}, {messages, anthropic.New()}}

// providers are the dialects that a request may go to.
var providers = []provider{
	chatDialect, azureDialect, responsesapi.New(), anthropic.New(), geminiapi.New(), bedrock.New(), cohereapi.New(), ollamaapi.New(),
}

// pathWires tells the wire by the end of the path, without its query.
var pathWires = []struct {
	end  string
	wire wire
}{
	{"/chat/completions", chat},
	{"/completions", completion},
	{"/responses", responses},
	{"/messages", messages},
	{":generateContent", gemini},
	{":streamGenerateContent", gemini},
	{"/converse", converse},
	{"/converse-stream", converse},
	{"/v2/chat", cohere},
	{"/api/chat", ollama},
	{"/embeddings", vectors},
	{"/v2/embed", vectors},
	{"/api/embed", vectors},
	{":embedContent", vectors},
	{":batchEmbedContents", vectors},
}

// wireOf tells what a recording is: by the path of its URL, else by the shape
// of the answer.
func wireOf(x *exchange) wire {
	if x.method != "" && x.method != "POST" {
		return shapeOf(x)
	}
	path := pathOf(x.url)
	for _, p := range pathWires {
		if strings.HasSuffix(path, p.end) {
			return p.wire
		}
	}
	return shapeOf(x)
}

func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

// shapeOf tells the wire by the first value of the answer that has a mark.
func shapeOf(x *exchange) wire {
	if t, err := parse(x.response); err == nil && !x.lines {
		return markOf(t)
	}
	for _, e := range eventsOf(x, other) {
		if w := markOf(e); w != other {
			return w
		}
	}
	return other
}

func markOf(t tree) wire {
	kind, object := t.at("type").text(), t.at("object").text()
	switch {
	case object == "text_completion":
		return completion
	case object == "chat.completion", object == "chat.completion.chunk", len(t.at("choices").list()) > 0 && t.has("model"):
		return chat
	case object == "response", strings.HasPrefix(kind, "response."):
		return responses
	case kind == "message_start", kind == "message" && t.has("stop_reason"):
		return messages
	case t.has("candidates"), t.has("promptFeedback"):
		return gemini
	case t.at("output").has("message"), t.has("messageStart"), t.has("contentBlockDelta"):
		return converse
	case kind == "message-start", t.has("finish_reason") && t.at("message").has("role"):
		return cohere
	case t.has("done") && t.at("message").has("role"):
		return ollama
	case object == "list" && vectorAt(t):
		return vectors
	case t.at("error").has("message") && t.at("error").has("type"):
		return chat
	}
	return other
}

func vectorAt(t tree) bool {
	data := t.at("data").list()
	return len(data) > 0 && data[0].has("embedding")
}

// isStream reports whether the answer is a stream: it is no JSON value, or the
// array that Gemini streams where nobody asks for events.
func isStream(x *exchange) bool {
	t, err := parse(x.response)
	if list := t.list(); x.lines || len(list) > 0 && list[0].has("candidates") {
		return true
	}
	return err != nil && len(bytes.TrimSpace(x.response)) > 0 && x.status < 300
}

// streamBytes is the stream as a provider sends it.
func streamBytes(x *exchange, w wire) []byte {
	if w == converse && !x.lines {
		return binaryOf(x.response)
	}
	if !x.lines {
		return x.response
	}
	var out []byte
	for line := range bytes.Lines(x.response) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		e, err := parse(line)
		if err != nil { // the recorder has kept the prefix
			out = append(append(out, line...), "\n\n"...)
			continue
		}
		switch w {
		case converse:
			for _, name := range e.keys() {
				out = appendFrame(out, name, []byte(e.at(name).canonical()))
			}
		case ollama:
			out = append(append(out, line...), '\n')
		case messages, responses, cohere:
			out = append(out, "event: "+e.at("type").text()+"\n"...)
			fallthrough
		default:
			out = append(append(append(out, "data: "...), line...), "\n\n"...)
		}
	}
	if w == chat || w == completion {
		out = append(out, "data: [DONE]\n\n"...)
	}
	return out
}

func binaryOf(body []byte) []byte {
	if raw, err := base64.StdEncoding.DecodeString(string(body)); err == nil {
		return raw
	}
	return body
}

// appendFrame appends a message of application/vnd.amazon.eventstream.
func appendFrame(dst []byte, event string, payload []byte) []byte {
	var headers []byte
	for _, h := range [][2]string{{":event-type", event}, {":content-type", "application/json"}, {":message-type", "event"}} {
		headers = append(append(headers, byte(len(h[0]))), h[0]...)
		headers = append(headers, 7, byte(len(h[1])>>8), byte(len(h[1])))
		headers = append(headers, h[1]...)
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(16+len(headers)+len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(headers)))
	dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
	dst = append(append(dst, headers...), payload...)
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}

// eventsOf reads the events of a stream, with nothing that is under test.
func eventsOf(x *exchange, w wire) (events []tree) {
	if w == converse && !x.lines {
		return binaryEvents(binaryOf(x.response))
	}
	if t, err := parse(x.response); err == nil && !x.lines {
		if events = t.list(); events != nil {
			return events
		}
	}
	for line := range bytes.Lines(x.response) {
		line = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(line), []byte("data:")))
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		if e, err := parse(line); err == nil {
			events = append(events, e)
		}
	}
	return events
}

// binaryEvents reads frames as {"name of the event": payload}.
func binaryEvents(b []byte) (events []tree) {
	for len(b) > 16 {
		total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if int(total) > len(b) || headers+16 > total {
			break
		}
		name := ""
		for h := b[12 : 12+headers]; len(h) > 3; {
			key := string(h[1 : 1+h[0]])
			h = h[1+h[0]:]
			size := binary.BigEndian.Uint16(h[1:])
			if key == ":event-type" {
				name = string(h[3 : 3+size])
			}
			h = h[3+size:]
		}
		if e, err := parse(b[12+headers : total-4]); err == nil {
			events = append(events, tree{map[string]any{name: e.v}})
		}
		b = b[total:]
	}
	return events
}

// labelOf names the provider in the tables: the host without what hosts have
// in common, or the wire alone.
func labelOf(x *exchange) string {
	u, err := url.Parse(x.url)
	if err != nil || u.Host == "" {
		return "(no host)"
	}
	return u.Hostname()
}
