package neutral

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestEdge093_DataURLs(t *testing.T) {
	f := func(url, mime, text string) {
		t.Helper()
		m := Media{URL: "was", FileID: "was", Name: "stays"}
		want := Media{Data: []byte(encoded(text)), MIME: mime, Name: "stays"}
		if !m.ParseDataURL([]byte(url)) {
			t.Errorf("%q: refused", url)
		} else if diff := cmp.Diff(want, m); diff != "" {
			t.Errorf("%q: %s", url, diff)
		}
	}
	f("data:text/plain;base64,aGVsbG8=", "text/plain", "hello")
	f("  DATA:Text/Plain;Charset=UTF-8;BASE64,aGVsbG8=\n", "text/plain", "hello")
	f("data:;base64,aGVsbG8=", "", "hello")
	f("data:text/plain ; base64 ,aGVsbG8", "text/plain", "hello")
	f("data:text/plain;base64,aGV\r\n sbG8=", "text/plain", "hello")
	f("data:text/plain;base64,aGVsbG8%3D", "text/plain", "hello")
	f("data:text/plain;base64,aGVsbG8===", "text/plain", "hello")
	f("data:a/b;base64,-_8", "a/b", "\xfb\xff")
	f("data:a/b;base64,%2B%2f8=", "a/b", "\xfb\xff")
	f("data:text/plain,a%20b%2,%zz", "text/plain", "a b%2,%zz")
	f("data:,a", "", "a")
}

func TestParseDataURL_Refused(t *testing.T) {
	f := func(url string) {
		t.Helper()
		m := Media{URL: "was", MIME: "was"}
		if m.ParseDataURL([]byte(url)) || m.URL != "was" || m.MIME != "was" || m.Data != nil {
			t.Errorf("%q: taken as %+v", url, m)
		}
	}
	f("")
	f("data:")
	f("data:text/plain;base64")
	f("data:text/plain;base64,")
	f("data:text/plain;base64,a")
	f("data:text/plain;base64,aGVs*G8=")
	f("data:text/plain;base64,aG=VsbG8")
	f("https://example.com/,")
}

func TestParseDataURL_Borrows(t *testing.T) {
	url := []byte("data:text/plain;base64,aGVsbG8=")
	var m Media
	if !m.ParseDataURL(url) || &m.Data[0] != &url[len("data:text/plain;base64,")] {
		t.Error("clean data is copied")
	}
	if got := m.AppendDataURL(nil); !bytes.Equal(got, url) {
		t.Errorf("written as %s", got)
	}
	if got := string((&Media{Data: []byte("YQ==")}).AppendDataURL([]byte("x"))); got != "xdata:application/octet-stream;base64,YQ==" {
		t.Errorf("without a type: %s", got)
	}
}

func TestEdge094_WrongType(t *testing.T) {
	f := func(said, head, want string) {
		t.Helper()
		m := Media{MIME: said, Data: []byte(encoded(head + "..and some more of the content"))}
		if m.Sniff(); m.MIME != want {
			t.Errorf("%s of %q: got %s, want %s", said, head, m.MIME, want)
		}
	}
	f("image/png", "\xff\xd8\xff\xe0", "image/jpeg")
	f("image/jpg", "\xff\xd8\xff\xe0", "image/jpeg")
	f("", "\x89PNG\r\n\x1a\n", "image/png")
	f("image/png", "GIF89a", "image/gif")
	f("image/png", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp")
	f("audio/x-wav", "RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav")
	f("application/octet-stream", "%PDF-1.7", "application/pdf")
	f("audio/mp3", "ID3\x04", "audio/mp3")
	f("", "\xff\xfb\x90", "audio/mpeg")
	f("audio/ogg", "OggS", "audio/ogg")
	f("video/ogg", "OggS", "video/ogg")
	f("image/png", "OggS", "audio/ogg")
	f("audio/mp4", "\x00\x00\x00\x20ftypisom", "audio/mp4")
	f("", "\x00\x00\x00\x20ftypisom", "video/mp4")
	f("text/plain", "nothing known", "text/plain")
	f("", "nothing known", "")
}

func TestEdge095_OddImages(t *testing.T) {
	f := func(head, want string) {
		t.Helper()
		m := Media{MIME: "image/png", Data: []byte(encoded(head + " and more than a few bytes"))}
		if m.Sniff(); m.MIME != want {
			t.Errorf("%q: got %s, want %s", head, m.MIME, want)
		}
	}
	f("<svg xmlns=", "image/svg+xml")
	f("II*\x00", "image/tiff")
	f("MM\x00*", "image/tiff")
	f("\x00\x00\x00\x20ftypheic", "image/heic")
}

func TestSniff_Short(t *testing.T) {
	for _, data := range []string{"", "R", "UklG", "UklGRg==", "****************"} {
		m := Media{MIME: "a/b", Data: []byte(data)}
		if m.Sniff(); m.MIME != "a/b" {
			t.Errorf("%q: got %s", data, m.MIME)
		}
	}
}

func FuzzParseDataURL(f *testing.F) {
	for _, seed := range []string{"data:,", "data:a/b;base64,aGVsbG8=", "DATA:;;;BASE64,%3D", "data:a;base64,-_ =\n="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, url []byte) {
		var m, again Media
		if !m.ParseDataURL(url) {
			return
		}
		if _, err := base64.StdEncoding.DecodeString(string(m.Data)); err != nil {
			t.Fatalf("%q: %s: %v", url, m.Data, err)
		}
		if !again.ParseDataURL(m.AppendDataURL(nil)) || !bytes.Equal(again.Data, m.Data) {
			t.Errorf("%q: %+v is read as %+v", url, m, again)
		}
	})
}
