package simulator

import (
	"github.com/tidwall/gjson"
)

// What Gemini's generateContent takes (https://ai.google.dev/api/generate-content). Only the camelCase names are
// known here: the API takes snake_case too, but nobody should mix them.
var (
	geminiBlob   = object(fields{"mimeType!": like(`[a-z]+/[a-z0-9.+-]+`), "data!": packed, "displayName": anyText})
	geminiFile   = object(fields{"fileUri!": nonEmpty, "mimeType": nonEmpty, "displayName": anyText})
	geminiResult = object(fields{
		"id": anyText, "name!": geminiName, "response!": anyObject, "willContinue": truth, "scheduling": anyText,
		"parts": array(0, 0, union(fields{"inlineData": geminiBlob, "fileData": geminiFile}, nil)),
	})
	geminiPart = union(fields{
		"text": anyText, "inlineData": geminiBlob, "fileData": geminiFile, "functionResponse": geminiResult,
		"functionCall":   object(fields{"id": anyText, "name!": geminiName, "args": anyObject}),
		"executableCode": anyObject, "codeExecutionResult": anyObject,
	}, fields{
		"thought": truth, "thoughtSignature": like(`[A-Za-z0-9+/_-]+={0,2}`), "videoMetadata": anyObject,
		"mediaResolution": anyObject, "partMetadata": anyObject,
	})
	geminiContent = object(fields{"role": word("user", "model", "function"), "parts!": array(1, 0, geminiPart)})

	geminiName        = like(`[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}`)
	geminiDeclaration = object(fields{
		"name!": geminiName, "description": anyText, "parameters": geminiSchema(), "parametersJsonSchema": anyObject,
		"response": geminiSchema(), "responseJsonSchema": anyObject, "behavior": anyText,
	})
	geminiTool = object(fields{
		"functionDeclarations": array(0, 512, geminiDeclaration),
		"googleSearch":         anyObject, "codeExecution": anyObject, "urlContext": anyObject, "googleSearchRetrieval": anyObject,
	})
	geminiToolConfig = object(fields{
		"functionCallingConfig": object(fields{
			"mode": word("AUTO", "ANY", "NONE", "VALIDATED"), "allowedFunctionNames": array(0, 0, geminiName),
		}),
		"retrievalConfig": anyObject,
	})
	geminiConfig = object(fields{
		"temperature": decimal(0, 2), "topP": decimal(0, 1), "topK": decimal(1, 1000), "candidateCount": integral(1, 8),
		"maxOutputTokens": positive, "stopSequences": array(0, 5, nonEmpty), "seed": integral(-1<<31, 1<<31-1),
		"presencePenalty": decimal(-2, 2), "frequencyPenalty": decimal(-2, 2),
		"responseMimeType": word("text/plain", "application/json", "text/x.enum"),
		"responseSchema":   geminiSchema(), "responseJsonSchema": anyObject,
		"responseLogprobs": truth, "logprobs": integral(0, 20), "responseModalities": array(0, 0, word("TEXT", "IMAGE", "AUDIO")),
		"thinkingConfig": object(fields{
			"includeThoughts": truth, "thinkingBudget": integral(-1, 1<<20), "thinkingLevel": word("MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high"),
		}),
		"mediaResolution": anyText, "speechConfig": anyObject, "imageConfig": anyObject, "enableEnhancedCivicAnswers": truth,
	})
	geminiRequest = object(fields{
		"contents!": array(1, 0, geminiContent), "tools": array(0, 0, geminiTool), "toolConfig": geminiToolConfig,
		"systemInstruction": geminiContent, "generationConfig": geminiConfig, "cachedContent": nonEmpty,
		"safetySettings": array(0, 0, object(fields{"category!": like(`HARM_CATEGORY_[A-Z_]+`), "threshold!": like(`[A-Z_]+`), "method": anyText})),
		"labels":         anyObject, "serviceTier": word("flex", "standard", "priority"), "store": truth,
	})
	geminiEmbedding = object(fields{
		"model": nonEmpty, "content!": geminiContent, "title": anyText, "outputDimensionality": integral(1, 3072),
		"taskType": like(`[A-Z_]+`), "autoTruncate": truth,
	})
	geminiBatch = object(fields{"requests!": array(1, 100, geminiEmbedding)})
)

