package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// mcpProcess is `gateway mcp` as an editor runs it.
type mcpProcess struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	logs  *logBuffer
	dir   string // its working directory
	done  chan struct{}
	err   error // of the process, once it is done

	mu    sync.Mutex
	lines []string // what it has written to standard output
	more  chan struct{}
	next  int // id of the next request
}

// startMCP runs the binary. Every line of its standard output has to be one
// JSON-RPC message, from its start to its end.
func startMCP(t testing.TB, config string, env ...string) *mcpProcess {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &mcpProcess{t: t, logs: &logBuffer{}, dir: filepath.Join(dir, "project"), done: make(chan struct{}), more: make(chan struct{}, 1), next: 1000}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(path, "mcp")
	p.cmd.Dir = p.dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	if config != "" {
		file := filepath.Join(dir, "gateway.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		p.cmd.Env = append(p.cmd.Env, "GATEWAY_CONFIG="+file)
	}
	p.cmd.Stderr = p.logs
	out, in := pipe(t), pipe(t)
	p.cmd.Stdout, p.cmd.Stdin, p.stdin = out.w, in.r, in.w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.w.Close(), in.r.Close()
	go p.read(out.r)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.stdin.Close()
		select {
		case <-p.done:
		case <-time.After(20 * time.Second):
			t.Errorf("the process did not end when its input did\n%s", p.logs.tail())
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	})
	return p
}

type ends struct{ r, w *os.File }

func pipe(t testing.TB) ends {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return ends{r, w}
}

