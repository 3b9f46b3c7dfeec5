package gemini

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestCorpora decodes every recorded answer and stream of the directory in
// CORPORA: files named *google*.json, and *.chunks.txt with an event a line.
func TestCorpora(t *testing.T) {
	root := os.Getenv("CORPORA")
	if root == "" {
		t.Skip("CORPORA names no directory with recorded answers")
	}
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasPrefix(e.Name(), "google-") || strings.Contains(e.Name(), "live") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		t.Run(e.Name(), func(t *testing.T) { decodeRecorded(t, e.Name(), body) })
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files: %v", files, err)
	}
}

func decodeRecorded(t *testing.T, file string, body []byte) {
	var a *neutral.Reply
	if strings.HasSuffix(file, ".json") {
		a = new(neutral.Reply)
		if err := New().ReadReply(translate.OpChat, body, a); err != nil {
			t.Fatal(err)
		}
	} else {
		var chunks []string
		for line := range bytes.Lines(body) {
			chunks = append(chunks, string(bytes.TrimSpace(line)))
		}
		var err *translate.Error
		if a, _, err = decode(stream(chunks...), 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range a.Choices {
		checkBlocks(t, c.Blocks)
		for _, b := range c.Blocks {
			t.Logf("%d %s %s %.80s %.80s", b.Kind, b.ID, b.Name, b.Text, b.Arguments)
		}
	}
	if !a.Usage.Known || a.Choices[0].Finish == neutral.FinishOther {
		t.Errorf("%+v", a)
	}
}
