package proxy

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// readHeader parses a request's header.
func readHeader(t testing.TB, text string) *fasthttp.RequestHeader {
	t.Helper()
	h := new(fasthttp.RequestHeader)
	if err := h.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestDivert(t *testing.T) {
	f := func(line, header string, want bool, length int) {
		t.Helper()
		h := readHeader(t, line+" HTTP/1.1\r\nHost: h\r\n"+header+"\r\n")
		if got := isUpload(h); got != want {
			t.Errorf("%s %q: %t, want %t", line, header, got, want)
		}
		if !want {
			return
		}
		divert(h)
		if got, ok := diverted(h); !ok || got != length || h.ContentLength() != 0 {
			t.Errorf("%s %q: length %d, %t", line, header, got, ok)
		}
	}
	const form = "Content-Type: Multipart/form-data; boundary=b\r\n"
	f("POST /v1/files", form+"Content-Length: 12345\r\n", true, 12345)
	f("POST /v1/audio/transcriptions?x=1", form+"Transfer-Encoding: chunked\r\n", true, chunked)
	f("POST /v1/files", "Content-Type: application/json\r\nContent-Length: 2\r\n", false, 0)
	f("POST /v1/chat/completions", form+"Content-Length: 2\r\n", false, 0)
	f("POST /v1/audio/speech", form+"Content-Length: 2\r\n", false, 0)
	f("PUT /v1/files", form+"Content-Length: 2\r\n", false, 0)
	f("POST http://h/v1/files", form+"Content-Length: 2\r\n", false, 0)
	if _, ok := diverted(readHeader(t, "POST /v1/files HTTP/1.1\r\nHost: h\r\n\r\n")); ok {
		t.Error("a request that was not diverted")
	}
}

// BenchmarkDivert is what every other request pays for uploads.
func BenchmarkDivert(b *testing.B) {
	h := readHeader(b, "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := diverted(h); ok || isUpload(h) {
			b.Fatal("diverted")
		}
	}
}
