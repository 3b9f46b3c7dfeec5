package simulator

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// gemini answers :generateContent and :streamGenerateContent.
func (s *Server) gemini(q *request, p *plan) *reply {
	a, bad := s.readGemini(q)
	if bad != nil {
		return bad
	}
	if p.filter && p.finish == "" { // the prompt itself is refused
		blocked := js(`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":%d,"totalTokenCount":%d},"modelVersion":%s,"responseId":%s}`,
			a.promptTokens, a.promptTokens, quote(a.model), quote(a.id("")))
		return a.geminiReply(q, p, []event{{data: blocked}})
	}
	outs := make([]output, a.n)
	for i := range outs {
		outs[i] = s.compose(a, i, p)
	}
	g := geminiAnswer{ask: a, plan: p, outs: outs}
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return a.geminiReply(q, p, g.events())
	}
	return jsonReply(g.body())
}

// geminiReply is a stream in the notation that the request wants, or its only event as a body.
func (a *ask) geminiReply(q *request, p *plan, events []event) *reply {
	switch {
	case p.stream == "json" || p.stream == "" && !a.stream:
		return jsonReply(events[0].data)
	case q.query.Get("alt") == "sse":
		return serverSentCRLF.reply(events)
	}
	return jsonArray.reply(events)
}

// open starts to read a request whose shape is known.
func (s *Server) open(q *request, want shape) (gjson.Result, *ask, *reply) {
	skill, ok := s.skillOf(q.model)
	if !ok {
		return gjson.Result{}, nil, noModel(q.dialect, q.model)
	}
	in := gjson.ParseBytes(q.body)
	if bad := want("", in); bad != nil {
		return in, nil, flawReply(q.dialect, bad)
	}
	a := &ask{model: q.model, skill: skill, n: 1, parallel: true, choose: "auto", seed: mix(s.config.Seed, hash(q.body))}
	return in, a, nil
}

func (s *Server) readGemini(q *request) (*ask, *reply) {
	in, a, refused := s.open(q, geminiRequest)
	if refused != nil {
		return nil, refused
	}
	turns := geminiTurns(in)
	if bad := geminiRules(in, turns); bad != nil {
		return nil, flawReply(gemini, bad)
	}
	a.stream = q.op == "streamGenerateContent"
	config := in.Get("generationConfig")
	a.n = max(1, int(config.Get("candidateCount").Int()))
	a.maxTokens = int(config.Get("maxOutputTokens").Int())
	a.stop = textsOf(config.Get("stopSequences"))
	a.object = config.Get("responseMimeType").Str == "application/json"
	for _, name := range []string{"responseSchema", "responseJsonSchema"} {
		if v := config.Get(name); v.Exists() {
			a.schema = geminiPlain(v)
		}
	}
	thinking := config.Get("thinkingConfig")
	a.think = thinking.Exists() && thinking.Get("thinkingBudget").Raw != "0"
	a.hidden = !thinking.Get("includeThoughts").Bool()
	a.geminiTools(in)
	if system := in.Get("systemInstruction"); system.Exists() {
		a.texts = append(a.texts, geminiTurn("systemInstruction", system).text())
	}
	a.follow(turns)
	return a, nil
}

func (a *ask) geminiTools(in gjson.Result) {
	calling := in.Get("toolConfig.functionCallingConfig")
	allowed := calling.Get("allowedFunctionNames").Array()
	for _, f := range in.Get("tools.#.functionDeclarations|@flatten").Array() {
		schema := f.Get("parametersJsonSchema")
		if !schema.Exists() {
			schema = f.Get("parameters")
		}
		t := tool{f.Get("name").Str, geminiPlain(schema)}
		if len(allowed) == 0 || strings.Contains(calling.Get("allowedFunctionNames").Raw, `"`+t.name+`"`) {
			a.tools = append(a.tools, t)
		}
	}
	a.choose = map[string]string{"ANY": "required", "NONE": "none"}[calling.Get("mode").Str]
	if a.choose == "" {
		a.choose = "auto"
	}
}

// geminiPlain writes the types in small letters, as JSON Schema has them.
func geminiPlain(schema gjson.Result) json.RawMessage {
	raw := schema.Raw
	for _, kind := range []string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"} {
		raw = strings.NewReplacer(`"type":"`+kind+`"`, `"type":"`+strings.ToLower(kind)+`"`, `"type": "`+kind+`"`, `"type":"`+strings.ToLower(kind)+`"`).Replace(raw)
	}
	return json.RawMessage(raw)
}

