package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ai-mcp-gateway/gateway/conversation"
)

// shares are those kept in the table, in the order of its columns.
var shares = []float64{0.2, 0.3, 0.4, 0.5}

// The tables in docs/quality.md stand between these.
const (
	tablesBegin = "<!-- Written by: go run ./bench eval compress -write docs/quality.md -in FILE -in FILE -->\n"
	tablesEnd   = "<!-- end -->\n"
)

// writeBetween replaces what stands between the markers of a file.
func writeBetween(name string, tables []byte) error {
	page, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begun := bytes.Cut(page, []byte(tablesBegin))
	_, after, ended := bytes.Cut(rest, []byte(tablesEnd))
	if !begun || !ended {
		return fmt.Errorf("%s has no line %q with one %q behind it", name, tablesBegin, tablesEnd)
	}
	page = slices.Concat(before, []byte(tablesBegin), []byte("\n"), tables, []byte("\n"), []byte(tablesEnd), after)
	return os.WriteFile(name, page, 0o644) //nolint:gosec // a document
}

// scoreFiles writes a table for each file.
func scoreFiles(ctx context.Context, w io.Writer, names []string) error {
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := scoreCompression(ctx, w, name); err != nil {
			return err
		}
	}
	return nil
}

// scoreCompression writes how much of the evidence survives each way to keep
// each share: strict recall, the share of questions all of whose evidence
// does, and containment, the share of answers whose words still stand
// together.
func scoreCompression(ctx context.Context, w io.Writer, in string) error {
	methods := []struct {
		name   string
		method method
	}{{"the newest messages", newest}, {"whole messages, whatever is asked (Select)", blind}, {"whole messages (Select)", whole}, {"sentences (Extract)", extracted}}
	tallies := make([][]tally, len(methods))
	for i := range tallies {
		tallies[i] = make([]tally, len(shares))
	}
	turns, rows := 0, 0
	err := eachLine(ctx, in, func(d *dialogue) error {
		p, g := prepare(d), newGauge(d)
		turns, rows = turns+len(d.Turns), rows+1
		for m := range methods {
			for s, share := range shares {
				for _, q := range d.QA {
					tallies[m][s].add(p, g, methods[m].method, &q, share)
				}
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if rows == 0 {
		return fmt.Errorf("%s has no row", in)
	}
	fmt.Fprintf(w, "%d dialogues of %d turns in the mean, %d questions:\n\n", rows, turns/rows, tallies[0][0].questions)
	fmt.Fprintln(w, "| strict recall (answers), % | 80 % less | 70 % less | 60 % less | 50 % less | ms at 70 % |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- |")
	for m := range methods {
		fmt.Fprintf(w, "| %s |", methods[m].name)
		for s := range shares {
			fmt.Fprintf(w, " %s |", &tallies[m][s])
		}
		fmt.Fprintf(w, " %.1f |\n", tallies[m][1].median())
	}
	return nil
}

// tally is what one way and share have come to.
type tally struct {
	questions, recalled int
	answers, contained  int
	over                int // contexts above their share, which count as lost
	times               []time.Duration
}

func (t *tally) add(p *prepared, g *gauge, how method, q *question, share float64) {
	begin := time.Now()
	text := p.context(how, q.Q, share)
	t.times = append(t.times, time.Since(begin))
	evidence := g.texts(q.Evidence)
	if len(evidence) == 0 {
		return
	}
	t.questions++
	if conversation.Count(text) > int(share*float64(p.tokens)) {
		t.over++
		return
	}
	said := g.sentenceWords(text)
	if !slices.ContainsFunc(evidence, func(turn string) bool { return !g.survives(turn, text, said) }) {
		t.recalled++
	}
	if q.A == "" {
		return
	}
	t.answers++
	if contains(said, contentWords(string(q.A))) {
		t.contained++
	}
}

func (t *tally) String() string {
	s := fmt.Sprintf("%.1f (%.0f)", percent(t.recalled, t.questions), percent(t.contained, t.answers))
	if t.over > 0 {
		s += fmt.Sprintf(", %d over", t.over)
	}
	return s
}

// median of the times, in milliseconds. They include counting the context.
func (t *tally) median() float64 {
	slices.Sort(t.times)
	return float64(t.times[len(t.times)/2]) / float64(time.Millisecond)
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// gauge measures what survives of a dialogue. It shares no code with what it
// measures.
type gauge struct {
	turns map[string]string // by id
	idf   map[string]float64
	read  map[string][]map[string]bool // the words of each line that was read
}

// sentenceWords is the function, which reads no line twice: the contexts of a
// dialogue are made of the same lines.
func (g *gauge) sentenceWords(text string) []map[string]bool {
	var said []map[string]bool
	for line := range strings.Lines(text) {
		words, known := g.read[line]
		if !known {
			words = sentenceWords(line)
			g.read[line] = words
		}
		said = append(said, words...)
	}
	return said
}

func newGauge(d *dialogue) *gauge {
	g := &gauge{turns: map[string]string{}, idf: map[string]float64{}, read: map[string][]map[string]bool{}}
	for _, t := range d.Turns {
		g.turns[t.ID] = t.Text
		for w := range contentWords(t.Text) {
			g.idf[w]++
		}
	}
	for w, n := range g.idf {
		g.idf[w] = math.Log(1 + float64(len(d.Turns))/n)
	}
	return g
}

// texts of those ids that the dialogue has.
func (g *gauge) texts(ids []string) []string {
	var texts []string
	for _, id := range ids {
		if t := g.turns[id]; t != "" {
			texts = append(texts, t)
		}
	}
	return texts
}

// survives: the turn stands in text word for word, or 60 % of its content
// words by weight stand in two adjacent sentences.
func (g *gauge) survives(turn, text string, said []map[string]bool) bool {
	if strings.Contains(text, turn) {
		return true
	}
	words, all := contentWords(turn), 0.0
	for w := range words {
		all += g.idf[w]
	}
	for i := range said {
		held := 0.0
		for w := range words {
			if said[i][w] || i+1 < len(said) && said[i+1][w] {
				held += g.idf[w]
			}
		}
		if all > 0 && held >= 0.6*all {
			return true
		}
	}
	return false
}

// contains: all words stand in three adjacent sentences.
func contains(said []map[string]bool, words map[string]bool) bool {
	for i := range said {
		missing := 0
		for w := range words {
			if !slices.ContainsFunc(said[i:min(i+3, len(said))], func(s map[string]bool) bool { return s[w] }) {
				missing++
			}
		}
		if missing == 0 {
			return true
		}
	}
	return false
}

func sentenceWords(text string) []map[string]bool {
	var said []map[string]bool
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".!?\n", r) }) {
		if words := contentWords(s); len(words) > 0 {
			said = append(said, words)
		}
	}
	return said
}

func contentWords(s string) map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) > 1 && !strings.Contains(grammar, " "+w+" ") || len(w) == 1 && unicode.IsDigit(rune(w[0])) {
			words[w] = true
		}
	}
	return words
}

// grammar is words that are no content.
const grammar = " a an the and or but if of at by for with about to from in on off out over up down into so than then too very " +
	"i me my we our us you your he him his she her it its they them their this that these those who what which when where why how " +
	"am is are was were be been being have has had do does did will would can could should may might must not no yes " +
	"ll ve re don didn doesn isn wasn just also as there here all any some more most such only own same now "
