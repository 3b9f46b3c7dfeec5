package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// nativeStream turns the events of a chat stream into those of /v1/chat: one
// {"delta": text} for each piece, and at the end the whole answer as the plain
// route gives it.
type nativeStream struct {
	call *call
	w    io.Writer
	text strings.Builder
	out  []byte
}

// to returns a writer that takes a chat stream and writes the native one to w.
func (n *nativeStream) to(w io.Writer) io.Writer {
	n.w = w
	return n
}

// Write implements io.Writer. It is given whole events.
func (n *nativeStream) Write(p []byte) (int, error) {
	n.out = n.out[:0]
	for line := range bytes.Lines(p) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if !ok || len(data) == 0 || data[0] != '{' {
			continue
		}
		var chunk struct {
			Error   json.RawMessage `json:"error"`
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
					Refusal string `json:"refusal"`
				} `json:"delta"`
			} `json:"choices"`
		}
		switch {
		case json.Unmarshal(data, &chunk) != nil:
		case chunk.Error != nil:
			n.event(struct {
				Error json.RawMessage `json:"error"`
			}{chunk.Error})
		case len(chunk.Choices) > 0:
			n.delta(chunk.Choices[0].Delta.Content + chunk.Choices[0].Delta.Refusal)
		}
	}
	if len(n.out) == 0 {
		return len(p), nil
	}
	_, err := n.w.Write(n.out)
	return len(p), err
}

func (n *nativeStream) delta(text string) {
	if text == "" {
		return
	}
	n.text.WriteString(text)
	n.event(struct {
		Delta string `json:"delta"`
	}{text})
}

func (n *nativeStream) event(v any) {
	data, _ := json.Marshal(v) // strings, numbers and JSON that was parsed
	n.out = append(append(append(n.out, "data: "...), data...), "\n\n"...)
}

// end writes the last event, of a stream that ended well.
func (n *nativeStream) end() error {
	c := n.call
	n.out = n.out[:0]
	n.event(&nativeAnswer{Result: c.result(n.text.String()), Context: c.contextState(), Performance: c.performance()})
	_, err := n.w.Write(append(n.out, "data: [DONE]\n\n"...))
	return err
}