func geminiTurns(in gjson.Result) []turn {
	var turns []turn
	for n, content := range in.Get("contents").Array() {
		turns = append(turns, geminiTurn(fmt.Sprintf("contents[%d]", n), content))
	}
	return turns
}

func geminiTurn(path string, content gjson.Result) turn {
	t := turn{role: "user", path: path}
	if content.Get("role").Str == "model" {
		t.role = "assistant"
	}
	for n, part := range content.Get("parts").Array() {
		i := item{path: fmt.Sprintf("%s.parts[%d]", path, n), sign: part.Get("thoughtSignature").Str}
		call, result := part.Get("functionCall"), part.Get("functionResponse")
		media := part.Get("inlineData")
		if !media.Exists() {
			media = part.Get("fileData")
		}
		switch {
		case call.Exists():
			i.kind, i.id, i.name = itemCall, call.Get("id").Str, call.Get("name").Str
		case result.Exists():
			i.kind, i.id, i.name = itemResult, result.Get("id").Str, result.Get("name").Str
			i.text, i.pics = geminiOutput(result.Get("response")), len(result.Get("parts").Array())
		case media.Exists():
			i.kind = mediaKind(media.Get("mimeType").Str)
		case part.Get("thought").Bool():
			i.kind, i.text = itemThought, part.Get("text").Str
		default:
			i.text = part.Get("text").Str
		}
		t.items = append(t.items, i)
	}
	return t
}

// geminiOutput is what a function gave back: its only text, or the object.
func geminiOutput(response gjson.Result) string {
	for _, name := range []string{"output", "result", "error"} {
		if v := response.Get(name); v.Type == gjson.String && response.Get("@keys.#").Int() == 1 {
			return v.Str
		}
	}
	return response.Raw
}

func mediaKind(mime string) itemKind {
	if strings.HasPrefix(mime, "image/") || mime == "" {
		return itemImage
	}
	return itemFile
}

func textsOf(list gjson.Result) []string {
	var all []string
	for _, v := range list.Array() {
		all = append(all, v.Str)
	}
	return all
}

func (s *Server) geminiCount(q *request, _ *plan) *reply {
	in := gjson.ParseBytes(q.body)
	if inner := in.Get("generateContentRequest"); inner.Exists() {
		in = inner
	}
	if bad := array(1, 0, geminiContent)("contents", in.Get("contents")); bad != nil {
		return flawReply(gemini, bad)
	}
	a := &ask{}
	a.follow(geminiTurns(in))
	return jsonReply(js(`{"totalTokens":%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":%[1]d}]}`, a.promptTokens))
}

// geminiEmbed answers :embedContent and :batchEmbedContents.
func (s *Server) geminiEmbed(q *request, _ *plan) *reply {
	want, one := geminiBatch, q.op == "embedContent"
	if one {
		want = geminiEmbedding
	}
	in, _, bad := s.open(q, want)
	if bad != nil {
		return bad
	}
	requests := in.Get("requests").Array()
	if one {
		requests = []gjson.Result{in}
	}
	var b []byte
	for n, r := range requests {
		if model := r.Get("model").Str; !one && model != "models/"+q.model {
			return flawReply(gemini, wrong(fmt.Sprintf("requests[%d].model", n), "must match the model in the path: models/%s", q.model))
		}
		dimensions := defaultDimensions
		if v := r.Get("outputDimensionality"); v.Exists() {
			dimensions = int(v.Int())
		}
		if n > 0 {
			b = append(b, ',')
		}
		vector := embed(s.config.Seed, geminiTurn("content", r.Get("content")).text(), dimensions)
		b = append(appendVector(append(b, `{"values":`...), vector, false), '}')
	}
	if one {
		return jsonReply(js(`{"embedding":%s}`, b))
	}
	return jsonReply(js(`{"embeddings":[%s]}`, b))
}

func (s *Server) geminiModels(*request) *reply {
	var all []string
	for _, name := range s.modelNames() {
		all = append(all, string(js(`{"name":%s,"version":"001","displayName":%s,"supportedGenerationMethods":["generateContent","countTokens","embedContent"]}`,
			quote("models/"+name), quote(name))))
	}
	return jsonReply(js(`{"models":[%s]}`, strings.Join(all, ",")))
}
