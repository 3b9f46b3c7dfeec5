package azure

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendSurfaceHead is AppendHead for the rest of the API, whose bodies are not
// read here. path is below /openai, or below the deployment when the call
// names a model, and may have a query; an empty contentType means that there
// is no body.
func (d *Dialect) AppendSurfaceHead(dst []byte, v *translate.Envelope, method, path string, contentType []byte) []byte {
	dst = append(append(dst, method...), ' ')
	dst = appendSurfaceTarget(dst, v, path)
	dst = v.AppendSurfaceLines(dst, contentType)
	switch {
	case v.Key == "":
		return dst
	case strings.HasPrefix(v.Key, "Bearer "):
		dst = append(dst, "Authorization: "...)
	default:
		dst = append(dst, "api-key: "...)
	}
	return append(append(dst, v.Key...), "\r\n"...)
}

// appendSurfaceTarget appends the path and the query. Files and batches belong
// to the resource and not to a deployment of it.
func appendSurfaceTarget(dst []byte, v *translate.Envelope, path string) []byte {
	base, query, _ := strings.Cut(v.Base, "?")
	base = strings.TrimSuffix(base, "/")
	versioned, shared := hasPath(base, "/openai/v1"), v.Model == ""
	if at := strings.Index(base+"/", "/deployments/"); at >= 0 && shared {
		base = base[:at]
	}
	dst = append(dst, base...)
	if !versioned && !hasPath(base, "/deployments") {
		if !strings.HasSuffix(base, "/openai") {
			dst = append(dst, "/openai"...)
		}
		if !shared {
			dst = appendSegment(append(dst, "/deployments/"...), v.Model)
		}
	}
	path, asked, _ := strings.Cut(path, "?")
	dst = append(dst, path...)
	separator := byte('?')
	for _, q := range []string{query, asked} {
		if q != "" {
			dst = append(append(dst, separator), q...)
			separator = '&'
		}
	}
	if versioned || hasVersion(query) || hasVersion(asked) {
		return dst
	}
	return append(append(dst, separator), "api-version="+defaultVersion...)
}
