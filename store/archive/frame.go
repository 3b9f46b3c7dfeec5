package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/ai-mcp-gateway/gateway/store"
)

// place is where a frame lies: FILE@OFFSET+LENGTH#SHA-256.
type place struct {
	file           string
	offset, length int64
	sum            string // in hex
}

func (p place) String() string { return fmt.Sprintf("%s@%d+%d#%s", p.file, p.offset, p.length, p.sum) }

func parsePlace(text string) (p place, err error) {
	rest, sum, ok := strings.Cut(text, "#")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return p, fmt.Errorf("%w: %q is no place", store.ErrArchive, text)
	}
	offset, length, _ := strings.Cut(rest[at+1:], "+")
	p = place{file: rest[:at], sum: sum}
	var bad error
	p.offset, err = strconv.ParseInt(offset, 10, 64)
	p.length, bad = strconv.ParseInt(length, 10, 64)
	if errors.Join(err, bad) != nil || p.offset < 0 || p.length <= 0 || !isFile(p.file) {
		return p, fmt.Errorf("%w: %q is no place", store.ErrArchive, text)
	}
	return p, nil
}

// head is the first line of a frame.
type head struct {
	// File is the name that the file was given, whatever it is called now.
	File     string    `json:"file"`
	Tenant   string    `json:"tenant"`
	ID       string    `json:"conversation"`
	Project  string    `json:"project,omitempty"`
	User     string    `json:"user,omitempty"`
	Version  int64     `json:"version"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Messages int64     `json:"messages"`
}

// line is a message. Raw is what the client sent, as a text: it is to come back
// to the byte, and a line cannot hold what has line ends in it.
type line struct {
	Seq        int64     `json:"seq"`
	Role       string    `json:"role"`
	Dialect    string    `json:"dialect"`
	Raw        string    `json:"raw,omitempty"`
	Bytes      string    `json:"raw_base64,omitempty"` // what is no text
	Digest     string    `json:"digest"`
	Tokens     int       `json:"tokens"`
	Model      string    `json:"model,omitempty"`
	Incomplete bool      `json:"incomplete,omitempty"`
	Created    time.Time `json:"created"`
}

func lineOf(m *store.Message) line {
	l := line{
		Seq: m.Seq, Role: m.Role, Dialect: m.Dialect, Digest: hex.EncodeToString(m.Digest[:]),
		Tokens: m.Tokens, Model: m.Model, Incomplete: m.Incomplete, Created: m.Created,
	}
	if utf8.Valid(m.Raw) {
		l.Raw = string(m.Raw)
	} else {
		l.Bytes = base64.StdEncoding.EncodeToString(m.Raw)
	}
	return l
}

func (l *line) message() (m store.Message, err error) {
	m = store.Message{
		Seq: l.Seq, Role: l.Role, Dialect: l.Dialect, Raw: []byte(l.Raw),
		Tokens: l.Tokens, Model: l.Model, Incomplete: l.Incomplete, Created: l.Created,
	}
	if l.Bytes != "" {
		m.Raw, err = base64.StdEncoding.DecodeString(l.Bytes)
	}
	if n, bad := hex.Decode(m.Digest[:], []byte(l.Digest)); bad != nil || n != len(m.Digest) {
		err = fmt.Errorf("message %d has no digest", l.Seq)
	}
	return m, err
}

// conversation is what a frame holds.
type conversation struct {
	head
	messages []store.Message
}

// frames reads the conversations of frames, one after the other.
type frames struct {
	zip *zstd.Decoder
	in  *json.Decoder
}

func newFrames(r io.Reader) (*frames, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &frames{zip: zip, in: json.NewDecoder(bufio.NewReader(zip))}, nil
}

func (f *frames) close() { f.zip.Close() }

// next returns the next conversation; io.EOF when there is none.
func (f *frames) next() (*conversation, error) {
	c := &conversation{}
	if err := f.in.Decode(&c.head); err != nil {
		return nil, err
	}
	for n := int64(1); n <= c.Messages; n++ {
		var l line
		if err := f.in.Decode(&l); err != nil {
			return nil, fmt.Errorf("message %d of %d: %w", n, c.Messages, unexpected(err))
		}
		m, err := l.message()
		if err == nil && l.Seq != n {
			err = fmt.Errorf("message %d is not at its place", l.Seq)
		}
		if err != nil {
			return nil, err
		}
		c.messages = append(c.messages, m)
	}
	return c, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readFrame returns what lies at a place, when it is what was put there.
func readFrame(path string, at place) (*conversation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, at.length)
	if _, err := f.ReadAt(data, at.offset); err != nil {
		return nil, fmt.Errorf("at %d: %w", at.offset, unexpected(err))
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != at.sum {
		return nil, fmt.Errorf("what lies at %d has another checksum than what was archived", at.offset)
	}
	frame, err := newFrames(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer frame.close()
	c, err := frame.next()
	return c, unexpected(err)
}

// writer writes frames to a file.
type writer struct {
	file *os.File
	name string // that the file will have
	size int64
	sum  hash.Hash // of the frame under way
	zip  *zstd.Encoder
}

func newWriter(f *os.File, name string) (*writer, error) {
	w := &writer{file: f, name: name, sum: sha256.New()}
	var err error
	w.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	return w, err
}

// Write implements io.Writer for the encoder.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.size += int64(n)
	w.sum.Write(p[:n])
	return n, err
}

// put writes the frame of a conversation, whose messages come from more, page by
// page, and returns where it is. After an error the file is as it was.
func (w *writer) put(c *store.Conversation, more func(after int64) ([]store.Message, error)) (place, error) {
	w.sum.Reset()
	w.zip.Reset(w)
	start := w.size
	if err := errors.Join(w.lines(c, more), w.zip.Close()); err != nil {
		_, undone := w.file.Seek(start, io.SeekStart)
		w.size = start
		return place{}, errors.Join(err, undone, w.file.Truncate(start))
	}
	return place{file: w.name, offset: start, length: w.size - start, sum: hex.EncodeToString(w.sum.Sum(nil))}, nil
}

func (w *writer) lines(c *store.Conversation, more func(after int64) ([]store.Message, error)) error {
	out := json.NewEncoder(w.zip)
	err := out.Encode(&head{
		File: w.name, Tenant: c.Tenant, ID: c.ID, Project: c.Project, User: c.User, Version: c.Version,
		Created: c.Created, Updated: c.Updated, Messages: c.Version,
	})
	for after := int64(0); err == nil && after < c.Version; {
		var page []store.Message
		if page, err = more(after); err != nil {
			return err
		}
		if len(page) == 0 || page[0].Seq != after+1 {
			return fmt.Errorf("conversation %q of %q has no message %d: %w", c.ID, c.Tenant, after+1, errChanged)
		}
		for i := 0; i < len(page) && err == nil && after < c.Version; i++ {
			l := lineOf(&page[i])
			err = out.Encode(&l)
			after = l.Seq
		}
	}
	return err
}

var errChanged = errors.New("it was changed meanwhile")
