package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// A form is passed on while it is read, so what it says is known only when it
// has gone to the provider. Its idempotency key is therefore claimed for any
// form before a byte is sent, and what the form said is kept with its answer.
// Who comes with the key later has the form read to its end here, and compared;
// it goes to nobody. Of a form its parts count, not its boundary, which clients
// make up anew each time.

// formSum is the line of a kept answer that has the sum of the form.
const formSum = "X-Gateway-Form"

// beginUpload takes the idempotency key of an upload if it has one, or returns
// what the one that had it before got.
func (s *Server) beginUpload(u *uploadCall) (*store.Answer, *translate.Error) {
	if u.once == nil {
		return nil, nil
	}
	waited := time.Now()
	kept, err := s.claim(u.call, u.surface.Path, []byte("multipart form"))
	u.source.start = u.source.start.Add(time.Since(waited)) // the client was not read meanwhile
	if kept == nil || err != nil {
		return nil, err
	}
	if err := u.readToEnd(); err != nil {
		return nil, u.excuse(err)
	}
	if !bytes.Contains(kept.Header, u.sumLine()) {
		return nil, claimFailure(store.ErrKeyReused)
	}
	return kept, nil
}

// expectKey reads the idempotency key of an upload, before its form is read.
func (s *Server) expectKey(ctx *fasthttp.RequestCtx, u *uploadCall) (err *translate.Error) {
	u.once, err = s.newOnce(u.Caller, ctx.Request.Header.Peek(headerIdempotencyKey))
	if u.once != nil {
		u.form.scan.sum = sha256.New()
	}
	return err
}

// keepSum has the answer kept together with what the form said. Without that
// it is not kept: nobody could be told whether it is theirs.
func (u *uploadCall) keepSum() {
	if !u.once.holds() {
		return
	}
	if u.readToEnd() == nil {
		u.once.answer.Header = append(u.once.answer.Header, u.sumLine()...)
	} else {
		u.once.unkept = true
	}
}

// readToEnd reads what is left of the form. An error says that it is not whole.
func (u *uploadCall) readToEnd() *translate.Error {
	_, err := io.Copy(io.Discard, &u.form)
	var told *translate.Error
	switch {
	case errors.As(err, &told):
		return told
	case err != nil || u.form.scan.state != scanDone:
		return badForm("it ends without its last delimiter")
	}
	return nil
}

func (u *uploadCall) sumLine() []byte {
	return []byte(formSum + ": " + hex.EncodeToString(u.form.scan.sum.Sum(nil)) + "\r\n")
}
