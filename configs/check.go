package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

const (
	maxName = 128 // bytes of a project or a user
	maxKey  = 512 // bytes of a caller's key
)

// keyID is the form of an id that comes from the environment and so past the
// pattern of tenant.KeyConfig.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// CheckListen refuses an address that is not host:port, and one that others can
// reach when there is neither a key to ask for nor the word that none is
// wanted (auth: off).
func CheckListen(address string, keyed, authOff bool) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("must be host:port, such as 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("needs a port between 0 and 65535")
	}
	if strings.ContainsAny(host, " /@") {
		return errors.New("needs a host name or an IP address before the port")
	}
	if !keyed && !authOff && !loopback(host) {
		return errors.New("can be reached from other machines and there are no keys; add keys, or say auth: off")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// check reports what the types cannot say: names that must exist, be unique or
// have a form.
func check(c *Config, r *report) {
	listens := c.Mode != "mcp" // on stdio nobody can reach it
	if err := CheckListen(c.Listen, len(c.Keys) > 0, c.Auth == "off"); err != nil && listens {
		r.add("listen", "%v", err)
	}
	if c.DataDir == "" {
		r.add("data_dir", "must not be empty")
	}
	fromEnv(r, "auth", c.Auth, "", "off")
	fromEnv(r, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	fromEnv(r, "mode", c.Mode, "api", "mcp")
	checkKeys(c, r)
	checkState(c, r)
	for i, o := range c.CORS.Origins {
		if at := fmt.Sprintf("cors.origins[%d]", i); o != "*" && !exactOrigin(o) {
			r.add(at, "%s is not an exact origin such as https://app.example.com, nor *", r.show(at, o))
		}
	}
	for _, p := range c.Providers {
		checkProvider(p, r)
	}
	checkModels(c, r)
	checkTiers(c, r)
	for i, block := range c.Fetch.Networks {
		if _, err := netip.ParsePrefix(block); err != nil {
			at := fmt.Sprintf("fetch.networks[%d]", i)
			r.add(at, "%s is no block of addresses such as 10.20.0.0/16", r.show(at, block))
		}
	}
	for i, family := range c.MCP.Write {
		if !slices.Contains(families, family) {
			r.add(fmt.Sprintf("mcp.write[%d]", i), "must be one of %s", strings.Join(families, ", "))
		}
	}
	fromEnv(r, "mcp.profile", c.MCP.Profile, "core", "full")
	fromEnv(r, "mcp.sandbox", c.MCP.Sandbox, "auto", "required")
	for _, s := range c.MCP.Servers {
		if (s.Command == "") == (s.URL == "") {
			r.add(join("mcp.servers", s.Name), "needs either command or url")
		}
	}
}

// families are those of the MCP tools that change something.
var families = []string{"fs", "git", "db", "redis", "tests"}

// fromEnv reports a value that came from a variable, and so past the decoder,
// and is none of words.
func fromEnv(r *report, path, value string, words ...string) {
	if !slices.Contains(words, value) && r.marks[path].env != "" {
		r.add(path, "must be one of %s", strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", "))
	}
}

func checkKeys(c *Config, r *report) {
	ids := map[string]bool{}
	owner := map[string]string{}
	if !c.AdminKey.Empty() {
		owner[c.AdminKey.Reveal()] = "admin_key"
		checkSecret("admin_key", c.AdminKey, r)
	}
	for i, k := range c.Keys {
		at := fmt.Sprintf("keys[%d]", i)
		if r.marks[at].env != "" && (!keyID.MatchString(k.ID) || k.Key.Empty()) {
			r.add(at, "must be id:key, several separated by commas; an id has letters, digits and . _ -")
			continue
		}
		if k.ID != "" && ids[k.ID] {
			r.add(at+".id", "%s is the id of another key too", r.show(at+".id", k.ID))
		}
		ids[k.ID] = true
		for _, name := range []struct{ key, text string }{{"project", k.Project}, {"user", k.User}} {
			if len(name.text) > maxName || strings.ContainsFunc(name.text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				r.add(at+"."+name.key, "must be printable text of at most %d bytes", maxName)
			}
		}
		checkSecret(at+".key", k.Key, r)
		if len(k.Key.Reveal()) > maxKey {
			r.add(at+".key", "is longer than %d bytes", maxKey)
		}
		if other := owner[k.Key.Reveal()]; other != "" {
			r.add(at+".key", "is the same as %s", other)
		} else if !k.Key.Empty() {
			owner[k.Key.Reveal()] = at + ".key"
		}
	}
}

// checkSecret refuses what cannot travel in a header.
func checkSecret(path string, s secret.String, r *report) {
	if strings.IndexFunc(s.Reveal(), func(c rune) bool { return c <= ' ' || c >= 0x7f }) >= 0 {
		r.add(path, "has a character that a header cannot carry: a space, a line break or a letter outside ASCII")
	}
}

func checkState(c *Config, r *report) {
	for _, u := range []struct {
		path    string
		url     secret.String
		schemes []string
	}{
		{"state.redis", c.State.Redis, []string{"redis", "rediss"}},
		{"state.postgres", c.State.Postgres, []string{"postgres", "postgresql"}},
	} {
		if u.url.Empty() {
			continue
		}
		scheme, rest, ok := strings.Cut(u.url.Reveal(), "://")
		if !ok || rest == "" || !slices.Contains(u.schemes, scheme) {
			r.add(u.path, "must be a URL that begins with %s://", strings.Join(u.schemes, ":// or "))
		}
	}
}

// exactOrigin says whether s is what a browser sends as Origin.
func exactOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == s
}

