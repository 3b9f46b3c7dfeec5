package translate

// Check reports the first field that op needs and the body lacks or has in a
// form that the gateway itself cannot work with. Whatever else is wrong is
// for the provider to say.
func (r *Request) Check(op Op) *Error {
	switch {
	case r.Value(FieldModel) == nil:
		return missingField("model")
	case len(r.Model) == 0:
		return invalidField("model", "a string that is not empty")
	}
	var input Field
	switch op {
	case OpChat:
		input = FieldMessages
	case OpCompletion:
		input = FieldPrompt
	case OpEmbedding:
		input = FieldInput
	case OpMessages, OpCountTokens:
		input = FieldMessages
	default:
		return nil
	}
	switch v := r.Value(input); {
	case v == nil:
		return missingField(input.String())
	case input == FieldMessages && KindOf(v) != KindArray:
		return invalidField("messages", "an array")
	case op != OpChat && op != OpCompletion:
		return nil
	}
	return r.checkN()
}

// checkN checks n, as it multiplies what a call can cost.
func (r *Request) checkN() *Error {
	v := r.Value(FieldN)
	if v == nil {
		return nil
	}
	if n, ok := Int(v); !ok || n < 1 {
		return invalidField("n", "a positive integer")
	}
	return nil
}

func missingField(path string) *Error {
	return Errorf(CallerMissingField, path, "The field %q is missing.", path)
}
