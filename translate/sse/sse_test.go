package sse

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// split reads stream in pieces that end at the cuts and returns its events.
// Every call sees the buffer grown by one piece, or shortened by one event.
func split(stream string, cuts ...int) []string {
	var events []string
	var r Reader
	buf := []byte(stream)
	start := 0
	for _, end := range append(cuts, len(buf)) {
		for {
			event, n := r.Next(buf[start:end])
			if n == 0 {
				break
			}
			events = append(events, string(event))
			start += n
		}
	}
	if tail := r.Tail(buf[start:]); tail != nil {
		events = append(events, "tail "+string(tail))
	}
	return events
}

func TestReader(t *testing.T) {
	f := func(stream string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, split(stream)); diff != "" {
			t.Errorf("%q: %s", stream, diff)
		}
	}
	f("")
	f("\n", "\n")
	f("data: a\n\ndata: b\n\n", "data: a\n\n", "data: b\n\n")
	f("data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\n\r\n", "data: b\r\n\r\n") // edge case 99
	f("data: a\r\rdata: b\r\r\n", "data: a\r\r", "data: b\r\r\n")             // edge case 99
	f("data: a\n\r\ndata: b\r\n\ndata: c\r\r\n", "data: a\n\r\n", "data: b\r\n\n", "data: c\r\r\n")
	f("data: a\n\n\n\ndata: b\n\n", "data: a\n\n", "\n", "\n", "data: b\n\n")
	f(": ping\n\ndata: a\n\n", ": ping\n\n", "data: a\n\n") // edge case 101
	f("event: e\nid: 1\ndata: a\ndata: b\n\n", "event: e\nid: 1\ndata: a\ndata: b\n\n")
	f("\ufeffdata: a\n\n", "\ufeffdata: a\n\n")
	f("\ufeff\n\ufeff\n\n", "\ufeff\n", "\ufeff\n\n")
	f("data: a\n\ndata: b", "data: a\n\n", "tail data: b") // edge case 102
	f("data: a\n\ndata: b\n", "data: a\n\n", "tail data: b\n")
	f("data: a\r\r", "tail data: a\r\r")
	f("data: a\n\n\r", "data: a\n\n")
	f("data: a\n\r", "tail data: a\n\r")
}

// streams are cut everywhere by the tests below.
var streams = []string{
	"\ufeffdata: a\n\nevent: e\r\ndata: 1\r\ndata: 2\r\n\r\n: comment\r\rdata: 日本語 🦊\r\n\r\n\n\ndata: [DONE]\n\ndata: tail",
	"\r\n\r\r\n\n\r",
	"data: a\r\n\r\ndata: b\r\n\r\n\r\n",
	"data:" + strings.Repeat("x", 1200) + "\n\ndata: " + strings.Repeat("y", 600) + "\r\rdata: z\n\n",
}

// TestReader_Fault014_AnySplit cuts streams at every byte, at every pair of
// bytes where they are short, and into single bytes.
func TestReader_Fault014_AnySplit(t *testing.T) {
	for _, stream := range streams {
		want := split(stream)
		all := make([]int, len(stream))
		f := func(cuts ...int) {
			t.Helper()
			if diff := cmp.Diff(want, split(stream, cuts...)); diff != "" {
				t.Fatalf("%.40q cut at %v: %s", stream, cuts, diff)
			}
		}
		for i := range len(stream) {
			all[i] = i
			f(i)
			for j := i; j < len(stream) && len(stream) < 200; j++ {
				f(i, j)
			}
		}
		f(all...)
	}
}

// TestReader_Linear shows that no byte is searched again when the buffer
// grows: each step costs its own bytes, not the whole event.
func TestReader_Linear(t *testing.T) {
	buf := bytes.Repeat([]byte("x"), 1<<16)
	var r Reader
	for end := range buf {
		if _, n := r.Next(buf[:end]); n != 0 || r.at != end {
			t.Fatalf("with %d bytes: returned %d, will resume at %d", end, n, r.at)
		}
	}
}

