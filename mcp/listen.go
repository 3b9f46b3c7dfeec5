package mcp

import (
	"encoding/json"
)

// listen answers subscriptions/listen: it tells what is subscribed to, and ends.
// Nothing of what a client may ask for changes while the server runs, so that
// there is nothing to wait for.
func (x *exchange) listen() []byte {
	meta := map[string]json.RawMessage{"io.modelcontextprotocol/subscriptionId": x.call.id}
	x.notify("notifications/subscriptions/acknowledged", struct {
		Meta          map[string]json.RawMessage `json:"_meta"`
		Notifications struct{}                   `json:"notifications"`
	}{Meta: meta})
	return success(x.call.id, struct {
		Meta map[string]json.RawMessage `json:"_meta"`
		Type string                     `json:"resultType"`
	}{meta, "complete"})
}
