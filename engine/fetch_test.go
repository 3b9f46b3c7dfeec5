package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/internal/fetch"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// storageWire is a wire whose provider reads its own storage only.
type storageWire struct{ wire }

func (storageWire) TakesURL(url string) bool { return strings.HasPrefix(url, "https://own.example/") }

func TestWantsBytes(t *testing.T) {
	image := func(m neutral.Media) neutral.Block { return neutral.Block{Kind: neutral.Image, Media: m} }
	q := &neutral.Request{
		System: []neutral.Block{image(neutral.Media{URL: "https://h/system"})},
		Turns: []neutral.Turn{
			{Role: neutral.User, Blocks: []neutral.Block{
				{Kind: neutral.Text, Text: []byte("https://h/text")},
				image(neutral.Media{URL: "HTTP://h/upper"}),
				image(neutral.Media{URL: "https://own.example/1"}),
				image(neutral.Media{URL: "s3://b/o"}),
				image(neutral.Media{URL: "file:///etc/passwd"}),
				image(neutral.Media{Data: []byte("AAAA")}),
				image(neutral.Media{FileID: "https://h/id"}),
				{Kind: neutral.File, Media: neutral.Media{URL: "https://h/file"}},
				{Kind: neutral.Audio, Media: neutral.Media{URL: "https://h/sound"}},
			}},
			{Role: neutral.User, Blocks: []neutral.Block{
				{Kind: neutral.ToolResult, Content: []neutral.Block{image(neutral.Media{URL: "https://h/result"})}},
			}},
		},
	}
	f := func(w wire, noURLs bool, want ...string) {
		t.Helper()
		tgt := &target{provider: &provider{wire: w}, neutral: neutral.Target{Traits: neutral.Traits{NoURLs: noURLs}}}
		var got []string
		for _, b := range tgt.wantsBytes(q) {
			got = append(got, b.Media.URL)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	type plain struct{ wire }
	f(plain{}, false)
	f(plain{}, true, "https://h/system", "HTTP://h/upper", "https://own.example/1", "https://h/file", "https://h/result")
	f(storageWire{}, false, "https://h/system", "HTTP://h/upper", "https://h/file", "https://h/result")
	f(storageWire{}, true, "https://h/system", "HTTP://h/upper", "https://h/file", "https://h/result")
}

// TestDownloadReason holds that every failure has a word, and those of the
// caller's URL are told from those of its server.
func TestDownloadReason(t *testing.T) {
	for class := fetch.TooMany; class <= fetch.Empty; class++ {
		if downloadReason(class) == "" || (&fetch.Error{Class: class}).Error() == "" {
			t.Errorf("class %d has no words", class)
		}
	}
	if got := downloadReason(fetch.Private); got != "invalid_image_url" {
		t.Error(got)
	}
}

func TestMediaPath(t *testing.T) {
	f := func(op translate.Op, kind neutral.BlockKind, want string) {
		t.Helper()
		if got := mediaPath(op, kind); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(translate.OpChat, neutral.Image, "messages[].content[].image_url.url")
	f(translate.OpChat, neutral.File, "messages[].content[].file.file_data")
	f(translate.OpMessages, neutral.File, "messages[].content[].source.url")
	f(translate.OpResponses, neutral.Image, "input[].content[].image_url")
	f(translate.OpResponses, neutral.File, "input[].content[].file_url")
}
