package llm

import (
	"context"
	"time"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// pageSize is how many conversations a page has where nothing is said.
const pageSize = 50

type listIn struct {
	Cursor string `json:"cursor,omitempty" max:"200" doc:"nextCursor of the page before"`
	Limit  int    `json:"limit,omitempty" min:"1" max:"200" default:"50"`
}

type listOut struct {
	Conversations []listed `json:"conversations"`
	NextCursor    string   `json:"nextCursor,omitempty" doc:"missing on the last page"`
}

type listed struct {
	ID             string `json:"id"`
	Project        string `json:"project"`
	User           string `json:"user"`
	MessageCount   int64  `json:"message_count"`
	SummaryVersion int64  `json:"summary_version"`
	Updated        string `json:"updated" doc:"RFC 3339, UTC"`
}

// list returns a page of the conversations of a caller's tenant. A cursor is the
// last id of the page before.
func (l *llm) list(ctx context.Context, c *tool.Call, in *listIn) (*listOut, error) {
	if in.Cursor != "" {
		if err := engine.CheckConversationID("cursor", in.Cursor); err != nil {
			return nil, told(err)
		}
	}
	size := in.Limit
	if size == 0 {
		size = pageSize
	}
	found, err := l.Accounts.Conversations(ctx, c.Caller.Tenant, in.Cursor, size+1)
	if err != nil {
		return nil, away(l, c, err)
	}
	out := &listOut{Conversations: []listed{}}
	if len(found) > size {
		found = found[:size]
		out.NextCursor = found[size-1].ID
	}
	for _, f := range found {
		out.Conversations = append(out.Conversations, listed{f.ID, f.Project, f.User, f.Version, f.SummaryVersion, f.Updated.Format(time.RFC3339)})
	}
	return out, nil
}
