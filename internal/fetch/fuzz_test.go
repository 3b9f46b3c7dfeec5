package fetch

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// FuzzParse holds what is true of every URL that passes, whatever it looked
// like, and that it passes again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"https://public.example/a.png", "http://127.0.0.1/", "https://[::ffff:a9fe:a9fe]:443/?a#b", "//h/x", "../x", "https://u@h/",
		"https://h/?a#b", "http://0x7f.1", "https://h:80/%2f?%zz", "HTTPS://H.:443", "https://1.2.3.4.5/", "https://[64:ff9b::1]/", "https:\\\\h",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	fetcher, err := New(Config{Enabled: true, HTTP: true}, nil)
	if err != nil {
		f.Fatal(err)
	}
	base, err := url.Parse("https://public.example/dir/a.png")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string, redirect bool) {
		from := base
		if !redirect {
			from = nil
		}
		u, failed := fetcher.parse(from, raw)
		if failed != nil {
			if failed.Error() == "" || failed.Index != 0 {
				t.Errorf("%q: %+v", raw, failed)
			}
			return
		}
		host := u.Hostname()
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "" || host == "" {
			t.Errorf("%q passes as %#v", raw, u)
		}
		if port := u.Port(); port != "" && strings.TrimLeft(port, "0") != "80" && strings.TrimLeft(port, "0") != "443" {
			t.Errorf("%q passes with port %s", raw, port)
		}
		if addr, err := netip.ParseAddr(strings.TrimSuffix(host, ".")); err == nil {
			if addr = addr.Unmap(); addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() || addr.Zone() != "" {
				t.Errorf("%q passes with %v", raw, addr)
			}
		} else if strings.Trim(host, "0123456789.xXabcdefABCDEF") == "" && strings.Trim(host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:], "0123456789.") == "" {
			t.Errorf("%q passes with %q, which some take for an address", raw, host)
		}
		if strings.ContainsFunc(u.Host+u.RequestURI(), unspeakable) {
			t.Errorf("%q passes with a request for %q of %q", raw, u.RequestURI(), u.Host)
		}
		if again, failed := fetcher.parse(nil, u.String()); len(u.String()) <= maxURL && (failed != nil || again.Host != u.Host) {
			t.Errorf("%q passes as %v, which does not", raw, u)
		}
	})
}

// FuzzMayDial holds that an IPv4 address is judged alike in every way to reach
// it, and that nothing passes that the standard library knows to be special.
func FuzzMayDial(f *testing.F) {
	for _, seed := range []string{"::1", "8.8.8.8", "64:ff9b::7f00:1", "fd00:ec2::254", "2002:a00:1::", "::ffff:10.0.0.1"} {
		addr := netip.MustParseAddr(seed).As16()
		f.Add(addr[:])
	}
	fetcher, err := New(Config{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 16 {
			return
		}
		addr := netip.AddrFrom16([16]byte(raw))
		if plain := addr.Unmap(); fetcher.mayDial(addr) && (!plain.IsGlobalUnicast() || plain.IsPrivate() || plain.IsLoopback()) {
			t.Errorf("%v may be dialled", addr)
		}
		v4 := netip.AddrFrom4([4]byte(raw[12:16]))
		want := fetcher.mayDial(v4)
		for _, prefix := range []string{"::ffff:0:0", "64:ff9b::"} {
			through := netip.MustParseAddr(prefix).As16()
			copy(through[12:], raw[12:16])
			if got := fetcher.mayDial(netip.AddrFrom16(through)); got != want {
				t.Errorf("%v is judged %v as %v, %v by itself", v4, got, netip.AddrFrom16(through), want)
			}
		}
		for _, prefix := range []string{"::", "2002::", "64:ff9b:1::", "2001::"} { // refused whatever is in them
			through := netip.MustParseAddr(prefix).As16()
			copy(through[12:], raw[12:16])
			if fetcher.mayDial(netip.AddrFrom16(through)) {
				t.Errorf("%v may be dialled", netip.AddrFrom16(through))
			}
		}
	})
}
