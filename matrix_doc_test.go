package main

import (
	"fmt"
	"slices"
	"strings"
)

// dialectsDoc gathers docs/dialects.md.
type dialectsDoc struct {
	calls    map[string]string // marks, by client, case and provider
	settings map[string]string
	losses   []string // by the number of their note
}

func newDialectsDoc() *dialectsDoc {
	return &dialectsDoc{calls: map[string]string{}, settings: map[string]string{}}
}

const (
	markKept    = "✓"
	markDropped = "–"
	markRefused = "400"
	markFailed  = "FAILED"
)

// note returns the number of a note, which is made when it is new.
func (d *dialectsDoc) note(text string) string {
	n := slices.Index(d.losses, text)
	if n < 0 {
		d.losses, n = append(d.losses, text), len(d.losses)
	}
	return fmt.Sprintf("<sup>%d</sup>", n+1)
}

// add notes what has come of a call. Streamed and not it has to be the same.
func (d *dialectsDoc) add(p matrixProvider, c matrixClient, k matrixCase, out cell) {
	mark := markKept
	switch {
	case out.err != nil:
		mark = markFailed
	case out.refused != "":
		mark = markRefused + d.note("refused: `"+out.refused+"`")
	case out.drops != "":
		mark += d.note("dropped: `" + strings.ReplaceAll(out.drops, ", ", "`, `") + "`")
	}
	at := c.name + "/" + k.name + "/" + p.name
	if before := d.calls[at]; before != "" && before != mark {
		mark = before + " / streamed " + mark
	}
	d.calls[at] = mark
}

// set notes what has become of a setting.
func (d *dialectsDoc) set(p matrixProvider, s setting, f fate, drops string, err error) {
	mark := map[fate]string{kept: markKept, dropped: markDropped, refused: markRefused}[f]
	switch {
	case err != nil:
		mark = markFailed
	case f == dropped && drops != s.name:
		mark += d.note("dropped: `" + strings.ReplaceAll(drops, ", ", "`, `") + "`")
	}
	d.settings[s.client+"/"+s.name+"/"+p.name] = mark
}

const dialectsIntro = `<!-- Written by: go test -run TestMatrix -update . -->

# Dialects

What clients may speak, what providers do, and what is lost between them. This
page is the result of a test: every cell is a call of a client to the gateway
and of the gateway to a provider that takes nothing but what its API has. The
answer has to be valid in the client's dialect, and to say what the provider
has said: text, thoughts, calls with their arguments, why it ended, and usage;
streamed as well as in one piece.

| Client | Path |
|---|---|
| Chat | ` + "`POST /v1/chat/completions`" + ` |
| Responses | ` + "`POST /v1/responses`" + ` |
| Messages | ` + "`POST /v1/messages`" + ` |
| Completions | ` + "`POST /v1/completions`" + ` |

Where client and provider speak the same dialect, the bytes pass through;
otherwise they are translated. Nothing is dropped in silence: the header
` + "`X-Gateway-Dropped`" + ` lists what could not be told to the provider, by its
path in a chat completion. With ` + "`X-Gateway-Strict: true`" + `, or ` + "`strict: true`" + ` in
the configuration, such a call is refused with 400 instead.

- ✓: it works; with a note, something was lost on the way
- –: the provider cannot be told; the client is
- 400: without it the call makes no sense, so it is refused
- empty: the client's dialect has no such thing

mistral stands for providers that speak OpenAI's dialect with fewer fields and
rules of their own, as configs/models.json has them.

`

// titles of the clients' sections.
var titles = map[string]string{"chat": "Chat", "responses": "Responses", "messages": "Messages", "completions": "Completions"}

// text is the whole page.
func (d *dialectsDoc) text() string {
	var b strings.Builder
	b.WriteString(dialectsIntro)
	b.WriteString("## Calls\n")
	for _, c := range matrixClients {
		var rows []string
		for _, k := range matrixCases {
			if k.bodies[c.name] != "" {
				rows = append(rows, k.name)
			}
		}
		d.table(&b, c.name, rows, d.calls, false)
	}
	b.WriteString("\n## Settings\n")
	for _, c := range matrixClients {
		var rows []string
		for _, s := range settings {
			if s.client == c.name {
				rows = append(rows, s.name)
			}
		}
		d.table(&b, c.name, rows, d.settings, true)
	}
	b.WriteString("\n## Notes\n\n")
	for n, text := range d.losses {
		fmt.Fprintf(&b, "%d. %s\n", n+1, text)
	}
	b.WriteString(dialectsOutro)
	return b.String()
}

const dialectsOutro = `
## Errors

A provider's error reaches the client in its own dialect's envelope, with the
status and the wait (` + "`Retry-After`" + `) that belong to it. A stream that breaks
(the connection, an event that is none, an error in place of one) ends with the
dialect's error, never with its good end: an ` + "`error`" + ` object and no ` + "`[DONE]`" + ` for
Chat and Completions, ` + "`event: error`" + ` for Messages, ` + "`error`" + ` and
` + "`response.failed`" + ` for Responses.
`

func (d *dialectsDoc) table(b *strings.Builder, client string, rows []string, marks map[string]string, code bool) {
	fmt.Fprintf(b, "\n### %s\n\n| |", titles[client])
	for _, p := range matrixProviders {
		b.WriteString(" " + p.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(matrixProviders)) + "\n")
	for _, row := range rows {
		name := row
		if code {
			name = "`" + row + "`"
		}
		b.WriteString("| " + name + " |")
		for _, p := range matrixProviders {
			b.WriteString(" " + marks[client+"/"+row+"/"+p.name] + " |")
		}
		b.WriteString("\n")
	}
}
