package fetch

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRefusedSpellings are ways to write an address that must not be reached,
// or to have it taken for another one.
func TestRefusedSpellings(t *testing.T) {
	f := open(t, Config{Enabled: true, HTTP: true, Timeout: patience})
	for _, host := range []string{
		// loopback
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1",
		"0X7F.1", "017700000001", "0177.0.0.1", "127.0.0.01", "0127.0.0.1", "localhost", "LOCALHOST", "localhost.",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
		"[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::1%25lo]", "[::1%lo]",
		// the machine itself
		"0", "0.0.0.0", "0.0.0.0.", "0.1.2.3", "[::]", "[::0.0.0.0]", "0x0", "00",
		// metadata services
		"169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376",
		"169.254.43518", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
		"[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.170.2",
		// private and special blocks
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
		"192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7",
		"224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fe80::1%25eth0]", "[febf::1]",
		"[fec0::1]", "[fc00::1]", "[fdff::1]", "[ff02::1]", "[ff0e::1]", "[100::1]", "[2001:db8::1]", "[2001:2::1]",
		"[3fff::1]", "[5f00::1]", "[4000::1]", "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::192.168.0.1]",
		// no host, or one that parsers differ about
		"", "[]", ".", "..", "[127.0.0.1]", "[::1", "::1", "1.2.3.4.5", "256.256.256.256", "example.com..1", "①②⑦.0.0.1",
		"１２７.0.0.1", "127。0。0。1", "127%2e0.0.1", "%31%32%37.0.0.1", "a b", "a\tb", "exa\nmple.com", "a\\b", "ex\x00ample",
		"public.example@127.0.0.1", "127.0.0.1@public.example", "user:pass@public.example", "public.example:@127.0.0.1",
		"127.0.0.1\\@public.example", "127.0.0.1#@public.example", "127.0.0.1?@public.example", "bücher.example", "a,b", "a;b", "$(id)",
	} {
		for _, scheme := range []string{"http", "https"} {
			_, err := f.All(t.Context(), images(scheme+"://"+host+"/a.png"))
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != Private && failed.Class != Malformed {
				t.Errorf("%s://%q: %v", scheme, host, err)
			}
		}
	}
}

func TestRefusedURLs(t *testing.T) {
	f := open(t, Config{Enabled: true, Timeout: patience})
	for raw, class := range map[string]Class{
		"":                                       Malformed,
		"/a.png":                                 Malformed,
		"//public.example/a.png":                 Malformed,
		"public.example/a.png":                   Malformed,
		"http://public.example/a.png":            Malformed, // is off
		"ftp://public.example/a.png":             Malformed,
		"file:///etc/passwd":                     Malformed,
		"gopher://public.example:443/_x":         Malformed,
		"data:image/png;base64,AAAA":             Malformed,
		"https:public.example/a.png":             Malformed,
		"https:/public.example/a.png":            Malformed,
		"https:///public.example/a.png":          Malformed,
		"https://:443/a.png":                     Malformed,
		" https://public.example/a.png":          Malformed,
		"https://public.example/a.png\n":         Malformed,
		"https://public.example/a b.png":         Malformed,
		"https://public.example:22/a.png":        Forbidden,
		"https://public.example:0/a.png":         Forbidden,
		"https://public.example:8443/":           Forbidden,
		"https://public.example:65979/":          Forbidden, // 443 and 65536
		"https://public.example:-1/":             Malformed,
		"https://public.example:443:22/":         Malformed,
		"https://public.example:http/":           Malformed,
		"https://u@public.example/":              Malformed,
		"https://" + strings.Repeat("a", maxURL): Malformed,
	} {
		if _, err := f.parse(nil, raw); err == nil || err.Class != class {
			t.Errorf("%.80q: %v, want class %d", raw, err, class)
		}
	}
	for _, raw := range []string{
		"https://public.example", "HTTPS://PUBLIC.EXAMPLE/a.png?x=1#y", "https://public.example:443/", "https://public.example:80/",
		"https://public.example:/", "https://public.example./", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://xn--bcher-kva.example/",
		"https://a_b.public.example/ü.png", "https://1.public.example/%2e%2e/a", "https://0x.example/",
	} {
		if _, err := f.parse(nil, raw); err != nil {
			t.Errorf("%q: %v (%v)", raw, err, errors.Unwrap(err))
		}
	}
}

