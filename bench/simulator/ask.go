package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"
)

// ask is what every dialect asks for, read from its requests.
type ask struct {
	model     string
	skill     int
	stream    bool
	wantUsage bool // in a stream
	n         int
	maxTokens int // 0 is no limit
	stop      []string
	texts     []string // of all messages, in order
	user      string   // text of the last message, if the user's
	result    *string  // content of the last message's tool result
	tools     []tool
	choose    string // auto, none, required, or the name after namedTool
	parallel  bool
	object    bool            // any JSON object is wanted
	schema    json.RawMessage // a JSON value of this schema is wanted
	think     bool            // thoughts are wanted
	hidden    bool            // but only their signature
	images    int             // in all messages, tools' results included
	files     int

	seed         uint64 // of ids and time: the server's and the request's bytes
	promptTokens int
}

type tool struct {
	name   string
	schema json.RawMessage
}

const namedTool = "tool:"

// created is the time of the answer in Unix seconds: made up, so that answers repeat.
func (a *ask) created() int64 { return 1_750_000_000 + int64(a.seed%10_000_000) }

func (a *ask) id(prefix string) string { return prefix + letters(a.seed, 24) }

// count sets the size of the prompt: its words, and a few for each message.
func (a *ask) count() {
	a.promptTokens = 3
	for _, t := range a.texts {
		a.promptTokens += 4 + len(pieces(t))
	}
}

// skillOf returns the skill of a model, or false if there is no such model here.
func (s *Server) skillOf(model string) (int, bool) {
	switch model {
	case "sim-l0", "sim-embed":
		return 0, true
	case "sim-l1":
		return 1, true
	case "sim-l2":
		return 2, true
	}
	if skill, ok := s.config.Models[model]; ok {
		return skill, true
	}
	skill, ok := s.config.Models["*"]
	return skill, ok && model != ""
}

func noModel(d dialect, model string) *reply {
	if model == "" {
		return errorReply(d, http.StatusBadRequest, "you must provide a model parameter", "model", "")
	}
	switch d {
	case anthropic:
		return errorReply(d, http.StatusNotFound, "model: "+model, "", "")
	case gemini:
		return errorReply(d, http.StatusNotFound, "models/"+model+" is not found for API version v1beta, or is not supported for generateContent.", "", "")
	case bedrock:
		return errorReply(d, http.StatusBadRequest, "The provided model identifier is invalid.", "", "")
	case ollama:
		return errorReply(d, http.StatusNotFound, "model '"+model+"' not found", "", "")
	case azure:
		return errorReply(d, http.StatusNotFound, "The API deployment for this resource does not exist.", "", "DeploymentNotFound")
	}
	return errorReply(d, http.StatusNotFound, "The model `"+model+"` does not exist or you do not have access to it.", "model", "model_not_found")
}

// decode reads the body into the dialect's request; the reply, if any, says what is wrong with it.
func decode(d dialect, body []byte, into any) *reply {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return errorReply(d, http.StatusBadRequest, "Invalid type for '"+wrong.Field+"': got "+wrong.Value+".", wrong.Field, "invalid_type")
	}
	if err != nil {
		return errorReply(d, http.StatusBadRequest, "We could not parse the JSON body of your request.", "", "")
	}
	return nil
}

// content is the text of a message: a string, or parts of which the texts count.
type content struct {
	text   string
	result *string // of the first tool result in it
	images int
	files  int
}

func (c *content) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case 'n':
		return nil
	case '[':
		var parts []struct {
			Type    string  `json:"type"`
			Text    string  `json:"text"`
			Content content `json:"content"`
		}
		if err := json.Unmarshal(b, &parts); err != nil {
			return err
		}
		var texts []string
		for _, part := range parts {
			switch part.Type {
			case "image_url":
				c.images++
			case "file":
				c.files++
			}
			if part.Type == "tool_result" && c.result == nil {
				c.result = &part.Content.text
			}
			if t := part.Text + part.Content.text; t != "" {
				texts = append(texts, t)
			}
		}
		c.text = strings.Join(texts, "\n")
		return nil
	default:
		return json.Unmarshal(b, &c.text)
	}
}

// list is a string or a list of strings.
type list []string

func (l *list) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case 'n':
		return nil
	case '"':
		*l = list{""}
		return json.Unmarshal(b, &(*l)[0])
	default:
		return json.Unmarshal(b, (*[]string)(l))
	}
}

// maxPiece bounds a token in bytes, so that text without spaces is made of several.
const maxPiece = 12

// pieces cuts a text into what the simulator counts and streams as tokens: words with the space before them,
// long ones in several. Joined they are the text.
func pieces(text string) []string {
	var all []string
	for text != "" {
		end := len(text)
		if i := strings.IndexAny(text[1:], " \n"); i >= 0 {
			end = i + 1
		}
		if end > maxPiece {
			end = maxPiece
			for end > 1 && !utf8.RuneStart(text[end]) {
				end--
			}
		}
		all = append(all, text[:end])
		text = text[end:]
	}
	return all
}
