package spell

import "testing"

func TestClosest(t *testing.T) {
	words := []string{"conversationId", "message", "stream", ""}
	for word, want := range map[string]string{
		"conversation_id": "conversationId", "Message": "message", "mesage": "message", "messgae": "message",
		"steam": "stream", "colour": "", "": "", "m": "",
	} {
		if got := Closest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
