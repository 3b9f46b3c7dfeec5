package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/ai-mcp-gateway/gateway/conversation"
)

// A conversation is sent as it is up to this many messages, and the last ones
// always, as the gateway does by default.
const (
	compressAfter = 50
	keepRecent    = 8
)

// dialogue is a row of what compression is judged on. Answers and evidence
// are read for scoring only.
type dialogue struct {
	ID    string     `json:"id"`
	Turns []turn     `json:"turns"`
	QA    []question `json:"qa"`
}

type turn struct {
	ID   string `json:"id"`
	Role string `json:"role"`
	Name string `json:"name"`
	Text string `json:"text"`
}

type question struct {
	ID       string   `json:"id"`
	Q        string   `json:"q"`
	A        answer   `json:"a"`
	Evidence []string `json:"evidence"` // ids of turns
}

// answer is a string, or something whose JSON does as well.
type answer string

// UnmarshalJSON implements json.Unmarshaler.
func (a *answer) UnmarshalJSON(data []byte) error { //nolint:unparam // the interface has it
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}
	*a = answer(s)
	return nil
}

// compressed is a line of the result: what would be sent for a question.
type compressed struct {
	ID   string `json:"id"`
	QA   string `json:"qa"`
	Text string `json:"text"`
}

// evalCompressCommand writes the context of each question, or scores it.
func evalCompressCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench eval compress", flag.ContinueOnError)
	var ins []string
	flags.Func("in", "`file` of dialogues, JSON Lines, plain or gzip; to be scored, several may be named", func(name string) error {
		ins = append(ins, name)
		return nil
	})
	out := flags.String("out", "", "`file` for the contexts; empty scores them instead, against the evidence in the input")
	keep := flags.Float64("keep", 0.30, "`share` of the tokens to keep")
	summary := flags.Bool("summary", false, "keep sentences, as summaries and handoffs do, in place of whole messages")
	score := flags.Bool("score", false, "print the tables of docs/quality.md; -keep does not matter")
	write := flags.String("write", "", "`file` to put these tables into, between its markers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case len(ins) == 0:
		return errors.New("eval compress: -in is missing")
	case *keep <= 0 || *keep > 1:
		return fmt.Errorf("eval compress: -keep %g: a share above 0 and at most 1", *keep)
	case *write != "":
		var tables bytes.Buffer
		if err := scoreFiles(ctx, &tables, ins); err != nil {
			return err
		}
		return writeBetween(*write, tables.Bytes())
	case *score || *out == "":
		return scoreFiles(ctx, os.Stdout, ins)
	case len(ins) > 1:
		return errors.New("eval compress: -out takes one -in")
	}
	how := whole
	if *summary {
		how = extracted
	}
	return writeLines(*out, func(lines *json.Encoder) error {
		return eachLine(ctx, ins[0], func(d *dialogue) error {
			p := prepare(d)
			for _, q := range d.QA {
				if err := lines.Encode(compressed{d.ID, q.ID, p.context(how, q.Q, *keep)}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// prepared is a dialogue whose tokens are counted, as they are when messages
// are appended.
type prepared struct {
	texts  []conversation.Text
	lines  []string // "name: text\n"
	tokens int      // of all lines together
}

func prepare(d *dialogue) *prepared {
	p := &prepared{}
	for _, t := range d.Turns {
		name := t.Name
		if name == "" {
			name = t.Role
		}
		line := name + ": " + t.Text + "\n"
		p.lines = append(p.lines, line)
		p.texts = append(p.texts, conversation.Text{
			Role: t.Role, Name: t.Name, Text: t.Text, Tokens: conversation.Count(line),
		})
	}
	p.tokens = conversation.Count(strings.Join(p.lines, ""))
	return p
}

// context is what is sent for a question when a share of the tokens is kept.
func (p *prepared) context(how method, question string, keep float64) string {
	if len(p.texts) <= compressAfter {
		return strings.Join(p.lines, "")
	}
	budget := int(keep * float64(p.tokens))
	text := how(p, question, budget)
	// Lines put together may have a token more or less than one by one.
	for room := budget; conversation.Count(text) > budget && room > 0; text = how(p, question, room) {
		room--
	}
	return text
}

// method is a way to keep at most budget tokens.
type method func(p *prepared, question string, budget int) string

func whole(p *prepared, question string, budget int) string {
	var b strings.Builder
	for _, i := range conversation.Select(p.texts, question, budget, keepRecent) {
		b.WriteString(p.lines[i])
	}
	return b.String()
}

// blind is whole for a prefix that has to do for every question.
func blind(p *prepared, _ string, budget int) string { return whole(p, "", budget) }

func extracted(p *prepared, question string, budget int) string {
	return conversation.Extract(p.texts, question, budget)
}

// newest keeps the last messages, which is what compression has to beat.
func newest(p *prepared, _ string, budget int) string {
	from := len(p.lines)
	for from > 0 && p.texts[from-1].Tokens <= budget {
		from--
		budget -= p.texts[from].Tokens
	}
	return strings.Join(p.lines[from:], "")
}
