package gemini

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// png is the start of one in base64.
const png = "iVBORw0KGgoAAAANSUhEUg=="

func media(kind neutral.BlockKind, m neutral.Media) neutral.Block {
	return neutral.Block{Kind: kind, Media: m}
}

func TestAppendRequest_Media(t *testing.T) {
	f := func(b neutral.Block, want string, drops ...string) {
		t.Helper()
		q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, textBlock("a"), b, textBlock("z"))}}
		wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"a"},`+want+`,{"text":"z"}]}]}`, drops...)
	}
	f(media(neutral.Image, neutral.Media{Data: []byte(png), MIME: "image/png"}), `{"inlineData":{"mimeType":"image/png","data":"`+png+`"}}`)
	f(media(neutral.Audio, neutral.Media{Data: []byte("AAAA"), MIME: "audio/wav"}), `{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}`)
	f(media(neutral.File, neutral.Media{URL: "https://h/a.PDF?x=1"}), `{"fileData":{"mimeType":"application/pdf","fileUri":"https://h/a.PDF?x=1"}}`)
	f(media(neutral.Image, neutral.Media{URL: "gs://b/o"}), `{"fileData":{"fileUri":"gs://b/o"}}`)
}

func TestEdge016_ResultWithImage(t *testing.T) {
	image := media(neutral.Image, neutral.Media{Data: []byte(png), MIME: "image/png"})
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c1", "see", "{}"), callBlock("c2", "see", "{}")),
		turn(neutral.User, resultBlock("c1", image), resultBlock("c2", textBlock("x"), image)))
	head := `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"see","args":{}}},` +
		`{"functionCall":{"id":"c2","name":"see","args":{}}}]},{"role":"user","parts":[`
	inline := `{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}`
	wantBody(t, q, neutral.Traits{ResultMedia: true}, head+
		`{"functionResponse":{"id":"c1","name":"see","response":{},"parts":[`+inline+`]}},`+
		`{"functionResponse":{"id":"c2","name":"see","response":{"output":"x"},"parts":[`+inline+`]}}]}]}`)
	wantBody(t, q, neutral.Traits{}, head+
		`{"functionResponse":{"id":"c1","name":"see","response":{}}},{"functionResponse":{"id":"c2","name":"see","response":{"output":"x"}}}]},`+
		`{"role":"user","parts":[{"text":"From the result of see:"},`+inline+`,{"text":"From the result of see:"},`+inline+`]}]}`)
}

func TestEdge029_Detail(t *testing.T) {
	q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, media(neutral.Image, neutral.Media{Data: []byte(png), MIME: "image/png", Detail: "low"}))}}
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"`+png+`"}}]}]}`,
		"messages[].content[].image_url.detail")
}

func TestEdge093_DataURL(t *testing.T) {
	var m neutral.Media
	if !m.ParseDataURL([]byte("data:;charset=utf-8;BASE64,iVBORw0KGgoA\nAAANSUhEUg")) {
		t.Fatal("not parsed")
	}
	q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, media(neutral.Image, m))}}
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"`+png+`"}}]}]}`)
}

func TestEdge094_WrongType(t *testing.T) {
	q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, media(neutral.Image, neutral.Media{Data: []byte(png), MIME: "image/jpeg"}))}}
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"`+png+`"}}]}]}`)
}

func TestEdge096_NoURLs(t *testing.T) {
	f := func(b neutral.Block, param string) {
		t.Helper()
		wantRefused(t, &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, b)}}, neutral.Traits{NoURLs: true}, param)
	}
	f(media(neutral.Image, neutral.Media{URL: "https://h/a.png"}), "messages[].content[].image_url.url")
	f(media(neutral.File, neutral.Media{URL: "https://h/a.pdf"}), "messages[].content[].file.file_data")
	f(media(neutral.File, neutral.Media{FileID: "file-1"}), "messages[].content[].file.file_id")
	q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, media(neutral.Image, neutral.Media{URL: "gs://b/o.png"}))}}
	wantBody(t, q, neutral.Traits{NoURLs: true}, `{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://b/o.png"}}]}]}`)
}