// geminiSchema takes the part of OpenAPI's schemas that Gemini knows (https://ai.google.dev/api/caching#Schema).
func geminiSchema() shape {
	var all shape
	inner := func(path string, v gjson.Result) *flaw { return all(path, v) }
	properties := func(path string, v gjson.Result) (bad *flaw) {
		if !v.IsObject() {
			return wrong(path, "must be an object")
		}
		v.ForEach(func(name, s gjson.Result) bool {
			bad = inner(under(path, name.Str), s)
			return bad == nil
		})
		return bad
	}
	all = object(fields{
		"type":   word("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "string", "number", "integer", "boolean", "array", "object", "null"),
		"format": anyText, "title": anyText, "description": anyText, "nullable": truth, "enum": array(0, 0, anyText),
		"maxItems": geminiInt64, "minItems": geminiInt64, "properties": properties, "required": array(0, 0, anyText),
		"minProperties": geminiInt64, "maxProperties": geminiInt64, "minLength": geminiInt64, "maxLength": geminiInt64,
		"pattern": anyText, "example": anything, "anyOf": array(0, 0, inner), "propertyOrdering": array(0, 0, anyText),
		"default": anything, "items": inner, "minimum": anyNumber, "maximum": anyNumber,
	})
	return all
}

// geminiInt64 takes a number or its digits in a string, as protobuf's JSON has it.
var geminiInt64 = either(like(`[0-9]+`), natural)

// geminiRules are what the shape does not say.
func geminiRules(in gjson.Result, turns []turn) *flaw {
	config := in.Get("generationConfig")
	thinking := config.Get("thinkingConfig")
	isJSON := config.Get("responseMimeType").Str == "application/json"
	switch {
	case thinking.Get("thinkingBudget").Exists() && thinking.Get("thinkingLevel").Exists():
		return wrong("generationConfig.thinkingConfig", "You can only set only one of thinking budget and thinking level.")
	case (config.Get("responseSchema").Exists() || config.Get("responseJsonSchema").Exists()) && !isJSON:
		return wrong("generationConfig.responseSchema", "only supported for response mime type application/json")
	case config.Get("responseSchema").Exists() && config.Get("responseJsonSchema").Exists():
		return wrong("generationConfig.responseSchema", "must not be set together with response_json_schema")
	case config.Get("logprobs").Exists() && !config.Get("responseLogprobs").Bool():
		return wrong("generationConfig.logprobs", "must be used with response_logprobs")
	}
	if bad := geminiDeclared(in); bad != nil {
		return bad
	}
	for _, t := range turns {
		for _, i := range t.items {
			if i.kind == itemText && i.text == "" && i.sign == "" {
				return wrong(i.path, "Unable to submit request because it has an empty text parameter.")
			}
		}
	}
	if bad := geminiPairs(turns); bad != nil || thinking.Get("thinkingLevel").Str == "" {
		return bad
	}
	return geminiSigned(turns)
}

// geminiDeclared looks at the functions and at how they may be called.
func geminiDeclared(in gjson.Result) *flaw {
	names := map[string]bool{}
	for _, f := range in.Get("tools.#.functionDeclarations|@flatten").Array() {
		name := f.Get("name").Str
		parameters := f.Get("parameters")
		kind := parameters.Get("type").Str
		switch {
		case names[name]:
			return wrong("tools", "Duplicate function declaration found: %s", name)
		case parameters.Exists() && f.Get("parametersJsonSchema").Exists():
			return wrong("tools", "parameters and parameters_json_schema are mutually exclusive: %s", name)
		case parameters.Exists() && (kind == "OBJECT" || kind == "object") && parameters.Get("properties.@keys.#").Int() == 0:
			return wrong("tools.function_declarations.parameters.properties", "should be non-empty for OBJECT type")
		}
		names[name] = true
	}
	calling := in.Get("toolConfig.functionCallingConfig")
	mode := calling.Get("mode").Str
	for _, name := range calling.Get("allowedFunctionNames").Array() {
		switch {
		case mode != "ANY" && mode != "VALIDATED":
			return wrong("toolConfig", "Allowed function names should be set only when function calling mode is ANY or VALIDATED.")
		case !names[name.Str]:
			return wrong("toolConfig", "Function %s is not declared", name.Str)
		}
	}
	if mode == "ANY" && len(names) == 0 {
		return wrong("toolConfig", "Function calling config is set without function_declarations.")
	}
	return nil
}

// geminiPairs wants a turn of calls to stand behind a turn of the user's, and before one with as many responses.
func geminiPairs(turns []turn) *flaw {
	for n, t := range turns {
		calls, results := t.of(itemCall), t.of(itemResult)
		var before []item
		if n > 0 {
			before = turns[n-1].of(itemCall)
		}
		switch {
		case len(calls) > 0 && (n == 0 || turns[n-1].role == "assistant"):
			return wrong(t.path, "Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
		case len(results) > 0 && len(before) == 0:
			return wrong(t.path, "Please ensure that function response turn comes immediately after a function call turn.")
		case len(results) != len(before):
			return wrong(t.path, "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
		}
		for i, r := range results {
			if r.name != before[i].name || r.id != before[i].id {
				return wrong(r.path, "function response %q does not match function call %q", r.name+r.id, before[i].name+before[i].id)
			}
		}
	}
	if last := turns[len(turns)-1]; len(last.of(itemCall)) > 0 {
		return wrong(last.path, "Please ensure that function call turn is followed by a function response turn.")
	}
	return nil
}

// geminiSigned wants the first call of each turn since the user last wrote to have its signature, as Gemini 3 does.
// (https://ai.google.dev/gemini-api/docs/thought-signatures)
func geminiSigned(turns []turn) *flaw {
	start := 0
	for n, t := range turns {
		if t.role == "user" && len(t.of(itemResult)) == 0 {
			start = n
		}
	}
	for _, t := range turns[start:] {
		calls := t.of(itemCall)
		if len(calls) == 0 {
			continue
		}
		switch sign := calls[0].sign; {
		case sign == "":
			return wrong(calls[0].path, "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.")
		case sign != signature(gemini, calls[0].name) && sign != "skip_thought_signature_validator":
			return wrong(calls[0].path, "Thought signature is not valid.")
		}
	}
	return nil
}
