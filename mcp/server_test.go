package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type stepsIn struct {
	Steps int `json:"steps"`
}

type stepsOut struct {
	Number json.Number `json:"number"`
}

// newServer has a tool that reports steps, one that waits until it is
// cancelled, one that panics and one that tells its argument.
func newServer(waiting chan<- struct{}) *Server {
	set := tool.NewSet(slog.New(slog.DiscardHandler))
	AddMeta(set)
	set.Add(
		tool.New(tool.Tool{Name: "steps"}, func(_ context.Context, c *tool.Call, in *stepsIn) (*stepsOut, error) {
			for i := range in.Steps {
				c.Report(float64(i), float64(in.Steps), "")
			}
			return &stepsOut{"1"}, nil
		}),
		tool.New(tool.Tool{Name: "wait"}, func(ctx context.Context, _ *tool.Call, _ *struct{}) (*stepsOut, error) {
			waiting <- struct{}{}
			<-ctx.Done()
			waiting <- struct{}{}
			return nil, ctx.Err()
		}),
		tool.New(tool.Tool{Name: "panic"}, func(context.Context, *tool.Call, *struct{}) (*stepsOut, error) { panic("a secret") }),
		tool.New(tool.Tool{Name: "tell"}, func(_ context.Context, _ *tool.Call, in *stepsOut) (*stepsOut, error) { return in, nil }),
	)
	return New(Options{Tools: set, Profile: Full, Version: "test", Log: slog.New(slog.DiscardHandler)})
}

func noHeader(string) string { return "" }

// counted are the messages of one call.
type counted struct {
	progress int
	answered bool
}

// count reads messages and holds that progress is in order, and that none comes
// after its call's answer.
func count(t *testing.T, messages [][]byte, into map[string]*counted) {
	t.Helper()
	for _, b := range messages {
		var m struct {
			ID     *int
			Params struct {
				Token    string `json:"progressToken"`
				Progress int
			}
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		key := m.Params.Token
		if m.ID != nil {
			key = fmt.Sprint(*m.ID)
		}
		c := into[key]
		if c == nil {
			c = &counted{}
			into[key] = c
		}
		switch {
		case c.answered:
			t.Fatalf("after the answer of %s: %s", key, b)
		case m.ID != nil:
			c.answered = true
		case m.Params.Progress != c.progress:
			t.Fatalf("progress of %s is %d, want %d", key, m.Params.Progress, c.progress)
		default:
			c.progress++
		}
	}
}

func stepsCall(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"steps","_meta":{"progressToken":"%d"},"arguments":{"steps":5}}}`, id, id)
}

// TestNoProgressIsLost makes 10,000 calls of five notifications each, half of
// them on stdio and half by HTTP.
func TestNoProgressIsLost(t *testing.T) {
	const calls, steps = 10_000, 5
	s := newServer(nil)
	got := map[string]*counted{}

	in, send := io.Pipe()
	receive, out := io.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.ServeStdio(t.Context(), tenant.Anonymous(), in, out); err != nil {
			t.Error(err)
		}
		_ = out.Close()
	})
	serving.Go(func() {
		for id := range calls / 2 {
			_, _ = fmt.Fprintln(send, stepsCall(id))
		}
	})
	lines := bufio.NewScanner(receive)
	for range calls / 2 * (steps + 1) {
		if !lines.Scan() {
			t.Fatal("too few messages")
		}
		count(t, [][]byte{lines.Bytes()}, got)
	}
	_ = send.Close()
	serving.Wait()

	for id := calls / 2; id < calls; id++ {
		a := s.Post(t.Context(), tenant.Anonymous(), noHeader, []byte(stepsCall(id)))
		var body bytes.Buffer
		if _, err := a.Body.WriteTo(&body); err != nil || a.Type != "text/event-stream" {
			t.Fatalf("%s: %v", a.Type, err)
		}
		var messages [][]byte
		for event := range strings.SplitSeq(strings.TrimSpace(body.String()), "\n\n") {
			messages = append(messages, []byte(strings.TrimPrefix(event, "event: message\ndata: ")))
		}
		count(t, messages, got)
	}
	if len(got) != calls {
		t.Errorf("%d calls, want %d", len(got), calls)
	}
	for id, c := range got {
		if !c.answered || c.progress != steps {
			t.Errorf("call %s: %+v", id, c)
		}
	}
}

// TestCancelledOverHTTP holds that a client's word cancels its call, and nobody
// else's with the same id.
func TestCancelledOverHTTP(t *testing.T) {
	waiting := make(chan struct{})
	s := newServer(waiting)
	in := func(session string) func(string) string {
		return func(name string) string {
			if name == "Mcp-Session-Id" {
				return session
			}
			return ""
		}
	}
	const mine, other = "gw-AAAAAAAAAAAAAAAAAAAAAAAAAA", "gw-BBBBBBBBBBBBBBBBBBBBBBBBBB"
	answered := make(chan *Answer, 2)
	for _, session := range []string{mine, other} {
		go func() {
			answered <- s.Post(t.Context(), tenant.Anonymous(), in(session), []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait"}}`))
		}()
		<-waiting
	}
	cancel := []byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	for _, session := range []string{mine, other} {
		s.Post(t.Context(), tenant.Anonymous(), noHeader, cancel) // nobody's
		s.Post(t.Context(), tenant.Anonymous(), in(session), cancel)
		<-waiting
		if a := <-answered; a.Status != 202 || a.Body != nil {
			t.Errorf("a cancelled call is answered: %+v", a)
		}
		select {
		case <-answered:
			if session == mine {
				t.Error("another client's call is cancelled")
			}
		default:
		}
	}
}

