package fetch

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxURL is the longest URL that is fetched, in bytes.
const maxURL = 8 << 10

var (
	errSpelling = errors.New("the URL is too long, or has a character that none has")
	errScheme   = errors.New("the URL is not absolute, or has another scheme")
	errUser     = errors.New("the URL has credentials")
	errHost     = errors.New("the URL has a host that is neither a name nor an address")
	errPort     = errors.New("the URL has a port that is not allowed")
	errUnlisted = errors.New("the URL has a host that is not on the list")
	errAddress  = errors.New("the address is not public")
)

// parse returns the URL that raw is, when it may be asked: base is the one
// that it is relative to, nil for a caller's own. A host that is a name can
// only be judged when it is dialled.
func (f *Fetcher) parse(base *url.URL, raw string) (*url.URL, *Error) {
	if len(raw) > maxURL || strings.ContainsFunc(raw, unspeakable) {
		return nil, because(Malformed, errSpelling)
	}
	u, err := url.Parse(raw)
	if err == nil && base != nil {
		u = base.ResolveReference(u)
	}
	switch {
	case err != nil:
		return nil, because(Malformed, errSpelling)
	case u.Scheme != "https" && (u.Scheme != "http" || !f.config.HTTP), u.Opaque != "":
		return nil, because(Malformed, errScheme)
	case u.User != nil:
		return nil, because(Malformed, errUser)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, f.checkHost(u)
}

// unspeakable reports whether no URL has c as it is. A backslash is a slash to
// some and a letter to others.
func unspeakable(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' }

// checkHost judges host and port.
func (f *Fetcher) checkHost(u *url.URL) *Error {
	host := strings.TrimSuffix(u.Hostname(), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		if !f.mayDial(addr) {
			return because(Private, errAddress)
		}
	} else if !isName(host) {
		return because(Malformed, errHost)
	}
	if !f.listed(strings.ToLower(host)) {
		return because(Forbidden, errUnlisted)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || !f.mayUsePort(uint16(n)) {
			return because(Forbidden, errPort)
		}
	}
	return nil
}

// isName reports whether host is a name of the DNS. One whose last label is a
// number is none: it is how some write an IPv4 address (127.1, 0x7f000001).
func isName(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || '0' <= last[0] && last[0] <= '9' && isNumber(last) {
		return false
	}
	return !strings.ContainsFunc(host, func(c rune) bool {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		return !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_'
	})
}

// isNumber reports whether label is a number in any of the ways that inet_aton
// knows.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// listed reports whether the configuration lets the host in, by its name.
func (f *Fetcher) listed(host string) bool {
	return len(f.config.Hosts) == 0 || slices.ContainsFunc(f.config.Hosts, func(entry string) bool {
		if above, ok := strings.CutPrefix(entry, "*"); ok {
			return strings.HasSuffix(host, above)
		}
		return host == entry
	})
}

func (f *Fetcher) mayUsePort(port uint16) bool {
	return port == 80 || port == 443 || slices.Contains(f.config.Ports, int(port))
}
