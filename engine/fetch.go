package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/ai-mcp-gateway/gateway/internal/fetch"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// urlTaker is a wire whose providers do not get everything from the web that a
// URL names, whatever the model is. Other wires leave that to the traits.
type urlTaker interface {
	// TakesURL reports whether the provider gets url itself.
	TakesURL(url string) bool
}

// fetchMedia puts the bytes of images and documents in the place of their URLs
// where t takes bytes only, and fetching is on. What it has put there stays for
// the call's other attempts.
func (c *Call) fetchMedia(t *target) *translate.Error {
	f := c.state.fetcher
	if f == nil || c.bridge.request == nil {
		return nil
	}
	media := t.wantsBytes(c.bridge.request)
	if len(media) == 0 {
		return nil
	}
	wants := make([]fetch.Want, len(media))
	for i, b := range media {
		wants[i] = fetch.Want{URL: b.Media.URL, Media: fetch.Image}
		if b.Kind == neutral.File {
			wants[i].Media = fetch.Document
		}
	}
	files, err := c.fetch(f, wants)
	if err != nil {
		return c.unfetched(media, err)
	}
	for i, b := range media {
		b.Media.URL, b.Media.MIME, b.Media.Data = "", files[i].MIME, files[i].Base64
	}
	return nil
}

// fetch waits for files as long as the call does.
func (c *Call) fetch(f *fetch.Fetcher, wants []fetch.Want) (files []fetch.File, err error) {
	ctx, stop := context.WithDeadline(context.Background(), c.deadline)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		files, err = f.All(ctx, wants)
	}()
	if !c.cancel.Wait(done) {
		stop()
		<-done
	}
	return files, err
}

// unfetched is what the caller is told of a failed fetch. The log gets the
// cause as well.
func (c *Call) unfetched(media []*neutral.Block, err error) *translate.Error {
	var failed *fetch.Error
	if !errors.As(err, &failed) {
		return c.canceled()
	}
	cause := ""
	if inner := errors.Unwrap(failed); inner != nil {
		cause = inner.Error()
	}
	c.engine.options.Log.Warn("media not fetched", "request_id", c.Record.RequestID, "reason", failed.Error(), "cause", cause)
	e := translate.Errorf(translate.CallerInvalidField, mediaPath(c.Op, media[failed.Index].Kind),
		"Number %d of the media that are named by URL cannot be fetched: %s.", failed.Index+1, failed.Error())
	e.Reason = downloadReason(failed.Class)
	return e
}

// fetchingOff adds to a provider's refusal that the gateway could help.
func (c *Call) fetchingOff(t *target, err *translate.Error) *translate.Error {
	if err != nil && err.Code == translate.CallerUnsupported && c.state.fetcher == nil && c.bridge.request != nil {
		if media := t.wantsBytes(c.bridge.request); len(media) > 0 {
			err.Param = mediaPath(c.Op, media[0].Kind)
			err.Message += " Fetching media by URL is off in this gateway; send the bytes as a data: URL or in base64."
		}
	}
	return err
}

// wantsBytes lists the images and documents of q that are on the web and that
// t's provider does not get from there.
func (t *target) wantsBytes(q *neutral.Request) (media []*neutral.Block) {
	taker, _ := t.provider.wire.(urlTaker)
	if taker == nil && !t.neutral.Traits.NoURLs {
		return nil
	}
	takes := func(url string) bool { return taker != nil && taker.TakesURL(url) }
	media = appendWeb(media, q.System, takes)
	for i := range q.Turns {
		media = appendWeb(media, q.Turns[i].Blocks, takes)
	}
	return media
}

// appendWeb appends those of blocks, and of what is in them, that are on the
// web and that the provider does not take from there.
func appendWeb(media []*neutral.Block, blocks []neutral.Block, takes func(url string) bool) []*neutral.Block {
	for i := range blocks {
		b := &blocks[i]
		switch b.Kind {
		case neutral.Image, neutral.File:
			if onWeb(b.Media.URL) && !takes(b.Media.URL) {
				media = append(media, b)
			}
		case neutral.ToolResult:
			media = appendWeb(media, b.Content, takes)
		}
	}
	return media
}

// onWeb reports whether url is one of http or https.
func onWeb(url string) bool {
	scheme, _, ok := strings.Cut(url, ":")
	return ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// mediaPath is where a caller of op has put the URL.
func mediaPath(op translate.Op, kind neutral.BlockKind) string {
	switch {
	case op == translate.OpMessages:
		return "messages[].content[].source.url"
	case op == translate.OpResponses && kind == neutral.Image:
		return "input[].content[].image_url"
	case op == translate.OpResponses:
		return "input[].content[].file_url"
	case kind == neutral.Image:
		return "messages[].content[].image_url.url"
	default:
		return "messages[].content[].file.file_data"
	}
}

// downloadReason is OpenAI's word for what is wrong.
func downloadReason(class fetch.Class) string {
	switch class {
	case fetch.Malformed, fetch.Forbidden, fetch.Private:
		return "invalid_image_url"
	case fetch.TooLarge:
		return "image_file_too_large"
	case fetch.WrongType:
		return "unsupported_image_media_type"
	case fetch.Empty:
		return "empty_image_file"
	default:
		return "failed_to_download_image"
	}
}
