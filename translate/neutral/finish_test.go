package neutral

import "testing"

func testReason(t *testing.T, said Finish, calls bool, want Finish) {
	t.Helper()
	if got := Reason(said, calls); got != want {
		t.Errorf("%d with calls %v: got %d, want %d", said, calls, got, want)
	}
}

func TestEdge043_TextAndTool(t *testing.T) {
	testReason(t, FinishTools, true, FinishTools)
	testReason(t, FinishStop, true, FinishTools)
	testReason(t, FinishStopSequence, true, FinishTools)
}

func TestEdge045_StopWithCalls(t *testing.T) {
	testReason(t, FinishStop, true, FinishTools)
	testReason(t, FinishNone, true, FinishTools)
	for _, stands := range []Finish{FinishLength, FinishContext, FinishFilter, FinishPause, FinishMalformed} {
		testReason(t, stands, true, stands)
	}
}

func TestEdge138_UnknownReason(t *testing.T) {
	testReason(t, FinishOther, false, FinishOther)
	testReason(t, FinishOther, true, FinishTools)
	for said := FinishNone; said <= FinishOther; said++ {
		testReason(t, said, false, said)
	}
}