func (p *mcpProcess) read(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			var m struct {
				JSONRPC string `json:"jsonrpc"`
			}
			if json.Unmarshal([]byte(line), &m) != nil || m.JSONRPC != "2.0" || !strings.HasSuffix(line, "\n") {
				p.t.Errorf("standard output has a line that is no message: %.200q", line)
			}
			p.mu.Lock()
			p.lines = append(p.lines, line)
			p.mu.Unlock()
			select {
			case p.more <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// write sends raw bytes.
func (p *mcpProcess) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil {
		p.t.Fatalf("the process does not read: %v\n%s", err, p.logs.tail())
	}
}

// wait returns the first line for which ok holds, which may have come already.
func (p *mcpProcess) wait(what string, ok func(line string) bool) string {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for seen := 0; ; {
		p.mu.Lock()
		lines := p.lines[seen:]
		seen = len(p.lines)
		p.mu.Unlock()
		for _, line := range lines {
			if ok(line) {
				return line
			}
		}
		select {
		case <-p.more:
		case <-deadline:
			p.t.Fatalf("waited for %s; there were %q\n%s", what, p.all(), p.logs.tail())
		}
	}
}

func (p *mcpProcess) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// rpcAnswer is an answer to a request.
type rpcAnswer struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// answer waits for the answer to an id, as it stands in JSON.
func (p *mcpProcess) answer(id string) rpcAnswer {
	p.t.Helper()
	var a rpcAnswer
	p.wait("the answer to "+id, func(line string) bool {
		a = rpcAnswer{}
		return json.Unmarshal([]byte(line), &a) == nil && string(a.ID) == id && (a.Result != nil || a.Error != nil)
	})
	return a
}

// ask makes a request and waits for the answer.
func (p *mcpProcess) ask(method, params string) rpcAnswer {
	p.t.Helper()
	p.next++
	p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", p.next, method, params))
	return p.answer(fmt.Sprint(p.next))
}

// toolResult is what a tool answered.
type toolResult struct {
	IsError    bool            `json:"isError"`
	Structured json.RawMessage `json:"structuredContent"`
	Content    []struct {
		Type, Text, Data, MIMEType string
	} `json:"content"`
}

func (r *toolResult) text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// call calls a tool.
func (p *mcpProcess) call(name, arguments string) (r toolResult) {
	p.t.Helper()
	a := p.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, name, arguments))
	if a.Error != nil {
		p.t.Fatalf("%s: %+v", name, *a.Error)
	}
	if err := json.Unmarshal(a.Result, &r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// initialize does the handshake of the revisions before 2026-07-28.
func (p *mcpProcess) initialize(version string) rpcAnswer {
	p.t.Helper()
	a := p.ask("initialize", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"test","version":"1"}}`, version))
	p.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
	return a
}

// alive checks that the process still answers.
func (p *mcpProcess) alive() {
	p.t.Helper()
	var list struct{ Tools []struct{ Name string } }
	if a := p.ask("tools/list", "{}"); a.Error != nil || json.Unmarshal(a.Result, &list) != nil || len(list.Tools) == 0 {
		p.t.Fatalf("tools/list: %+v", a)
	}
}

// end waits for the process, which has to end well.
func (p *mcpProcess) end(within time.Duration) {
	p.t.Helper()
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Errorf("the process ended with %v\n%s", p.err, p.logs.tail())
		}
	case <-time.After(within):
		p.t.Errorf("the process did not end within %v\n%s", within, p.logs.tail())
	}
}

func TestMCPSpeaksEveryRevision(t *testing.T) {
	p := startMCP(t, "")
	for _, version := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		var got struct{ ProtocolVersion string }
		if a := p.initialize(version); a.Error != nil || json.Unmarshal(a.Result, &got) != nil || got.ProtocolVersion != version {
			t.Errorf("initialize with %s: %+v", version, a)
		}
		p.alive()
	}
	const meta = `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`
	var found struct {
		SupportedVersions []string
		ResultType        string
	}
	if a := p.ask("server/discover", meta); a.Error != nil || json.Unmarshal(a.Result, &found) != nil ||
		len(found.SupportedVersions) != 5 || found.ResultType != "complete" {
		t.Errorf("server/discover: %+v", a)
	}
	var list struct {
		Tools []json.RawMessage
		TTLMs *int64
	}
	if a := p.ask("tools/list", meta); a.Error != nil || json.Unmarshal(a.Result, &list) != nil || len(list.Tools) == 0 || list.TTLMs == nil {
		t.Errorf("tools/list in 2026-07-28: %+v", a)
	}
	if a := p.ask("ping", meta); a.Error == nil || a.Error.Code != -32601 {
		t.Errorf("ping in 2026-07-28, which has none: %+v", a)
	}
}

// TestMCPSurvivesTorture holds that nothing on standard input ends the process
// or makes it say anything but what is wrong.
func TestMCPSurvivesTorture(t *testing.T) {
	p := startMCP(t, "")
	p.initialize("2025-11-25")
	f := func(name, line string, code int) {
		t.Helper()
		before := len(p.all())
		p.write(line + "\n")
		if code != 0 {
			var a rpcAnswer
			p.wait("the refusal of "+name, func(line string) bool {
				a = rpcAnswer{}
				return len(p.all()) > before && json.Unmarshal([]byte(line), &a) == nil && a.Error != nil && a.Error.Code == code
			})
			p.mu.Lock()
			p.lines = nil
			p.mu.Unlock()
		}
		p.alive()
	}
	const parse, invalid, params, method = -32700, -32600, -32602, -32601
	f("no JSON", `{"jsonrpc":"2.0",`, parse)
	f("invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", parse)
	f("an empty array", `[]`, invalid)
	f("a number", `123`, invalid)
	f("null", `null`, invalid)
	f("another version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, invalid)
	f("no version", `{"id":1,"method":"ping"}`, invalid)
	f("a blank line", ``, 0)
	f("an id that is an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, invalid)
	f("an id that is null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, invalid)
	f("no method", `{"jsonrpc":"2.0","id":1}`, invalid)
	f("params that are a list", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}`, params)
	f("an unknown method", `{"jsonrpc":"2.0","id":1,"method":"nope"}`, method)
	f("deep nesting", `{"jsonrpc":"2.0","id":1,"method":"ping","params":`+strings.Repeat(`{"a":`, 100_000)+`1`+strings.Repeat(`}`, 100_000)+`}`, parse)
	f("nesting of 300", `{"jsonrpc":"2.0","id":1,"method":"ping","params":`+strings.Repeat(`{"a":`, 300)+`1`+strings.Repeat(`}`, 300)+`}`, invalid)
	f("two messages in a line", `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}`, parse)
	f("a name twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nope","name":"llm_models"}}`, invalid)
	f("a name in two cases", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nope","NAME":"llm_models"}}`, invalid)
	f("a name in another case", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"llm_models"}}`, invalid)
	f("an escaped name twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nope","n\u0061me":"llm_models"}}`, invalid)
	f("an unknown tool", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nope"}}`, params)
	f("a line of 21 MiB", strings.Repeat("x", 21<<20), invalid)
	f("an answer that nobody waits for", `{"jsonrpc":"2.0","id":"gateway-x","result":{}}`, 0)
	f("a cancellation of nothing", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}`, 0)
	f("carriage returns", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\r", 0)

	// A message of 16 MiB is one like any other.
	p.write(`{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"find_tools","arguments":{"query":"` + strings.Repeat("x", 16<<20) + `"}}}` + "\n")
	if a := p.answer(`"big"`); a.Error != nil {
		t.Errorf("a message of 16 MiB: %+v", *a.Error)
	}
	p.alive()
}

// TestMCPKeepsIDs holds that an answer has the id that was asked with, to the
// digit, and that 1 and "1" are two.
func TestMCPKeepsIDs(t *testing.T) {
	p := startMCP(t, "")
	for _, id := range []string{`1`, `"1"`, `9007199254740993`, `12345678901234567890`, `-1`, `"a b"`, `1.5`} {
		p.write(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/list"}` + "\n")
	}
	for _, id := range []string{`1`, `"1"`, `9007199254740993`, `12345678901234567890`, `-1`, `"a b"`, `1.5`} {
		if a := p.answer(id); a.Error != nil {
			t.Errorf("id %s: %+v", id, *a.Error)
		}
	}
}

