package simulator

import (
	"bytes"
	"net/http"
)

// azureFilters is what Azure says of each choice.
const azureFilters = `"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`

// azureChat answers /openai/deployments/{deployment}/chat/completions, where the path has the model, and
// /openai/v1/chat/completions, where the body has it.
func (s *Server) azureChat(q *request, p *plan) *reply {
	if q.path != "/openai/v1/"+q.op && q.query.Get("api-version") == "" {
		return errorReply(azure, http.StatusNotFound, "Resource not found", "", "404")
	}
	if p.filter && p.finish == "" { // the prompt itself is refused
		return &reply{status: http.StatusBadRequest, contentType: jsonType, body: js(
			`{"error":{"message":%s,"type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"high"}}}}}`,
			quote("The response was filtered due to the prompt triggering Azure OpenAI's content management policy."))}
	}
	p.azure = true
	r := s.chat(q, p)
	const filterless = `"logprobs":null,"finish_reason":`
	r.body = bytes.ReplaceAll(r.body, []byte(filterless), []byte(azureFilters+","+filterless))
	return r
}
