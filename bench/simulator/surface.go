package simulator

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// surfaces are the routes of OpenAI's API that have no language model behind them, by method and path; "*" stands for
// an id. Azure has most of them, too.
var surfaces = map[string]func(*Server, *request) *reply{
	"POST /v1/images/generations":   (*Server).images,
	"POST /v1/images/edits":         (*Server).images,
	"POST /v1/images/variations":    (*Server).images,
	"POST /v1/audio/transcriptions": (*Server).transcription,
	"POST /v1/audio/translations":   (*Server).transcription,
	"POST /v1/audio/speech":         (*Server).speech,
	"POST /v1/moderations":          (*Server).moderation,
	"POST /v1/rerank":               (*Server).rerank,
	"POST /v1/files":                (*Server).file,
	"GET /v1/files":                 (*Server).listed,
	"GET /v1/files/*":               (*Server).file,
	"DELETE /v1/files/*":            (*Server).deleted,
	"GET /v1/files/*/content":       (*Server).content,
	"POST /v1/batches":              (*Server).batch,
	"GET /v1/batches":               (*Server).listed,
	"GET /v1/batches/*":             (*Server).batch,
	"POST /v1/batches/*/cancel":     (*Server).batch,
}

// surfaceOf returns what answers the request if it is for one of surfaces, or nil.
func surfaceOf(q *request) func(*Server, *request) *reply {
	path := q.path
	switch rest, ok := strings.CutPrefix(q.op, "/v1/"); {
	case q.dialect == azure:
		path = "/v1/" + rest
	case !ok || q.dialect != openAI:
		return nil
	}
	parts := strings.Split(path, "/")
	if len(parts) > 3 && (parts[2] == "files" || parts[2] == "batches") {
		parts[3] = "*"
	}
	return surfaces[q.method+" "+strings.Join(parts, "/")]
}

// onePixel is a picture: a PNG of one pixel.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func (s *Server) images(q *request) *reply {
	const usage = `"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30,"input_tokens_details":{"text_tokens":10,"image_tokens":0}}`
	if gjson.GetBytes(q.body, "stream").Bool() {
		picture := `,"b64_json":"` + onePixel + `","created_at":1750000000`
		return streamReply([]event{
			{name: "image_generation.partial_image", data: []byte(`{"type":"image_generation.partial_image","partial_image_index":0` + picture + `}`)},
			{name: "image_generation.completed", data: []byte(`{"type":"image_generation.completed"` + picture + `,` + usage + `}`)},
		})
	}
	return jsonReply([]byte(`{"created":1750000000,"data":[{"b64_json":"` + onePixel + `"}],` + usage + `}`))
}

// form reads the fields of a multipart form, and the sum of its files.
func (q *request) form() (fields map[string]string, size int, bad *reply) {
	_, parameters, err := mime.ParseMediaType(q.header("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return nil, 0, invalid("Could not parse multipart form.", "")
	}
	form, err := multipart.NewReader(bytes.NewReader(q.body), parameters["boundary"]).ReadForm(maxBody)
	if err != nil {
		return nil, 0, invalid("Could not parse multipart form.", "")
	}
	fields = map[string]string{}
	for name, values := range form.Value {
		fields[name] = values[0]
	}
	for _, files := range form.File {
		for _, f := range files {
			size += int(f.Size)
		}
	}
	return fields, size, nil
}

func (s *Server) transcription(q *request) *reply {
	fields, size, bad := q.form()
	switch {
	case bad != nil:
		return bad
	case fields["model"] == "" && q.dialect != azure:
		return invalid("you must provide a model parameter", "model")
	}
	text := fmt.Sprintf("[simulated] %d bytes of sound", size)
	if fields["response_format"] == "text" {
		return &reply{status: http.StatusOK, contentType: "text/plain; charset=utf-8", body: []byte(text + "\n")}
	}
	return jsonReply(fmt.Appendf(nil, `{"text":%s,"usage":{"type":"tokens","input_tokens":14,"output_tokens":6,"total_tokens":20}}`, quote(text)))
}

// speech is bytes that are no text, as many as the input has, a hundred times.
func (s *Server) speech(q *request) *reply {
	n := 100 * len(gjson.GetBytes(q.body, "input").Str)
	sound := make([]byte, n)
	for i := range sound {
		sound[i] = byte(mix(s.config.Seed, uint64(i)))
	}
	if gjson.GetBytes(q.body, "stream_format").Str == "sse" {
		return streamReply([]event{
			{data: []byte(`{"type":"speech.audio.delta","audio":"` + base64.StdEncoding.EncodeToString(sound) + `"}`)},
			{data: []byte(`{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}`)},
		})
	}
	return &reply{status: http.StatusOK, contentType: "audio/mpeg", body: sound}
}

func (s *Server) moderation(*request) *reply {
	return jsonReply([]byte(`{"id":"modr-simulated","model":"omni-moderation-latest","results":[{"flagged":false,"categories":{},"category_scores":{}}]}`))
}

func (s *Server) rerank(q *request) *reply {
	b := []byte(`{"results":[`)
	for i := range gjson.GetBytes(q.body, "documents").Array() {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"index":%d,"relevance_score":%.3f}`, i, 1/float64(i+1))
	}
	return jsonReply(append(b, `],"usage":{"total_tokens":7}}`...))
}

func (s *Server) file(q *request) *reply {
	size := 0
	if q.method == http.MethodPost {
		var bad *reply
		if _, size, bad = q.form(); bad != nil {
			return bad
		}
	}
	return jsonReply(fmt.Appendf(nil, `{"id":"file-simulated","object":"file","bytes":%d,"created_at":1750000000,"filename":"simulated.jsonl","purpose":"batch"}`, size))
}

func (s *Server) listed(*request) *reply {
	return jsonReply([]byte(`{"object":"list","data":[],"has_more":false}`))
}

func (s *Server) deleted(*request) *reply {
	return jsonReply([]byte(`{"id":"file-simulated","object":"file","deleted":true}`))
}

func (s *Server) content(*request) *reply {
	return &reply{
		status: http.StatusOK, contentType: "application/octet-stream", body: bytes.Repeat([]byte("{\"custom_id\":\"a\"}\n"), 100),
		fields: []field{{"Content-Disposition", `attachment; filename="simulated.jsonl"`}},
	}
}

func (s *Server) batch(q *request) *reply {
	status := "validating"
	if strings.HasSuffix(q.path, "/cancel") {
		status = "cancelling"
	}
	return jsonReply([]byte(`{"id":"batch_simulated","object":"batch","endpoint":"/v1/chat/completions","status":"` + status + `"}`))
}
