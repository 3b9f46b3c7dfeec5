package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// What a native request may be as long as, in bytes.
const (
	maxName  = 200
	maxFiles = 100
)

// nativeRequest is what the native routes are asked.
type nativeRequest struct {
	ConversationID, UserID, ProjectID string
	// Text is the message or the task.
	Text    string
	Quality string
	Stream  bool
	Files   []nativeFile
}

// nativeFile is a file given to the code agent. One that is only named has no
// content.
type nativeFile struct {
	Path    string `json:"path"`
	Content string `json:"content,omitempty"`
}

// The fields of the native routes' requests, what is required first.
var (
	routeFields = []string{"conversationId", "message", "userId", "projectId", "qualityLevel"}
	chatFields  = []string{"conversationId", "message", "stream"}
	agentFields = []string{"conversationId", "task", "files"}
)

// readNative reads a native request, whose first two fields are required.
func readNative(r *translate.Request, fields []string) (*nativeRequest, *translate.Error) {
	q := &nativeRequest{}
	o := translate.Members(r.Body)
	var seen []string
	for o.Next() {
		name := string(translate.AppendText(nil, quoted(o.Key())))
		if !slices.Contains(fields, name) {
			return nil, unknownField(name, fields)
		}
		if slices.Contains(seen, name) {
			return nil, translate.Errorf(translate.CallerDuplicateField, name, "The field %q stands more than once.", name)
		}
		seen = append(seen, name)
		if err := q.take(name, o.Kind(), o.Value()); err != nil {
			return nil, err
		}
	}
	for _, name := range fields[:2] {
		if !slices.Contains(seen, name) {
			return nil, translate.Errorf(translate.CallerMissingField, name, "The field %q is required.", name)
		}
	}
	return q, nil
}

func quoted(key []byte) []byte { return append(append([]byte{'"'}, key...), '"') }

func unknownField(name string, fields []string) *translate.Error {
	return translate.Errorf(translate.CallerInvalidField, cutName(name), "The field %q is not known%s", cutName(name), meant(name, fields))
}

// cutName bounds what is said again of a caller's text.
func cutName(name string) string { return strings.ToValidUTF8(name[:min(len(name), 64)], "?") }

// take reads one field.
func (q *nativeRequest) take(name string, kind translate.Kind, raw []byte) *translate.Error {
	switch name {
	case "conversationId":
		if err := q.text(&q.ConversationID, name, raw, 0); err != nil {
			return err
		}
		return engine.CheckConversationID(name, q.ConversationID)
	case "message", "task":
		return q.text(&q.Text, name, raw, 0)
	case "userId":
		return q.text(&q.UserID, name, raw, maxName)
	case "projectId":
		return q.text(&q.ProjectID, name, raw, maxName)
	case "qualityLevel":
		if err := q.text(&q.Quality, name, raw, maxName); err != nil {
			return err
		}
		if !slices.Contains([]string{"normal", "high", "critical"}, q.Quality) {
			return translate.Errorf(translate.CallerInvalidField, name, "The field %q must be one of normal, high, critical.", name)
		}
		return nil
	case "stream":
		if kind != translate.KindBool {
			return translate.Errorf(translate.CallerInvalidField, name, "The field %q must be a boolean.", name)
		}
		q.Stream = raw[0] == 't'
		return nil
	default:
		return q.files(kind, raw)
	}
}

// text reads a string of 1 to most bytes; 0 is any length.
func (q *nativeRequest) text(to *string, name string, raw []byte, most int) *translate.Error {
	if translate.KindOf(raw) != translate.KindString {
		return translate.Errorf(translate.CallerInvalidField, name, "The field %q must be a string.", name)
	}
	*to = string(translate.AppendText(nil, raw))
	switch {
	case strings.TrimSpace(*to) == "":
		return translate.Errorf(translate.CallerInvalidField, name, "The field %q must not be empty.", name)
	case most > 0 && len(*to) > most:
		return translate.Errorf(translate.CallerInvalidField, name, "The field %q is longer than %d bytes.", name, most)
	case most > 0 && !printable(*to):
		return translate.Errorf(translate.CallerInvalidField, name, "The field %q has control characters in it.", name)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// files reads the code agent's files: names, or objects with a path and the
// content.
func (q *nativeRequest) files(kind translate.Kind, raw []byte) *translate.Error {
	if kind != translate.KindArray {
		return translate.Errorf(translate.CallerInvalidField, "files", "The field %q must be an array.", "files")
	}
	all := translate.Elements(raw)
	for i := 0; all.Next(); i++ {
		f, ok := readFile(all.Kind(), all.Value())
		if !ok || i >= maxFiles {
			return translate.Errorf(translate.CallerInvalidField, fmt.Sprintf("files[%d]", i),
				"The field %q must have at most %d entries, each a relative path that stays below where it begins, or an object with the strings path and content.", "files", maxFiles)
		}
		q.Files = append(q.Files, f)
	}
	return nil
}

func readFile(kind translate.Kind, raw []byte) (f nativeFile, ok bool) {
	if kind == translate.KindString {
		f.Path = string(translate.AppendText(nil, raw))
		return f, engine.ValidPath(f.Path)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return f, kind == translate.KindObject && d.Decode(&f) == nil && engine.ValidPath(f.Path)
}
