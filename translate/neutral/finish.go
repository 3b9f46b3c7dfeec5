package neutral

// Reason applies the rule of evidence to what a provider said: an answer with
// calls that stopped of itself, or for no reason that is known, is FinishTools;
// a limit, a filter, a pause and a fault stand, and so does everything that
// was said of an answer without calls.
func Reason(said Finish, calls bool) Finish {
	if !calls {
		return said
	}
	switch said {
	case FinishNone, FinishStop, FinishStopSequence, FinishOther:
		return FinishTools
	default:
		return said
	}
}
