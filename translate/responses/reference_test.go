package responses

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResolveItems(t *testing.T) {
	const kept = `{"id":"resp_ab","output":[{"id":"rs_ab_0","type":"reasoning","summary":[],"encrypted_content":"e"},` +
		`{"id":"fc_ab_1","type":"function_call","call_id":"c","name":"n","arguments":"{}"}]}`
	find := func(id string) []byte {
		if id == "resp_ab" {
			return []byte(kept)
		}
		return nil
	}
	f := func(in, want string) {
		t.Helper()
		const before, after = `{"model" : "m","input":`, ` , "store":true}`
		got, resolved := New().ResolveItems(nil, []byte("\ufeff"+before+in+after), find)
		if !resolved {
			got = append(got, before+in+after...)
		}
		if resolved != (in != want) {
			t.Errorf("%s: resolved: %v", in, resolved)
		}
		if diff := cmp.Diff(before+want+after, string(got)); diff != "" {
			t.Error(diff)
		}
	}
	const user = `{"role":"user","content":"x"}`
	f(`"x"`, `"x"`)
	f(`[]`, `[]`)
	f(`[`+user+`, {"type":"item_reference","id":"rs_ab_0"},{"id":"fc_ab_1","type":"item_reference"}]`,
		`[`+user+`, {"type":"reasoning","summary":[],"encrypted_content":"e"},`+
			`{"type":"function_call","call_id":"c","name":"n","arguments":"{}"}]`)
	f(`[{"id":"fc_ab_1"}]`, `[{"type":"function_call","call_id":"c","name":"n","arguments":"{}"}]`)
	f(`[{"id":"fc_ab_1","role":"user","content":"x"}]`, `[{"id":"fc_ab_1","role":"user","content":"x"}]`)
	for _, id := range []string{"rs_ab_2", "rs_cd_0", "rs_ab", "ab", ""} {
		ref := `[{"type":"item_reference","id":"` + id + `"}]`
		f(ref, ref)
	}
	f(`[{"type":"item_reference"},7]`, `[{"type":"item_reference"},7]`)
}
