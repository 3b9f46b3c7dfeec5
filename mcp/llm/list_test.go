package llm

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

// TestList turns pages by the cursors, and expects every conversation of the
// caller's tenant once, and nothing of another tenant's.
func TestList(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "gateway.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range [][2]string{{"default", "1"}, {"default", "2"}, {"b", "3"}, {"default", "4"}, {"default", "5"}} {
		if err := s.PutTodos(t.Context(), name[0], name[1], []store.Todo{}); err != nil {
			t.Fatal(err)
		}
	}
	set := tooltest.New(t, Tools(Options{Accounts: s}))
	for limit := 1; limit <= 5; limit++ {
		var got []string
		for cursor := ""; len(got) <= 4; {
			var out listOut
			set.OK("conversation_list", fmt.Sprintf(`{"limit":%d,"cursor":%q}`, limit, cursor), &out)
			if len(out.Conversations) > limit {
				t.Errorf("a page has %d, of at most %d", len(out.Conversations), limit)
			}
			for _, c := range out.Conversations {
				got = append(got, c.ID)
			}
			if cursor = out.NextCursor; cursor == "" {
				break
			}
		}
		if want := []string{"1", "2", "4", "5"}; !slices.Equal(got, want) {
			t.Errorf("by pages of %d: %q, want %q", limit, got, want)
		}
	}
	set.Refused("conversation_list", `{"limit":201}`, "200")
	set.Refused("conversation_list", `{"cursor":"\u0000"}`, "printable")
}