func post(t *testing.T, s *Server, message string) string {
	t.Helper()
	a := s.Post(t.Context(), tenant.Anonymous(), noHeader, []byte(message))
	var body bytes.Buffer
	if a.Body != nil {
		if _, err := a.Body.WriteTo(&body); err != nil {
			t.Fatal(err)
		}
	}
	return body.String()
}

func TestPanicIsToldAsNoMore(t *testing.T) {
	s := newServer(nil)
	got := post(t, s, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"panic"}}`)
	if !strings.Contains(got, `"isError":true`) || strings.Contains(got, "secret") || strings.Contains(got, ".go") {
		t.Error(got)
	}
}

// TestNumbersKeepTheirDigits holds that an argument over 2^53 comes as it was.
func TestNumbersKeepTheirDigits(t *testing.T) {
	s := newServer(nil)
	if got := post(t, s, `{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"tell","arguments":{"number":9007199254740993}}}`); strings.Count(got, "9007199254740993") < 3 {
		t.Error(got)
	}
}

// TestOneReading holds that the guard lets in no message that encoding/json,
// which the library reads with, sees another tool in than we do.
func TestOneReading(t *testing.T) {
	for _, params := range []string{
		`"name":"nope","NAME":"tell"`, `"NAME":"tell"`, `"Name":"tell"`, `"name":"nope","name":"tell"`, `"name":"nope","n\u0061me":"tell"`,
		`"name":"nope","nam\u0045":"tell"`, `"name":"nope","argument\u017f":{}`, `"name":"nope","_META":{}`, `"name":"tell","arguments":{"number":1,"number":2}`,
	} {
		if _, f := parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{` + params + `}}`)); f == nil || f.Code != codeInvalidRequest {
			t.Errorf("%s is let in", params)
		}
	}
	if _, f := parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"tell","arguments":{"a":1,"A":2}}}`)); f != nil {
		t.Errorf("arguments may differ by case: %+v", f)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"a":1,"A":[{}]},"_meta":{"progressToken":1}}}`,
		`{"jsonrpc":"2.0","id":"x","result":{}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, `[]`, `{`, ``, `"\\"`, `{"a":"\\","b":"\""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, fault := parse(b)
		if fault != nil {
			return
		}
		// What the library reads by folding names is what was read here.
		var read struct {
			ID     json.RawMessage
			Method string
			Params struct{ Name any }
		}
		if err := json.Unmarshal(b, &read); err != nil {
			return // it refuses it
		}
		if name, ok := read.Params.Name.(string); ok && name != m.name || read.Method != m.method {
			t.Errorf("%s: read as %q %q and as %q %q", b, m.method, m.name, read.Method, read.Params.Name)
		}
	})
}
