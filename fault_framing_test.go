package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// smuggled is a whole request that hides behind another one. It must never
// reach a provider.
var smuggled = rawChat("", chat("sim-l0", "smuggled", false))

// honest is a body that a provider may see.
var honest = chat("sim-l0", "honest", false)

// chunked frames text as one chunk and the last chunk.
func chunked(text string) string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text)
}

// runFraming runs cases with a request behind each and checks that providers
// saw the honest ones that succeeded and nothing else.
func runFraming(t *testing.T, cases []rawCase) {
	t.Helper()
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("cache: {response: {enabled: false}}\n"+quick, sim.URL()+"/v1"))
	want := uint64(0)
	for i := range cases {
		c := &cases[i]
		if c.status == 200 {
			want++
		}
		if !c.open && !c.half {
			c.request += smuggled
		}
	}
	runRaw(t, g, cases)
	if n := sim.Requests(); n != want {
		t.Errorf("%d requests reached the provider, want %d", n, want)
	}
	for _, s := range sim.Seen() {
		if bytes.Contains(s.Body, []byte("smuggled")) {
			t.Errorf("a smuggled request reached the provider: %s", s.Body)
		}
	}
}

func TestFault058_LengthAndTransferEncoding(t *testing.T) {
	n := itoa(len(honest))
	runFraming(t, []rawCase{
		{name: "CL then TE", request: rawChat("Content-Length: "+n+"\r\nTransfer-Encoding: chunked\r\n", chunked(honest)), status: 400},
		{name: "TE then CL", request: rawChat("Transfer-Encoding: chunked\r\nContent-Length: "+n+"\r\n", chunked(honest)), status: 400},
		{name: "CL of the whole", request: rawChat("Content-Length: "+itoa(len(chunked(honest)))+"\r\nTransfer-Encoding: chunked\r\n", chunked(honest)), status: 400},
		{name: "CL zero", request: rawChat("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunked(honest)), status: 400},
		{name: "other case", request: rawChat("transfer-ENCODING: Chunked\r\ncontent-LENGTH: "+n+"\r\n", chunked(honest)), status: 400},
		{name: "apart", request: rawChat("Content-Length: "+n+"\r\nX-Between: 1\r\nTransfer-Encoding: chunked\r\n", chunked(honest)), status: 400},
		{name: "empty chunked body", request: rawChat("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), status: 400},
	})
}

func TestFault059_BadContentLength(t *testing.T) {
	n := itoa(len(honest))
	length := func(name, lines string) rawCase {
		return rawCase{name: name, request: rawChat(lines, honest), status: 400}
	}
	runFraming(t, []rawCase{
		length("twice the same", "Content-Length: "+n+"\r\nContent-Length: "+n+"\r\n"),
		length("twice different", "Content-Length: "+n+"\r\nContent-Length: 0\r\n"),
		length("list", "Content-Length: "+n+", "+n+"\r\n"),
		length("plus", "Content-Length: +"+n+"\r\n"),
		length("minus", "Content-Length: -"+n+"\r\n"),
		length("hex", "Content-Length: 0x"+strconv.FormatInt(int64(len(honest)), 16)+"\r\n"),
		length("huge", "Content-Length: 99999999999999999999999\r\n"),
		length("letters", "Content-Length: "+n+"a\r\n"),
		length("two numbers", "Content-Length: "+n+" 1\r\n"),
		length("empty", "Content-Length:\r\n"),
		length("space before colon", "Content-Length : "+n+"\r\n"),
		length("quoted", "Content-Length: \""+n+"\"\r\n"),
		length("fraction", "Content-Length: "+n+".0\r\n"),
		{name: "white space around it", request: rawChat("Content-Length: \t"+n+" \r\n", honest), status: 200, open: true},
	})
}

func TestFault060_ObfuscatedTransferEncoding(t *testing.T) {
	coding := func(name, lines string) rawCase {
		return rawCase{name: name, request: rawChat(lines, chunked(honest)), status: 400}
	}
	runFraming(t, []rawCase{
		coding("xchunked", "Transfer-Encoding: xchunked\r\n"),
		coding("gzip and chunked", "Transfer-Encoding: gzip, chunked\r\n"),
		coding("chunked and identity", "Transfer-Encoding: chunked, identity\r\n"),
		coding("identity", "Transfer-Encoding: identity\r\n"),
		coding("two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
		coding("two lines, one odd", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
		coding("space before colon", "Transfer-Encoding : chunked\r\n"),
		coding("vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
		coding("quoted", "Transfer-Encoding: \"chunked\"\r\n"),
		coding("empty", "Transfer-Encoding:\r\n"),
		coding("NUL", "Transfer-Encoding: chunked\x00\r\n"),
		coding("parameter", "Transfer-Encoding: chunked;q=1\r\n"),
		{name: "HTTP/1.0", request: strings.Replace(rawChat("Transfer-Encoding: chunked\r\n", chunked(honest)), "HTTP/1.1", "HTTP/1.0", 1), status: 400},
		{name: "case is free", request: rawChat("tRANSFER-eNCODING: cHUNKED\r\n", chunked(honest)), status: 200, open: true},
	})
}

func TestFault061_FoldedHeader(t *testing.T) {
	runFraming(t, []rawCase{
		{name: "space", request: rawChat("X-Note: one\r\n two\r\n", honest), status: 400},
		{name: "tab", request: rawChat("X-Note: one\r\n\ttwo\r\n", honest), status: 400},
		{name: "folded framing", request: rawChat("Transfer-Encoding:\r\n chunked\r\n", chunked(honest)), status: 400},
		{name: "first line", request: strings.Replace(rawChat("", honest), "Host:", " Host:", 1), status: 400},
	})
}

func TestFault062_BrokenLinesAndChunks(t *testing.T) {
	chunks := func(name, body string) rawCase {
		return rawCase{name: name, request: rawChat("Transfer-Encoding: chunked\r\n", body), status: 400}
	}
	size := fmt.Sprintf("%x", len(honest))
	cases := []rawCase{
		{name: "CR in a value", request: rawChat("X-Note: one\rtwo\r\n", honest), status: 400},
		{name: "CR before a name", request: rawChat("\rX-Note: one\r\n", honest), status: 400},
		{name: "NUL in a value", request: rawChat("X-Note: one\x00two\r\n", honest), status: 400},
		{name: "NUL in a name", request: rawChat("X-\x00Note: one\r\n", honest), status: 400},
		{name: "no colon", request: rawChat("X-Note\r\n", honest), status: 400},
		{name: "empty name", request: rawChat(": one\r\n", honest), status: 400},
		{name: "bare LF after a line", request: rawChat("X-Note: one\n", honest), status: 400},
		{name: "bare LF at the end", request: strings.Replace(rawChat("", honest), "\r\n\r\n", "\r\n\n", 1), status: 400},
		{name: "bare LF everywhere", request: strings.ReplaceAll(rawChat("", honest), "\r\n", "\n"), status: 400},
		{name: "NUL in the target", request: strings.Replace(rawChat("", honest), "completions", "comp\x00letions", 1), status: 400},
		chunks("size is a word", "zz\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("size is signed", "+"+size+"\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("size is negative", "-1\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("size with 0x", "0x"+size+"\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("size overflows", "ffffffffffffffffff\r\n"+honest+"\r\n0\r\n\r\n"),
		{name: "size wraps to 32 bits", request: rawChat("Transfer-Encoding: chunked\r\n", "1000000"+size+"\r\n"+honest+"\r\n0\r\n\r\n"), status: 413},
		chunks("size is empty", "\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("no CRLF after the data", size+"\r\n"+honest+"0\r\n\r\n"),
		chunks("LF only", size+"\n"+honest+"\n0\n\n"),
		chunks("LF in an extension", size+";a\nb\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("CR in an extension", size+";a\rb\r\n"+honest+"\r\n0\r\n\r\n"),
		chunks("length in the trailer", size+"\r\n"+honest+"\r\n0\r\nContent-Length: 5\r\n\r\n"),
		chunks("encoding in the trailer", size+"\r\n"+honest+"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		chunks("host in the trailer", size+"\r\n"+honest+"\r\n0\r\nHost: other\r\n\r\n"),
		{name: "no last chunk", request: rawChat("Transfer-Encoding: chunked\r\n", size+"\r\n"+honest+"\r\n"), half: true},
		{name: "harmless extension", request: rawChat("Transfer-Encoding: chunked\r\n", size+";note=1\r\n"+honest+"\r\n0\r\n\r\n"), status: 200, open: true},
		{name: "several chunks", request: rawChat("Transfer-Encoding: chunked\r\n", "1\r\n"+honest[:1]+"\r\n"+fmt.Sprintf("%x", len(honest)-1)+"\r\n"+honest[1:]+"\r\n0\r\n\r\n"), status: 200, open: true},
	}
	runFraming(t, cases)
}

func TestFault063_Versions(t *testing.T) {
	version := func(v string, status int) rawCase {
		return rawCase{name: v, request: strings.Replace(rawChat("", honest), "HTTP/1.1", v, 1), status: status}
	}
	runFraming(t, []rawCase{
		{name: "preface", request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505},
		version("HTTP/2.0", 505),
		version("HTTP/1.9", 505),
		version("HTTP/1.2", 505),
		version("HTTP/3", 400),
		version("HTTP/0.9", 505),
		version("http/1.1", 400),
		version("HTTP/1.10", 400),
		version("HTTPS/1.1", 400),
		{name: "none", request: "GET /livez\r\n\r\n", status: 400},
		{name: "1.0", request: strings.Replace(rawChat("", honest), "HTTP/1.1", "HTTP/1.0", 1), status: 200, half: true},
	})
}

func TestFault064_Host(t *testing.T) {
	host := func(name, line string, status int) rawCase {
		return rawCase{name: name, request: strings.Replace(rawChat("", honest), "Host: gateway\r\n", line, 1), status: status, open: status == 200}
	}
	absolute := func(name, target, hostLine string, status int) rawCase {
		c := host(name, hostLine, status)
		c.request = strings.Replace(c.request, "/v1/chat", target+"/v1/chat", 1)
		return c
	}
	runFraming(t, []rawCase{
		host("missing", "", 400),
		host("twice", "Host: a\r\nHost: b\r\n", 400),
		host("twice the same", "Host: a\r\nHost: a\r\n", 400),
		host("empty", "Host:\r\n", 400),
		host("path and fragment", "Host: a/#@b\r\n", 400),
		host("user", "Host: user@a\r\n", 400),
		host("fragment", "Host: a#b\r\n", 400),
		host("query", "Host: a?b\r\n", 400),
		host("backslash", "Host: a\\b\r\n", 400),
		host("list", "Host: a, b\r\n", 400),
		host("space", "Host: a b\r\n", 400),
		host("with a port", "Host: gateway.example:8080\r\n", 200),
		host("IPv6", "Host: [::1]:8080\r\n", 200),
		absolute("absolute target", "http://other.example", "Host: gateway\r\n", 200),
		absolute("absolute target without Host", "http://other.example", "", 400),
		absolute("absolute target with a user", "http://a@b", "Host: gateway\r\n", 400),
		absolute("absolute target with a fragment", "http://a/#@b", "Host: gateway\r\n", 400),
	})
}
