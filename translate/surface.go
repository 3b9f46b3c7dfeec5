package translate

// AppendSurfaceLines ends a request line and appends the header lines of a
// request to a route whose bodies are not read here, all but the credential and
// what frames the body. An empty contentType means that there is no body.
func (v *Envelope) AppendSurfaceLines(dst, contentType []byte) []byte {
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), v.Host...)
	if len(contentType) > 0 {
		dst = append(append(dst, "\r\nContent-Type: "...), contentType...)
	}
	accept := "*/*"
	if v.Stream {
		accept = "text/event-stream"
	}
	dst = append(append(dst, "\r\nAccept: "...), accept...)
	return append(dst, "\r\nAccept-Encoding: identity\r\n"...)
}
