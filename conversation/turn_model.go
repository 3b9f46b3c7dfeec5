package conversation

import "slices"

// LastModel is the target that wrote the newest answer, or empty.
func (t *Turn) LastModel() string {
	for _, m := range slices.Backward(t.state.turns) {
		if m.Model != "" {
			return m.Model
		}
	}
	return ""
}