func TestMayDial(t *testing.T) {
	f := func(cfg Config, addr string, want bool) {
		t.Helper()
		if got := open(t, cfg).mayDial(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s with %v: %v", addr, cfg.Networks, got)
		}
	}
	for _, addr := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	} {
		f(Config{}, addr, true)
	}
	private := Config{Networks: []string{"10.20.0.0/16", "fd12::/16", "0.0.0.0/1", "100.64.0.0/10", "168.63.0.0/16"}}
	f(private, "10.20.30.40", true)
	f(private, "::ffff:10.20.30.40", true)
	f(private, "64:ff9b::10.20.30.40", true)
	f(private, "127.0.0.1", true)
	f(private, "fd12::1", true)
	f(private, "fd12::1%eth0", false)
	f(private, "192.168.0.1", false)
	f(private, "fd13::1", false)
	f(private, "100.100.100.199", true)
	f(private, "100.100.100.200", false)
	f(private, "168.63.129.16", false)
	f(Config{Networks: []string{"0.0.0.0/0", "::/0"}}, "169.254.169.254", false)
	f(Config{Networks: []string{"0.0.0.0/0", "::/0"}}, "fd00:ec2::254", false)
	f(Config{Networks: []string{"169.254.169.254/32"}}, "169.254.169.254", true)
	f(Config{Networks: []string{"169.254.169.254/32"}}, "::ffff:169.254.169.254", true)
}

// names is a name server: each name has the addresses of its list in turn, the
// last for ever.
type names struct {
	answers map[string][]string
	asked   map[string]int
	conn    net.PacketConn
	done    chan struct{}
}

func serveNames(t *testing.T, answers map[string][]string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answers, map[string]int{}, conn, make(chan struct{})}
	go n.run()
	t.Cleanup(func() {
		_ = conn.Close()
		<-n.done
	})
	return n
}

// use makes f ask n.
func (n *names) use(f *Fetcher) *Fetcher {
	f.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
	f.transport.DialContext = f.dialer.DialContext
	return f
}

func (n *names) run() {
	defer close(n.done)
	query := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(query)
		if err != nil {
			return
		}
		_, _ = n.conn.WriteTo(n.answer(query[:size]), from)
	}
}

// answer has an A record for each address at once that are separated by
// commas, none for AAAA, and NXDOMAIN for what is not known.
func (n *names) answer(query []byte) []byte {
	name, i := "", 12
	for ; query[i] != 0; i += int(query[i]) + 1 {
		name += string(query[i+1:i+1+int(query[i])]) + "."
	}
	end := i + 5
	out := append([]byte{}, query[:end]...)
	out[2], out[3] = 0x84, 0
	clear(out[6:12])
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	list := n.answers[name]
	if list == nil {
		out[3] = 3
		return out
	}
	if binary.BigEndian.Uint16(query[i+1:]) != 1 {
		return out
	}
	now := list[min(n.asked[name], len(list)-1)]
	n.asked[name]++
	for addr := range strings.SplitSeq(now, ",") {
		out[7]++
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, netip.MustParseAddr(addr).AsSlice()...)
	}
	return out
}

// TestNames holds that a name is judged by what it resolves to, each time.
func TestNames(t *testing.T) {
	var inside atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	secret := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inside.Add(1)
		_, _ = io.WriteString(w, png)
	})}}
	secret.Start()
	defer secret.Close()
	port := portOf(t, secret.URL)
	l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	front := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/b.png", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})}}
	front.Start()
	defer front.Close()

	dns := serveNames(t, map[string][]string{
		"good.example":  {"127.0.0.1"},
		"bad.example":   {"127.0.0.2"},
		"lan.example":   {"10.0.0.1"},
		"cloud.example": {"169.254.169.254"},
		"zero.example":  {"0.0.0.0"},
		"both.example":  {"127.0.0.2,127.0.0.1"},
		"turns.example": {"127.0.0.1", "127.0.0.2"},
	})
	f := dns.use(open(t, letting(t, front)))
	at := func(host, path string) Want { return Want{fmt.Sprintf("http://%s:%d%s", host, port, path), Image} }

	if _, err := f.All(t.Context(), []Want{at("good.example", "/"), at("both.example", "/")}); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"bad.example", "lan.example", "cloud.example", "zero.example", "none.example"} {
		fails(t, f, 0, Private, at(host, "/"))
	}
	// The name had a good address for the first request, and another one for
	// that of the redirect.
	fails(t, f, 0, Private, at("turns.example", "/again"))
	if inside.Load() != 0 {
		t.Error("what is inside was reached")
	}
}

