package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/conversation"
)

func TestEvalCompress(t *testing.T) {
	dir := t.TempDir()
	plain, zipped := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "in.jsonl.gz")
	long, short := smallDialogue("long", 90), smallDialogue("short", compressAfter)
	writeDialogues(t, plain, zipped, long, short)

	for _, flag := range []string{"-summary=false", "-summary"} {
		var results [2][]byte
		for i, in := range []string{plain, zipped} {
			out := filepath.Join(dir, "out.jsonl")
			args := []string{"eval", "compress", "-keep", "0.25", flag, "-in", in, "-out", out}
			if err := dispatch(context.Background(), args); err != nil {
				t.Fatal(err)
			}
			var err error
			if results[i], err = os.ReadFile(out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(results[0], results[1]) {
			t.Error("gzip and plain differ")
		}
		lines := bytes.Split(bytes.TrimSpace(results[0]), []byte("\n"))
		if len(lines) != 2 {
			t.Fatalf("%d lines for two questions", len(lines))
		}
		var got [2]compressed
		for i := range got {
			if err := json.Unmarshal(lines[i], &got[i]); err != nil {
				t.Fatal(err)
			}
		}
		all := strings.Join(prepare(long).lines, "")
		if n, most := conversation.Count(got[0].Text), conversation.Count(all)/4; n > most {
			t.Errorf("%s: %d tokens, at most %d", flag, n, most)
		}
		if got[0].ID != "long" || got[0].QA != "q1" || !strings.Contains(got[0].Text, "the violet key opens locker 12") {
			t.Errorf("%s: %q without the evidence", flag, got[0])
		}
		if want := strings.Join(prepare(short).lines, ""); got[1].Text != want {
			t.Errorf("%s: a short dialogue is changed: %s", flag, cmp.Diff(want, got[1].Text))
		}
	}
}

func TestEvalRefuses(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		if err := dispatch(context.Background(), append([]string{"eval"}, args...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	f("compress")
	f("compress", "unheard-of")
	f("-in is missing", "compress")
	f("share above 0", "compress", "-in", "x", "-keep", "30")
	f("no such file", "compress", "-in", filepath.Join(t.TempDir(), "none"))
}

// TestEvalWrites holds that the tables go between the markers, which the page
// has.
func TestEvalWrites(t *testing.T) {
	dir := t.TempDir()
	in, zipped, page := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "in.jsonl.gz"), filepath.Join(dir, "page.md")
	writeDialogues(t, in, zipped, smallDialogue("long", 90))
	was, err := os.ReadFile("../docs/quality.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, was, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dispatch(t.Context(), []string{"eval", "compress", "-write", page, "-in", in, "-in", zipped}); err != nil {
		t.Fatal(err)
	}
	is, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := bytes.Cut(was, []byte(tablesBegin))
	_, after, _ := bytes.Cut(was, []byte(tablesEnd))
	if !bytes.HasPrefix(is, before) || !bytes.HasSuffix(is, after) || bytes.Count(is, []byte("1 dialogues of 90 turns")) != 2 {
		t.Errorf("%s", cmp.Diff(string(was), string(is)))
	}
}

// TestGauge: what counts as surviving does not hang on our own compression.
func TestGauge(t *testing.T) {
	d := smallDialogue("d", 60)
	g := newGauge(d)
	f := func(text string, want bool) {
		t.Helper()
		if got := g.survives(d.Turns[7].Text, text, sentenceWords(text)); got != want {
			t.Errorf("%q survives in %q: %v", d.Turns[7].Text, text, got)
		}
	}
	f("x: "+d.Turns[7].Text+"\n", true)
	f("The violet key. It opens locker 12.", true)
	f("The violet key. Something else was said. It opens locker 12.", false)
	f("A key was lost.", false)
	if !contains(sentenceWords("Some key. It opens. Locker 12!"), contentWords("locker key")) {
		t.Error("an answer within three sentences is not found")
	}
	if contains(sentenceWords("Some key. It opens. No door. Locker 12!"), contentWords("locker key")) {
		t.Error("an answer beyond three sentences is found")
	}
}

// smallDialogue has one turn that matters, the eighth.
func smallDialogue(id string, turns int) *dialogue {
	d := &dialogue{ID: id, QA: []question{{ID: "q1", Q: "Which locker does the violet key open?", A: "locker 12", Evidence: []string{"7"}}}}
	for i := range turns {
		text := fmt.Sprintf("On day %d it rained again in town number %d, and nobody came. We had tea.", i, i*7)
		if i == 7 {
			text = "Remember: the violet key opens locker 12."
		}
		d.Turns = append(d.Turns, turn{fmt.Sprint(i), "user", "Ada", text})
	}
	return d
}

func writeDialogues(t *testing.T, plain, zipped string, dialogues ...*dialogue) {
	t.Helper()
	var text, packed bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, d := range dialogues {
		if err := lines.Encode(d); err != nil {
			t.Fatal(err)
		}
	}
	z := gzip.NewWriter(&packed)
	z.Write(text.Bytes())
	z.Close()
	for name, data := range map[string][]byte{plain: text.Bytes(), zipped: packed.Bytes()} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
