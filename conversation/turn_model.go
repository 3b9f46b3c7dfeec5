package conversation

// LastModel is the target that wrote the newest answer, or empty.
func (t *Turn) LastModel() string {
	turns := t.state.turns
	for i := len(turns) - 1; i >= 0; i-- {
		if turns[i].Model != "" {
			return turns[i].Model
		}
	}
	return ""
}
