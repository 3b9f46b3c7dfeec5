package load

import (
	"bytes"
	"fmt"
)

// Serial is the place in a request body that receives a number never sent
// before, so that no two requests are alike. A body without it is sent as it
// is every time.
const Serial = "0000000000000000"

// Request is a POST in its wire form, built once and sent many times. It is
// immutable and may be shared.
type Request struct {
	wire []byte
	// serial is the offset of the 16 digits in wire, or -1.
	serial int
}

// Post builds a request with a JSON body. The headers are whole lines without
// line end ("Authorization: Bearer x"); Host, Content-Type and Content-Length
// are added.
func Post(host, path string, headers []string, body []byte) *Request {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", path, host)
	for _, line := range headers {
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	serial := bytes.Index(body, []byte(Serial))
	if serial >= 0 {
		serial += b.Len()
	}
	b.Write(body)
	return &Request{wire: b.Bytes(), serial: serial}
}

// writeSerial writes n in decimal over the 16 digits of dst.
func writeSerial(dst []byte, n int64) {
	for i := len(Serial) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}
