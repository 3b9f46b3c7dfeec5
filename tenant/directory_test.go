package tenant

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/google/go-cmp/cmp"
)

const canary = "gw_canary_0123456789"

func directory(t testing.TB) *Directory {
	t.Helper()
	d, err := NewDirectory([]KeyConfig{
		{ID: "app", Key: secret.New(canary), Project: "shop", User: "ann@example.org"},
		{ID: "other", Key: secret.New("k"), Tenant: "acme"},
		{ID: "long", Key: secret.New(strings.Repeat("k", maxCredential))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLookup(t *testing.T) {
	d := directory(t)
	f := func(credential string, want *Caller) {
		t.Helper()
		got, ok := d.Lookup([]byte(credential))
		if ok != (want != nil) {
			t.Errorf("Lookup(%.40q) found: %v", credential, ok)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Lookup(%.40q) (-want +got):\n%s", credential, diff)
		}
	}
	f(canary, &Caller{Tenant: "default", Project: "shop", User: "ann@example.org", KeyID: "app"})
	f("k", &Caller{Tenant: "acme", KeyID: "other"})
	f(strings.Repeat("k", maxCredential), &Caller{Tenant: "default", KeyID: "long"})
	if d.Len() != 3 {
		t.Errorf("%d keys, want 3", d.Len())
	}

	f("", nil)
	f("K", nil)
	f(canary[:len(canary)-1], nil)
	f(canary+"\x00", nil)
	f("\x00"+canary, nil)
	f(canary+" ", nil)
	f(strings.ToUpper(canary), nil)
	f("app", nil)
	f(domain+canary, nil)
	f("' OR '1'='1", nil)
	f(canary+"' OR '1'='1' --", nil)
	f(`"; DROP TABLE keys; --`, nil)
	f("k) UNION SELECT key FROM keys --", nil)
	f("%", nil)
	f("*", nil)
	f("\x00", nil)
	f("\xff\xfe", nil)
	f("sk-\r\nX-Admin: 1", nil)
	f(strings.Repeat("k", maxCredential+1), nil)
	f(strings.Repeat("k", 64<<20), nil)
	sum := sha256.Sum256([]byte(canary))
	f(string(sum[:]), nil)
	f(fmt.Sprintf("%x", sum), nil)
	sum, _ = hash([]byte(canary))
	f(string(sum[:]), nil)
}

func TestHashIsOfItsOwnDomain(t *testing.T) {
	sum, _ := hash([]byte(canary))
	if sum == sha256.Sum256([]byte(canary)) {
		t.Error("the hash of a key is its plain SHA-256")
	}
}

func TestEmptyDirectoryKnowsNobody(t *testing.T) {
	d, err := NewDirectory(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 0 {
		t.Errorf("%d keys, want none", d.Len())
	}
	for _, credential := range []string{"", "k", canary} {
		if c, ok := d.Lookup([]byte(credential)); ok {
			t.Errorf("%q is %v", credential, c)
		}
	}
}

func TestLookupKeepsNothing(t *testing.T) {
	d := directory(t)
	credential := []byte(canary)
	c, _ := d.Lookup(credential)
	want := *c
	clear(credential)
	again, ok := d.Lookup([]byte(canary))
	if !ok || again != c || *c != want {
		t.Errorf("after the credential's bytes died: %v, %v", again, ok)
	}
}

func TestAnonymous(t *testing.T) {
	if diff := cmp.Diff(&Caller{Tenant: "default"}, Anonymous()); diff != "" {
		t.Errorf("Anonymous (-want +got):\n%s", diff)
	}
}

func TestNewDirectoryRefuses(t *testing.T) {
	const id = "a"
	key := secret.New(canary)
	f := func(want string, keys ...KeyConfig) {
		t.Helper()
		_, err := NewDirectory(keys)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	f("keys[0]: id must be", KeyConfig{Key: key})
	f("id must be", KeyConfig{ID: "a b", Key: key})
	f("id must be", KeyConfig{ID: "a\n", Key: key})
	f("id must be", KeyConfig{ID: "é", Key: key})
	f("id must be", KeyConfig{ID: strings.Repeat("a", maxName+1), Key: key})
	f("tenant must be", KeyConfig{ID: id, Tenant: "acme/default", Key: key})
	f("tenant must be", KeyConfig{ID: id, Tenant: "{x}", Key: key})
	f("project must be", KeyConfig{ID: id, Project: "a\x00", Key: key})
	f("user must be", KeyConfig{ID: id, User: "a\x1b[31m", Key: key})
	f("user must be", KeyConfig{ID: id, User: "\xff", Key: key})
	f("key is missing", KeyConfig{ID: id})
	f("key is longer", KeyConfig{ID: id, Key: secret.New(strings.Repeat("canary", 100))})
	f("visible ASCII", KeyConfig{ID: id, Key: secret.New(canary + "\n")})
	f("visible ASCII", KeyConfig{ID: id, Key: secret.New("canary key")})
	f("visible ASCII", KeyConfig{ID: id, Key: secret.New("canary\xff")})
	f(`keys[1]: id "a" is taken`, KeyConfig{ID: id, Key: key}, KeyConfig{ID: id, Key: secret.New("b")})
	f(`keys[1]: ids "a" and "b" have the same key`, KeyConfig{ID: id, Key: key}, KeyConfig{ID: "b", Key: key})
}

// The patterns are what the configuration's own check and schema go by.
func TestIdentifiersFitTheirPatterns(t *testing.T) {
	k := reflect.TypeFor[KeyConfig]()
	for _, field := range []string{"ID", "Tenant"} {
		f, _ := k.FieldByName(field)
		pattern := regexp.MustCompile(f.Tag.Get("pattern"))
		for _, name := range []string{
			"a", "Z9", "9", "a.b_c@d-e", ".a", "_", "@", "-", "", " ", "a b", "a/b", "a:b", "a\n", "é", "\x00",
			strings.Repeat("a", maxName), strings.Repeat("a", maxName+1),
		} {
			if got, want := isIdentifier(name), pattern.MatchString(name); got != want {
				t.Errorf("%s %q: %v here, %v by the pattern", field, name, got, want)
			}
		}
	}
}

func TestDirectoryShowsNothing(t *testing.T) {
	d := directory(t)
	sum, _ := hash([]byte(canary))
	for _, v := range []any{d, *d, []any{d}, struct{ D *Directory }{d}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, "canary") || bytes.Contains([]byte(out), sum[:4]) ||
				strings.Contains(out, hex.EncodeToString(sum[:4])) || strings.Contains(out, strings.Trim(fmt.Sprint(sum[:4]), "[]")) {
				t.Errorf("%s of %T shows a key or its hash: %.200s", verb, v, out)
			}
		}
	}
}

func FuzzLookup(f *testing.F) {
	d := directory(f)
	for _, seed := range []string{"", "k", canary, canary + "\x00", "' OR 1=1 --"} {
		f.Add([]byte(seed))
	}
	known := []string{canary, "k", strings.Repeat("k", maxCredential)}
	f.Fuzz(func(t *testing.T, credential []byte) {
		_, ok := d.Lookup(credential)
		want := false
		for _, key := range known {
			want = want || key == string(credential)
		}
		if ok != want {
			t.Errorf("Lookup(%q) found: %v, want %v", credential, ok, want)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	d := directory(b)
	for name, credential := range map[string][]byte{
		"known": []byte(canary), "unknown": []byte("gw_nobody"), "huge": make([]byte, 1<<20),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d.Lookup(credential)
			}
		})
	}
}
