package translate

import "unicode/utf8"

// Field is a top-level member of a request body that steers the gateway. It
// may stand once; all other members travel unread.
type Field uint8

// The fields, named after their keys.
const (
	FieldNone Field = iota
	FieldModel
	FieldStream
	FieldStreamOptions
	FieldMessages
	FieldPrompt
	FieldInput
	FieldMaxTokens
	FieldMaxCompletionTokens
	FieldMaxOutputTokens
	FieldN
	FieldBestOf
	FieldUser
	FieldSafetyIdentifier
	FieldMetadata
	FieldPromptCacheKey
	FieldPromptCacheRetention
	FieldServiceTier
	FieldStore
	FieldPreviousResponseID
	FieldConversation
	FieldBackground
	FieldTools
	FieldToolChoice
	FieldParallelToolCalls
	FieldFunctions
	FieldFunctionCall
	FieldResponseFormat
	FieldText
	FieldReasoningEffort
	FieldReasoning
	FieldThinking
	FieldVerbosity
	FieldTemperature
	FieldTopP
	FieldTopK
	FieldFrequencyPenalty
	FieldPresencePenalty
	FieldStop
	FieldSeed
	FieldLogprobs
	FieldTopLogprobs
	FieldLogitBias
	FieldModalities
	FieldAudio
	FieldPrediction
	FieldWebSearchOptions
	FieldEcho
	FieldSuffix
	FieldEncodingFormat
	FieldDimensions
	FieldConversationID
	FieldConversationIDCamel
	FieldCount // how many there are, FieldNone included
)

// Sets of fields are bits of a uint64.
var _ [64 - FieldCount]struct{}

// String returns the field's key.
func (f Field) String() string { return fieldKeys[f] }

// fieldOf returns the field whose key is key, which stands in its quotes.
// exact is false for another spelling by case: some servers match keys
// without regard to it, so such a member is a second one of the same name.
// Escapes do not change what a key is.
func fieldOf(key []byte) (f Field, exact bool) {
	bare := key[1 : len(key)-1]
	if f = fieldIndex.find(bare); f != FieldNone {
		return f, true
	}
	if len(bare) > maxFieldKey*len(`\u0000`) {
		return FieldNone, false
	}
	var text, folded [maxFieldKey * len(`\u0000`)]byte
	name := AppendText(text[:0], key)
	if f = fieldIndex.find(name); f != FieldNone {
		return f, true
	}
	return foldedIndex.find(appendFolded(folded[:0], name)), false
}

// spells reports whether key, which stands in its quotes, spells name as
// fieldOf does.
func spells(key []byte, name string) (same, exact bool) {
	bare := key[1 : len(key)-1]
	if string(bare) == name {
		return true, true
	}
	if len(bare) > maxFieldKey*len(`\u0000`) {
		return false, false
	}
	var text, folded [maxFieldKey * len(`\u0000`)]byte
	unescaped := AppendText(text[:0], key)
	return string(appendFolded(folded[:0], unescaped)) == name, string(unescaped) == name
}

// appendFolded appends key in lower case. Two letters outside ASCII fold into
// it (U+017F and U+212A), and encoding/json folds them too.
func appendFolded(dst, key []byte) []byte {
	for len(key) > 0 {
		r, n := utf8.DecodeRune(key)
		switch {
		case r >= 'A' && r <= 'Z':
			dst = append(dst, byte(r)|0x20)
		case r == 'ſ':
			dst = append(dst, 's')
		case r == '\u212a':
			dst = append(dst, 'k')
		default:
			dst = append(dst, key[:n]...)
		}
		key = key[n:]
	}
	return dst
}

// keyIndex is a small hash table with open addressing over fieldKeys or
// their folded forms.
type keyIndex [128]struct {
	key   string
	field Field
}

var (
	fieldIndex  = newKeyIndex(func(key string) string { return key })
	foldedIndex = newKeyIndex(func(key string) string { return string(appendFolded(nil, []byte(key))) })
)

func newKeyIndex(spell func(string) string) *keyIndex {
	var index keyIndex
	for f := FieldModel; f < FieldCount; f++ {
		key := spell(fieldKeys[f])
		at := keyHash([]byte(key))
		for index[at].field != FieldNone && index[at].key != key {
			at = (at + 1) % uint(len(index))
		}
		index[at].key, index[at].field = key, f
	}
	return &index
}

func (t *keyIndex) find(key []byte) Field {
	if len(key) == 0 || len(key) > maxFieldKey {
		return FieldNone
	}
	for at := keyHash(key); t[at].field != FieldNone; at = (at + 1) % uint(len(t)) {
		if t[at].key == string(key) {
			return t[at].field
		}
	}
	return FieldNone
}

func keyHash(key []byte) uint {
	n := len(key)
	return (uint(key[0])*7 + uint(key[n-1])*31 + uint(key[n/2])*3 + uint(n)*13) % uint(len(keyIndex{}))
}

// maxFieldKey is the length of the longest key.
const maxFieldKey = len("prompt_cache_retention")

var fieldKeys = [FieldCount]string{
	FieldNone:                 "",
	FieldModel:                "model",
	FieldStream:               "stream",
	FieldStreamOptions:        "stream_options",
	FieldMessages:             "messages",
	FieldPrompt:               "prompt",
	FieldInput:                "input",
	FieldMaxTokens:            "max_tokens",
	FieldMaxCompletionTokens:  "max_completion_tokens",
	FieldMaxOutputTokens:      "max_output_tokens",
	FieldN:                    "n",
	FieldBestOf:               "best_of",
	FieldUser:                 "user",
	FieldSafetyIdentifier:     "safety_identifier",
	FieldMetadata:             "metadata",
	FieldPromptCacheKey:       "prompt_cache_key",
	FieldPromptCacheRetention: "prompt_cache_retention",
	FieldServiceTier:          "service_tier",
	FieldStore:                "store",
	FieldPreviousResponseID:   "previous_response_id",
	FieldConversation:         "conversation",
	FieldBackground:           "background",
	FieldTools:                "tools",
	FieldToolChoice:           "tool_choice",
	FieldParallelToolCalls:    "parallel_tool_calls",
	FieldFunctions:            "functions",
	FieldFunctionCall:         "function_call",
	FieldResponseFormat:       "response_format",
	FieldText:                 "text",
	FieldReasoningEffort:      "reasoning_effort",
	FieldReasoning:            "reasoning",
	FieldThinking:             "thinking",
	FieldVerbosity:            "verbosity",
	FieldTemperature:          "temperature",
	FieldTopP:                 "top_p",
	FieldTopK:                 "top_k",
	FieldFrequencyPenalty:     "frequency_penalty",
	FieldPresencePenalty:      "presence_penalty",
	FieldStop:                 "stop",
	FieldSeed:                 "seed",
	FieldLogprobs:             "logprobs",
	FieldTopLogprobs:          "top_logprobs",
	FieldLogitBias:            "logit_bias",
	FieldModalities:           "modalities",
	FieldAudio:                "audio",
	FieldPrediction:           "prediction",
	FieldWebSearchOptions:     "web_search_options",
	FieldEcho:                 "echo",
	FieldSuffix:               "suffix",
	FieldEncodingFormat:       "encoding_format",
	FieldDimensions:           "dimensions",
	FieldConversationID:       "conversation_id",
	FieldConversationIDCamel:  "conversationId",
}