func TestData(t *testing.T) {
	f := func(event, wantData, wantName string) {
		t.Helper()
		data, name := Data([]byte(event), nil)
		if string(data) != wantData || string(name) != wantName {
			t.Errorf("%q: got %q %q, want %q %q", event, data, name, wantData, wantName)
		}
	}
	f("data: a\n\n", "a", "")
	f("data:a\n\n", "a", "") // edge case 100
	f("data:  a \n\n", " a ", "")
	f("data: {\"a\":\": \"}\r\n\r\n", `{"a":": "}`, "")
	f("data: a\rdata: b\r\r", "a\nb", "")
	f("event: e\ndata: a\ndata:\ndata\ndata: b\n\n", "a\n\n\nb", "e")
	f("data: a\nevent:e\nid: 1\nretry: 2\nunknown\n: comment\n\n", "a", "e")
	f("event: a\nevent: b\n\n", "", "b")
	f("\ufeffdata: a\n\n", "a", "")
	f("data: a", "a", "")
	f("data: a\r", "a", "")
	f("data: a\ndata: b\r", "a\nb", "")
	f("datax: a\n data: b\nDATA: c\n\n", "", "")
	f("", "", "")
}

func TestData_None(t *testing.T) {
	f := func(event string, none bool) {
		t.Helper()
		if data, _ := Data([]byte(event), nil); (data == nil) != none {
			t.Errorf("%q: got %q", event, data)
		}
	}
	f(": ping\n\n", true)
	f("\n", true)
	f("event: ping\n\n", true)
	f("data:\n\n", false)
	f("data\n\n", false)
	f("data", false)
}

func FuzzReader(f *testing.F) {
	for i, stream := range streams {
		f.Add(stream, uint16(i), uint16(7*i))
	}
	f.Fuzz(func(t *testing.T, stream string, a, b uint16) {
		want := split(stream)
		cuts := []int{int(a) % (len(stream) + 1), int(b) % (len(stream) + 1)}
		cuts = []int{min(cuts[0], cuts[1]), max(cuts[0], cuts[1])}
		if diff := cmp.Diff(want, split(stream, cuts...)); diff != "" {
			t.Fatalf("cut at %v: %s", cuts, diff)
		}
		var whole strings.Builder
		for _, event := range want {
			event = strings.TrimPrefix(event, "tail ")
			whole.WriteString(event)
			checkData(t, event)
		}
		if rest := strings.TrimPrefix(stream, whole.String()); len(strings.Trim(rest, "\r\n")) > 0 {
			t.Fatalf("%q is in no event", rest)
		}
	})
}

// checkData compares Data with a plain reading of the specification.
func checkData(t *testing.T, event string) {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(event, bom)), "\n")
	var want []string
	for _, line := range lines {
		field, value, _ := strings.Cut(line, ":")
		if field == "data" {
			want = append(want, strings.TrimPrefix(value, " "))
		}
	}
	data, _ := Data([]byte(event), nil)
	if string(data) != strings.Join(want, "\n") || (data == nil) != (want == nil) {
		t.Fatalf("%q: data is %q, want %q", event, data, want)
	}
}

func BenchmarkReader(b *testing.B) {
	chunk := `data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1720000000,"model":"gpt-5-mini",` +
		`"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}` + "\n\n"
	large := "data: " + strings.Repeat("x", 1<<20) + "\n\n"
	for _, c := range []struct{ name, stream string }{
		{"chunks", strings.Repeat(chunk, 100)},
		{"crlf", strings.ReplaceAll(strings.Repeat(chunk, 100), "\n", "\r\n")},
		{"cr", strings.ReplaceAll(strings.Repeat(chunk, 100), "\n", "\r") + "\n"},
		{"event_1MB", large},
		{"blank_cr", strings.Repeat("\r", 1<<16) + "\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r Reader
			stream := []byte(c.stream)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				rest := stream
				for {
					event, n := r.Next(rest)
					if n == 0 {
						break
					}
					if data, _ := Data(event, nil); data == nil && n > 2 {
						b.Fatal("no data")
					}
					rest = rest[n:]
				}
			}
		})
	}
}
