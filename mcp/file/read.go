package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	// maxText is the most bytes of a file that one answer has.
	maxText = 256 << 10
	// maxMedia is the longest binary file.
	maxMedia = 8 << 20
)

type readTextIn struct {
	Path   string `json:"path"`
	Head   int64  `json:"head,omitempty" min:"1" doc:"only the first lines"`
	Tail   int64  `json:"tail,omitempty" min:"1" doc:"only the last lines"`
	Offset int64  `json:"offset,omitempty" min:"1" doc:"first line, from 1"`
	Limit  int64  `json:"limit,omitempty" min:"1" doc:"lines from there"`
}

type readTextOut struct {
	Content   string `json:"content"`
	Size      int64  `json:"size"`
	Truncated bool   `json:"truncated"`
	Encoding  string `json:"encoding"`
}

// Blocks implements tool.Attached: a model reads the file, and not JSON.
func (o *readTextOut) Blocks() []tool.Block { return []tool.Block{{Text: o.Content}} }

func (f *files) readText(_ context.Context, _ *tool.Call, in *readTextIn) (*readTextOut, error) {
	if in.Head > 0 && in.Tail > 0 || (in.Offset > 0 || in.Limit > 0) && (in.Head > 0 || in.Tail > 0) {
		return nil, tool.Errorf("Give one of head, tail, and offset with limit.")
	}
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	file, info, err := p.openRegular(in.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var text []byte
	var truncated bool
	if in.Tail > 0 {
		text, truncated, err = lastLines(file, info.Size(), in.Tail)
	} else {
		first, lines := in.Offset, in.Limit
		if in.Head > 0 {
			lines = in.Head
		}
		text, truncated, err = someLines(file, first, lines)
	}
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	return textOut(in.Path, text, info.Size(), truncated)
}

// textOut is what is told of bytes that should be text.
func textOut(path string, text []byte, size int64, truncated bool) (*readTextOut, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, tool.Errorf("%q is not a text: read_media_file reads binary files.", shown(path))
	}
	out := &readTextOut{Size: size, Truncated: truncated, Encoding: "utf-8"}
	if truncated {
		text = wholeRunes(text)
	}
	if out.Content = string(text); !utf8.ValidString(out.Content) {
		out.Content, out.Encoding = strings.ToValidUTF8(out.Content, "\uFFFD"), "unknown"
	}
	return out, nil
}

// wholeRunes drops the pieces of characters that a cut leaves at both ends.
func wholeRunes(b []byte) []byte {
	for i := 0; i < utf8.UTFMax && len(b) > 0 && !utf8.RuneStart(b[0]); i++ {
		b = b[1:]
	}
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if last := b[len(b)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				b = b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// someLines reads lines from the first on, counted from 1; all with 0.
func someLines(r io.Reader, first, lines int64) (text []byte, truncated bool, err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	for at := int64(1); ; {
		part, err := b.ReadSlice('\n')
		if at >= first {
			text = append(text, part...)
		}
		if len(text) > maxText {
			return text[:maxText], true, nil
		}
		switch {
		case err == nil:
			at++
		case errors.Is(err, io.EOF):
			return text, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
		if lines > 0 && at >= max(first, 1)+lines {
			_, err := b.Peek(1)
			return text, err == nil, nil
		}
	}
}

// lastLines reads the last lines of a file.
func lastLines(f *os.File, size, lines int64) (text []byte, truncated bool, err error) {
	from := max(0, size-maxText)
	text, err = io.ReadAll(io.NewSectionReader(f, from, size-from))
	if err != nil {
		return nil, false, err
	}
	end := len(bytes.TrimSuffix(text, []byte("\n")))
	for ; lines > 0; lines-- {
		i := bytes.LastIndexByte(text[:end], '\n')
		if i < 0 {
			return text, from > 0, nil
		}
		end = i
	}
	return text[end+1:], true, nil
}

type readMediaIn struct {
	Path string `json:"path"`
}

type readMediaOut struct {
	MIMEType string `json:"mimeType"`
	Size     int64  `json:"size"`
	data     []byte
	path     string
}

// Blocks implements tool.Attached.
func (o *readMediaOut) Blocks() []tool.Block {
	return []tool.Block{{Type: o.MIMEType, Data: o.data, Text: "file:///" + strings.TrimPrefix(o.path, "/")}}
}

func (f *files) readMedia(_ context.Context, _ *tool.Call, in *readMediaIn) (*readMediaOut, error) {
	p, err := f.roots.find(in.Path)
	if err != nil {
		return nil, err
	}
	file, info, err := p.openRegular(in.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > maxMedia {
		return nil, tool.Errorf("%q is %d MiB long; 8 MiB is the most.", shown(in.Path), info.Size()>>20)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxMedia))
	if err != nil {
		return nil, refusal(in.Path, err)
	}
	kind, _, _ := strings.Cut(http.DetectContentType(data), ";")
	return &readMediaOut{MIMEType: kind, Size: int64(len(data)), data: append([]byte{}, data...), path: p.name}, nil
}

type readMultipleIn struct {
	Paths []string `json:"paths" min:"1" max:"50"`
}

type readMultipleOut struct {
	Files     []oneOfMany `json:"files"`
	Truncated bool        `json:"truncated" doc:"some files are not read: the answer would be too long"`
}

type oneOfMany struct {
	Path    string `json:"path"`
	Content string `json:"content,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (f *files) readMultiple(ctx context.Context, c *tool.Call, in *readMultipleIn) (*readMultipleOut, error) {
	out := &readMultipleOut{Files: []oneOfMany{}}
	left := 4 * maxText
	for _, path := range in.Paths {
		one := oneOfMany{Path: path}
		got, err := f.readText(ctx, c, &readTextIn{Path: path})
		var told *tool.Error
		switch {
		case errors.As(err, &told):
			one.Error = told.Text
		case err != nil:
			return nil, err
		case len(got.Content) > left:
			out.Truncated, one.Error = true, "Not read: the answer would be too long."
		default:
			left -= len(got.Content)
			one.Content = got.Content
			out.Truncated = out.Truncated || got.Truncated
		}
		out.Files = append(out.Files, one)
	}
	return out, nil
}
