package fetch

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// userAgent is how the gateway introduces itself.
const userAgent = "ai-mcp-gateway (media fetcher)"

var (
	errRedirects = errors.New("too many redirects")
	errDowngrade = errors.New("a redirect from https to http")
	errTooLarge  = errors.New("over the limit")
)

// get fetches w, taking its bytes from left.
func (f *Fetcher) get(ctx context.Context, w *Want, left *atomic.Int64) (File, *Error) {
	u, err := f.parse(nil, w.URL)
	for hops := 0; err == nil; hops++ {
		var r *http.Response
		if r, err = f.ask(ctx, u, w.Media); err != nil {
			break
		}
		if !redirects(r.StatusCode) {
			return f.take(ctx, r, w.Media, left)
		}
		_ = r.Body.Close()
		if hops == maxRedirects {
			return File{}, because(Redirect, errRedirects)
		}
		u, err = f.follow(u, r.Header.Get("Location"))
	}
	return File{}, err
}

// ask sends the request for u, which has been judged, and nothing after it:
// it does not follow redirects.
func (f *Fetcher) ask(ctx context.Context, u *url.URL, media Media) (*http.Response, *Error) {
	q := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{
		"Accept":          {accepts[media]},
		"Accept-Encoding": {"identity"},
		"User-Agent":      {userAgent},
	}}
	r, err := f.transport.RoundTrip(q.WithContext(ctx))
	if err != nil {
		return nil, broken(ctx, err)
	}
	return r, nil
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	default:
		return false
	}
}

// follow returns where a redirect of u leads to.
func (f *Fetcher) follow(u *url.URL, location string) (*url.URL, *Error) {
	next, err := f.parse(u, location)
	if err == nil && u.Scheme == "https" && next.Scheme != "https" {
		return nil, because(Redirect, errDowngrade)
	}
	return next, err
}

// take reads the answer that r is, and closes it.
func (f *Fetcher) take(ctx context.Context, r *http.Response, media Media, left *atomic.Int64) (File, *Error) {
	defer r.Body.Close()
	switch encoding := r.Header.Get("Content-Encoding"); {
	case r.StatusCode != http.StatusOK:
		return File{}, &Error{Class: Status, Status: r.StatusCode}
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return File{}, because(Encoded, nil)
	case r.ContentLength > f.config.MaxBytes, r.ContentLength > left.Load():
		return File{}, because(TooLarge, errTooLarge)
	}
	body := &bounded{r.Body, f.config.MaxBytes, left}
	var start [headSize]byte
	n, err := io.ReadFull(body, start[:])
	head := start[:n]
	switch {
	case n == 0 && err == io.EOF:
		return File{}, because(Empty, nil)
	case err != nil && err != io.ErrUnexpectedEOF: // a body that is cut says so again
		return File{}, broken(ctx, err)
	}
	file := File{MIME: typeOf(head, media)}
	if file.MIME == "" {
		return File{}, because(WrongType, nil)
	}
	if file.Base64, err = encoded(head, body); err != nil {
		return File{}, broken(ctx, err)
	}
	return file, nil
}

// encoded reads body to its end, after head.
func encoded(head []byte, body io.Reader) ([]byte, error) {
	var text bytes.Buffer
	w := base64.NewEncoder(base64.StdEncoding, &text)
	_, err := io.Copy(w, io.MultiReader(bytes.NewReader(head), body))
	_ = w.Close() // a buffer takes everything
	return text.Bytes(), err
}

// bounded reads until a limit of its own, or one that it has in common with
// others, is passed.
type bounded struct {
	r    io.Reader
	own  int64
	left *atomic.Int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.own -= int64(n)
	if b.left.Add(int64(-n)) < 0 || b.own < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// broken classifies what went wrong on the wire. Names that do not exist are
// told like those with a private address.
func broken(ctx context.Context, err error) *Error {
	var dns *net.DNSError
	var slow net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return because(TooLarge, err)
	case errors.Is(err, errAddress):
		return because(Private, err)
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return because(Timeout, err)
	case errors.As(err, &dns):
		return because(Private, err)
	default:
		return because(Unreachable, err)
	}
}

// headSize is how many bytes tell every type that is accepted.
const headSize = 12

// accepts is what servers are asked for.
var accepts = [...]string{
	Image:    "image/png, image/jpeg, image/gif, image/webp",
	Document: "application/pdf",
}

// typeOf returns the type of a file by its first bytes, "" for one that media
// are not accepted in.
func typeOf(head []byte, media Media) string {
	switch s := string(head); {
	case media == Document:
		if strings.HasPrefix(s, "%PDF-") {
			return "application/pdf"
		}
	case strings.HasPrefix(s, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(s, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(s, "GIF87a"), strings.HasPrefix(s, "GIF89a"):
		return "image/gif"
	case len(s) == headSize && s[:4] == "RIFF" && s[8:] == "WEBP":
		return "image/webp"
	}
	return ""
}
