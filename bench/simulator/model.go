package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// models answers GET /v1/models and /v1/models/{id}, in Anthropic's shape when the request names Anthropic's version.
func (s *Server) models(q *request) *reply {
	d := openAI
	if q.version != "" {
		d = anthropic
	}
	if q.method != http.MethodGet {
		return errorReply(d, http.StatusMethodNotAllowed, "Not allowed to "+q.method+" on "+q.path, "", "method_not_supported")
	}
	if id, one := strings.CutPrefix(q.path, "/v1/models/"); one {
		id, _ = url.PathUnescape(id)
		if _, ok := s.skillOf(id); !ok {
			return noModel(d, id)
		}
		return jsonReply(appendModel(nil, d, id))
	}
	names := s.modelNames()
	b := []byte(`{"object":"list","data":[`)
	if d == anthropic {
		b = []byte(`{"data":[`)
	}
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendModel(b, d, name)
	}
	b = append(b, ']')
	if d == anthropic {
		b = append(append(b, `,"has_more":false,"first_id":`...), quote(names[0])...)
		b = append(append(b, `,"last_id":`...), quote(names[len(names)-1])...)
	}
	return jsonReply(append(b, '}'))
}

// modelNames are all that have a name of their own.
func (s *Server) modelNames() []string {
	names := slices.Sorted(maps.Keys(s.config.Models))
	names = slices.DeleteFunc(names, func(name string) bool { return name == "*" })
	return append([]string{"sim-l0", "sim-l1", "sim-l2", "sim-embed"}, names...)
}

const modelCreated = 1_750_000_000 // 2025-06-15T15:06:40Z

func appendModel(b []byte, d dialect, name string) []byte {
	if d == anthropic {
		b = append(append(b, `{"type":"model","id":`...), quote(name)...)
		b = append(append(b, `,"display_name":`...), quote(name)...)
		return append(b, `,"created_at":"2025-06-15T15:06:40Z"}`...)
	}
	b = append(append(b, `{"id":`...), quote(name)...)
	b = strconv.AppendInt(append(b, `,"object":"model","created":`...), modelCreated, 10)
	return append(b, `,"owned_by":"simulator"}`...)
}
