package upstream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestExchangeDecodes(t *testing.T) {
	var long strings.Builder
	for i := range 20000 { // so much that it is not read at once
		fmt.Fprintf(&long, "line %d\n", i)
	}
	var gzipped bytes.Buffer
	gz := gzip.NewWriter(&gzipped)
	_, _ = gz.Write([]byte(long.String()))
	_ = gz.Close()
	zs, _ := zstd.NewWriter(nil)
	zipped := zs.EncodeAll([]byte(long.String()), nil)
	_ = zs.Close()

	f := func(encoding string, body []byte, framing string, want translate.Code) {
		t.Helper()
		head := "HTTP/1.1 200 OK\r\nContent-Encoding: " + encoding + "\r\n"
		switch framing {
		case "length":
			head += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
		case "chunked":
			head += fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		default:
			head += "\r\n" + string(body) + "<close>"
		}
		base, _ := script(t, head)
		_, got, err := get(newEndpoint(t, base, nil))
		if codeOf(err) != want || (want == 0 && got != long.String()) {
			t.Errorf("%s, %s: %d bytes, error %v; want %d bytes, %v", encoding, framing, len(got), err, long.Len(), want)
		}
	}
	for _, framing := range []string{"length", "chunked", "close"} {
		f("gzip", gzipped.Bytes(), framing, 0)
		f("zstd", zipped, framing, 0)
		f("gzip", gzipped.Bytes()[:gzipped.Len()/2], framing, translate.ProviderTruncated)
		f("zstd", zipped[:len(zipped)/2], framing, translate.ProviderTruncated)
		f("gzip", []byte(long.String()), framing, translate.ProviderBadResponse)
		f("zstd", []byte(long.String()), framing, translate.ProviderBadResponse)
	}
}