// TestMCPEndsWithItsInput holds that calls under way are cancelled when the
// client leaves, and that the process ends within 2 seconds.
func TestMCPEndsWithItsInput(t *testing.T) {
	for name, leave := range map[string]func(p *mcpProcess){
		"end of input": func(p *mcpProcess) { _ = p.stdin.Close() },
		"SIGTERM":      func(p *mcpProcess) { _ = p.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startMCP(t, "")
			p.initialize("2025-11-25")
			p.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"llm_chat","arguments":{"model":"simulated/sim-l0!latency=60s","messages":[{"role":"user","content":"hi"}]}}}` + "\n")
			p.alive()
			leave(p)
			p.end(2 * time.Second)
		})
	}
}

// TestMCPCancels holds that a cancelled call ends, and is not answered.
func TestMCPCancels(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	p := startMCP(t, config("", sim.URL()+"/v1"))
	p.initialize("2025-11-25")
	p.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"llm_chat","arguments":{"model":"sim/sim-l0!latency=60s","messages":[{"role":"user","content":"hi"}]}}}` + "\n")
	eventually(t, 10*time.Second, "the provider to be asked", func() bool { return sim.Requests() > 0 })
	p.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}` + "\n")
	eventually(t, 10*time.Second, "the call to be logged", func() bool {
		return strings.Contains(p.logs.String(), `"route":"llm_chat"`)
	})
	p.alive()
	for _, line := range p.all() {
		if strings.Contains(line, `"id":7,`) {
			t.Errorf("a cancelled call is answered: %s", line)
		}
	}
}

// TestMCPTools holds what the tools of the gateway's own see: the directory
// that it is started in, and the families that may write.
func TestMCPTools(t *testing.T) {
	p := startMCP(t, "", "MCP_PROFILE=full", "GATEWAY_LISTEN=0.0.0.0:8080") // as in the container: it does not listen
	p.initialize("2025-11-25")
	if err := os.WriteFile(filepath.Join(p.dir, "a.txt"), []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.call("read_text_file", `{"path":"a.txt"}`); r.IsError || r.text() != "here" {
		t.Errorf("%+v", r)
	}
	if r := p.call("fs_read", `{"path":"a.txt"}`); r.IsError || r.text() != "here" {
		t.Errorf("by its other name: %+v", r)
	}
	if r := p.call("call_tool", `{"name":"read_text_file","arguments":{"path":"../x"}}`); !r.IsError || !strings.Contains(r.text(), "outside") {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"write_file", "git_commit"} {
		if a := p.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":{}}`, name)); a.Error == nil || a.Error.Code != -32602 {
			t.Errorf("%s, which is off: %+v", name, a)
		}
	}
	p = startMCP(t, "", "MCP_WRITE=fs")
	p.initialize("2025-11-25")
	if r := p.call("write_file", `{"path":"b.txt","content":"written"}`); r.IsError {
		t.Errorf("%+v", r)
	}
	if b, err := os.ReadFile(filepath.Join(p.dir, "b.txt")); err != nil || string(b) != "written" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestMCPTakesTheClientsRoots holds that the directories a client has open are
// the tools', unless the configuration says which are.
func TestMCPTakesTheClientsRoots(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "theirs.txt"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startMCP(t, "")
	p.ask("initialize", `{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"test","version":"1"}}`)
	p.write(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
	var question struct{ ID string }
	p.wait("roots/list", func(line string) bool {
		return strings.Contains(line, `"method":"roots/list"`) && json.Unmarshal([]byte(line), &question) == nil
	})
	p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"roots":[{"uri":"file://%s"}]}}`+"\n", question.ID, dir))
	eventually(t, 10*time.Second, "the roots", func() bool {
		r := p.call("read_text_file", `{"path":"theirs.txt"}`)
		return !r.IsError && r.text() == "theirs"
	})
}

// TestMCPStaysQuick holds that a hundred slow calls, of a minute each, keep
// nobody else waiting for them.
func TestMCPStaysQuick(t *testing.T) {
	p := startMCP(t, "")
	p.initialize("2025-11-25")
	for i := range 100 {
		p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"s%d","method":"tools/call","params":{"name":"llm_chat","arguments":{"model":"simulated/sim-l0!latency=60s","messages":[{"role":"user","content":"%d"}]}}}`+"\n", i, i))
	}
	p.ask("ping", "{}")
	p.alive()
	if r := p.call("find_tools", `{"query":"git"}`); r.IsError {
		t.Errorf("%+v", r)
	}
}