func TestRedirects(t *testing.T) {
	inside := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("what is inside was reached") })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if left, ok := strings.CutPrefix(r.URL.Path, "/left/"); ok && left != "0" {
			n := int(left[0] - '0')
			status := []int{301, 302, 303, 307, 308}[n%5]
			http.Redirect(w, r, fmt.Sprintf("%d", n-1), status)
			return
		}
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
			_, _ = io.WriteString(w, png)
			return
		}
		switch r.URL.Path {
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			_, _ = io.WriteString(w, png)
		}
	})
	f := open(t, letting(t, s))
	to := func(target string) Want { return Want{s.URL + "/?to=" + url.QueryEscape(target), Image} }
	if _, err := f.All(t.Context(), []Want{{s.URL + "/left/3", Image}, to("/x.png"), to(s.URL + "/y.png")}); err != nil {
		t.Error(err, errors.Unwrap(err))
	}
	fails(t, f, 0, Redirect, images(s.URL+"/left/4")...)
	fails(t, f, 0, Redirect, images(s.URL+"/nowhere")...)
	fails(t, f, 0, Status, images(s.URL+"/304")...)
	fails(t, f, 0, Forbidden, to(inside.URL))
	for _, target := range []string{
		"http://169.254.169.254/latest/meta-data/", "//169.254.169.254/", "http://[::ffff:169.254.169.254]/", "http://10.0.0.1/",
		"http://0.0.0.0/", "http://[::]/", "//127.0.0.2",
	} {
		fails(t, f, 0, Private, to(target))
	}
	for _, target := range []string{
		"file:///etc/passwd", "gopher://127.0.0.1/", "http://0x7f.1/", "http://u:p@public.example/", "ftp://public.example/",
		"http://a b/", "\\\\127.0.0.1\\", "http:\\\\127.0.0.1", "http://[::1", "javascript:1",
	} {
		fails(t, f, 0, Malformed, to(target))
	}
}

func TestTLS(t *testing.T) {
	plain := serve(t, write(png))
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	}))
	s.Config.ErrorLog = nil
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	cfg := letting(t, s, plain)
	f, err := New(cfg, roots)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.All(t.Context(), images(s.URL)); err != nil {
		t.Error(err, errors.Unwrap(err))
	}
	fails(t, f, 0, Redirect, images(s.URL+"/down")...)
	fails(t, open(t, cfg), 0, Unreachable, images(s.URL)...) // nobody vouches for it
	cfg.HTTP = false
	fails(t, open(t, cfg), 0, Malformed, images(plain.URL)...)
}

func TestHosts(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "img.example", "other.example", 1), http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, png)
	})
	dns := serveNames(t, map[string][]string{
		"img.example": {"127.0.0.1"}, "a.cdn.example": {"127.0.0.1"}, "b.a.cdn.example": {"127.0.0.1"}, "cdn.example": {"127.0.0.1"},
		"other.example": {"127.0.0.1"}, "evilcdn.example": {"127.0.0.1"}, "img.example.evil": {"127.0.0.1"},
	})
	cfg := letting(t, s)
	cfg.Hosts = []string{"img.example", "*.cdn.example"}
	f := dns.use(open(t, cfg))
	at := func(host string) Want { return Want{fmt.Sprintf("http://%s:%d", host, portOf(t, s.URL)), Image} }
	for _, host := range []string{"img.example", "IMG.example", "img.example.", "a.cdn.example", "b.a.cdn.example"} {
		if _, err := f.All(t.Context(), []Want{at(host)}); err != nil {
			t.Errorf("%s: %v (%v)", host, err, errors.Unwrap(err))
		}
	}
	for _, host := range []string{"other.example", "cdn.example", "evilcdn.example", "img.example.evil", "127.0.0.1"} {
		fails(t, f, 0, Forbidden, at(host))
	}
	away := at("img.example")
	away.URL += "/away"
	fails(t, f, 0, Forbidden, away)
}

// TestControl is about what is dialled by itself, whatever the URL was.
func TestControl(t *testing.T) {
	f := func(network, address string, want bool) {
		t.Helper()
		if err := open(t, Config{Ports: []int{8443}}).control(t.Context(), network, address, nil); (err == nil) != want {
			t.Errorf("%s %s: %v", network, address, err)
		}
	}
	f("tcp4", "8.8.8.8:443", true)
	f("tcp6", "[2606:4700::1111]:8443", true)
	f("tcp4", "8.8.8.8:22", false)
	f("udp4", "8.8.8.8:443", false)
	f("tcp4", "127.0.0.1:443", false)
	f("tcp6", "[::ffff:10.0.0.1]:443", false)
	f("tcp6", "[fe80::1%eth0]:443", false)
	f("unix", "/var/run/docker.sock", false)
}

func TestTypeOf(t *testing.T) {
	for _, head := range []string{"", "%PDF", "\x89PNG\r\n\x1a", "\xff\xd8", "GIF88a", "RIFF    WEB", "RIFF    WEBQ", "BM", "II*\x00", "\x00\x00\x00\x18ftypheic"} {
		if got := typeOf([]byte(head)[:min(len(head), headSize)], Image); got != "" {
			t.Errorf("%q is %s", head, got)
		}
	}
}
