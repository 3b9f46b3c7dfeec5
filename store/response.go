package store

// Response is an answer of the Responses API that a later request may go on
// from. Its bytes may not be changed.
type Response struct {
	// Input is the raw array of the items that it answers, Body the Response
	// object.
	Input, Body []byte
	// Provider is the one that has it as well, under the same id; empty when
	// only the gateway does.
	Provider string
}
