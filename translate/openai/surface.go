package openai

import "github.com/ai-mcp-gateway/gateway/translate"

// AppendSurfaceHead is AppendHead for the rest of the API, whose bodies are not
// read here. path is below the base URL and may have a query; an empty
// contentType means that there is no body.
func (*Dialect) AppendSurfaceHead(dst []byte, v *translate.Envelope, method, path string, contentType []byte) []byte {
	base := v.Base
	if base == "" {
		base = "/v1"
	}
	dst = append(append(append(append(dst, method...), ' '), base...), path...)
	dst = v.AppendSurfaceLines(dst, contentType)
	if v.Key != "" {
		dst = append(append(append(dst, "Authorization: Bearer "...), v.Key...), "\r\n"...)
	}
	return dst
}
