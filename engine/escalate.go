package engine

import (
	"encoding/json"

	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/routing"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// handedShare is how long a handoff may be, of what it stands for.
const handedShare = 0.5

// handOver puts a handoff in the place of the conversation: the instructions
// stay as they are, and so does a picture that the task comes with.
func (v *verification) handOver() *translate.Error {
	c := v.call
	instructions, before, last := c.parts(v.request)
	dialect := speaks(c.Op)
	task, _ := conversation.Said(dialect, last)
	h := routing.NewHandoff("", task, v.given)
	if history := conversation.TextsOf(dialect, before); len(history) > 0 {
		total := conversation.Count(task)
		for i := range history {
			total += conversation.Count(history[i].Text)
		}
		if left := int(handedShare*float64(total)) - conversation.Count(h.Text()); left > 0 {
			h = routing.NewHandoff(conversation.Extract(history, task, left), task, v.given)
		}
	}
	c.Record.Handoff = h.JSON()
	message, _ := json.Marshal(chatMessageBody{"user", h.Text()}) // strings always marshal
	instructions = append(instructions, message)
	if c.needs.vision {
		instructions = append(instructions, last)
	}
	return c.replaceItems(instructions)
}