func checkProvider(p engine.ProviderConfig, r *report) {
	at := join("providers", p.Name)
	if p.BaseURL != "" {
		if err := checkBaseURL(p.BaseURL); err != nil {
			r.add(at+".base_url", "%v", err)
		}
	}
	for i, k := range p.Keys {
		checkSecret(fmt.Sprintf("%s.keys[%d]", at, i), k, r)
	}
}

// checkBaseURL says what is wrong with a base URL without quoting it: a key may
// be in it.
func checkBaseURL(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be an absolute URL that begins with http:// or https://")
	case u.User != nil:
		return errors.New("must not hold credentials; put the key into keys")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#"):
		return errors.New("must end with its path: no ? and no #")
	case strings.IndexFunc(base, func(c rune) bool { return c <= ' ' || c == 0x7f }) >= 0:
		return errors.New("must not have spaces in it")
	}
	return nil
}

func checkModels(c *Config, r *report) {
	for _, m := range c.Models {
		at := join("models", m.ID)
		if c.provider(m.ID) == nil {
			r.add(at, "%s", noProvider(c, m.ID))
		}
	}
}

// noProvider is the message for a model whose provider is not configured.
func noProvider(c *Config, id string) string {
	name, _, _ := strings.Cut(id, "/")
	names := make([]string, len(c.Providers))
	for i, p := range c.Providers {
		names[i] = p.Name
	}
	return fmt.Sprintf("there is no provider %q%s", abridge(name), suggest(name, names))
}

func checkTiers(c *Config, r *report) {
	index := map[string]int{}
	names := make([]string, len(c.Tiers))
	for i, t := range c.Tiers {
		at := fmt.Sprintf("tiers[%d]", i)
		names[i] = t.Name
		if _, twice := index[t.Name]; twice && t.Name != "" {
			r.add(at+".name", "%s is the name of another tier too", r.show(at+".name", t.Name))
		}
		if t.Name == "auto" {
			r.add(at+".name", "auto is how clients leave the choice to the gateway; take another name")
		}
		index[t.Name] = i
		if _, given := r.marks[at+".models"]; given && len(t.Models) == 0 {
			r.add(at+".models", "needs at least one model")
		}
		for j, id := range t.Models {
			checkTierModel(c, r, fmt.Sprintf("%s.models[%d]", at, j), id)
		}
	}
	if len(c.Tiers) == 0 {
		names = ladder
		index = map[string]int{"L0": 0, "L1": 1, "L2": 2}
	}
	low, lowOK := checkTierName(r, "routing.default_tier", c.Routing.DefaultTier, names, index)
	high, highOK := checkTierName(r, "routing.max_tier", c.Routing.MaxTier, names, index)
	if lowOK && highOK && low > high {
		r.add("routing.max_tier", "must not be below default_tier")
	}
}

// checkTierName finds the tier that a key names.
func checkTierName(r *report, path, name string, names []string, index map[string]int) (i int, ok bool) {
	if name == "" {
		return 0, false
	}
	i, ok = index[name]
	if !ok {
		hint := ""
		if r.marks[path].raw == "" {
			hint = suggest(name, names)
		}
		r.add(path, "%s is none of the tiers %s%s", r.show(path, name), strings.Join(names, ", "), hint)
	}
	return i, ok
}

// checkTierModel wants "provider/model" of a provider that is there.
func checkTierModel(c *Config, r *report, path, id string) {
	_, bare, ok := strings.Cut(id, "/")
	switch {
	case id == "":
	case r.marks[path].raw != "" && c.provider(id) == nil:
		r.add(path, "%s does not stand for provider/model of a provider that is configured", r.show(path, id))
	case !ok || bare == "":
		var ids []string
		for _, e := range c.catalogue {
			if strings.HasSuffix(e.ID, "/"+strings.Trim(id, "/")) {
				ids = append(ids, e.ID)
			}
		}
		hint := ""
		if len(ids) > 0 {
			hint = "; did you mean " + strings.Join(ids, " or ") + "?"
		}
		r.add(path, "%s must be provider/model%s", r.show(path, id), hint)
	case c.provider(id) == nil:
		r.add(path, "%s", noProvider(c, id))
	}
}
