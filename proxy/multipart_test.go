package proxy

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const formHead = "Content-Disposition: form-data; name="

// found is what a scanner has found in a form.
type found struct {
	Model string
	File  bool
	Done  bool
	Code  string
}

// scanForm feeds a form in pieces that end at the cuts.
func scanForm(form string, cuts ...int) found {
	var s scanner
	s.reset("b")
	var err *translate.Error
	from := 0
	for _, to := range append(cuts, len(form)) {
		if err = s.feed([]byte(form[from:to])); err != nil {
			break
		}
		from = to
	}
	f := found{Model: string(s.model), File: s.file, Done: s.state == scanDone}
	switch {
	case err != nil:
		f.Code = err.Code.String()
	case form[s.start:s.end] != f.Model:
		f.Code = "the model is not where it is said to be"
	}
	return f
}

func TestScanner(t *testing.T) {
	f := func(form string, want found) {
		t.Helper()
		if diff := cmp.Diff(want, scanForm(form)); diff != "" {
			t.Errorf("%.200q (-want +got):\n%s", form, diff)
		}
		for i := range form { // every way to cut it once, and into single bytes
			if got := scanForm(form, i); got != want {
				t.Fatalf("cut at %d: %+v, want %+v", i, got, want)
			}
		}
		all := make([]int, len(form))
		for i := range all {
			all[i] = i
		}
		if got := scanForm(form, all...); got != want {
			t.Errorf("in single bytes: %+v, want %+v", got, want)
		}
	}
	const model = "--b\r\n" + formHead + "\"model\"\r\n\r\nm\r\n"
	const file = "--b\r\n" + formHead + "\"file\"; filename=\"x\"\r\nContent-Type: a/b\r\n\r\n"
	f(model+"--b--\r\n", found{Model: "m", Done: true})
	f(model+"--b--", found{Model: "m", Done: true})
	f("preamble\r\n--bx\r\n"+model+"--b-- \r\nepilogue"+model, found{Model: "m", Done: true})
	f(file+"\r\n--bb\r\n--b\n--\r\r\n"+model+"--b--", found{Model: "m", File: true, Done: true})
	f("--b \t\r\ncontent-disposition:form-data;name=model\r\n\r\n\r\n--b--", found{Done: true})
	f("--b\r\n\r\nno header\r\n--b--", found{Done: true})
	f("--b\r\n"+formHead+"model\r\nContent-Transfer-Encoding: binary\r\n\r\nm\r\n--b--", found{Model: "m", Done: true})
	f(model, found{})
	f(file+"x", found{File: true})
	f("", found{})
	f(model+model+"--b--", found{Model: "m", Code: "caller_duplicate_field"})
	f("--b x\r\n", found{Code: "caller_bad_request"})
	f("--b\r\n"+formHead+"model\r\nContent-Transfer-Encoding: base64\r\n\r\n", found{Code: "caller_bad_request"})
	f("--b\r\n"+formHead+"a\r\n"+formHead+"b\r\n\r\n", found{Code: "caller_bad_request"})
}

// FuzzScanner holds that the scanner does not find another model than the
// reader of the standard library, however the form is cut, and that it holds
// little of it.
func FuzzScanner(f *testing.F) {
	f.Add("--b\r\n"+formHead+"\"model\"\r\n\r\nm\r\n--b--\r\n", uint(3))
	f.Add("--b\r\n"+formHead+"\"file\"; filename=x\r\n\r\n--b\r\n--bb\r\n--b\r\n"+formHead+"model\r\n\r\nm\r\n--b--", uint(40))
	f.Fuzz(func(t *testing.T, form string, at uint) {
		got := scanForm(form)
		if cut := scanForm(form, int(at%uint(len(form)+1))); cut != got {
			t.Errorf("cut: %+v, whole: %+v", cut, got)
		}
		if !got.Done || got.Code != "" || got.Model == "" {
			return
		}
		r := multipart.NewReader(strings.NewReader(form), "b")
		for {
			p, err := r.NextRawPart()
			if err != nil {
				return // it gives up where the scanner does not
			}
			value, err := io.ReadAll(p)
			if err == nil && p.FormName() == "model" {
				if string(value) != got.Model {
					t.Errorf("%q, the standard library reads %q", got.Model, value)
				}
				return
			}
		}
	})
}

func TestSpool(t *testing.T) {
	var s spool
	defer s.Close()
	want := make([]byte, 3*spoolMemory)
	for i := range want {
		want[i] = byte(i / 7)
	}
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 100_000)
		if err := s.add(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	size := len(want)
	for _, at := range [][2]int{{0, size}, {0, 5}, {5, size}, {spoolMemory - 1, spoolMemory + 1}, {2 * spoolMemory, size}, {size, size}} {
		got, err := io.ReadAll(s.section(int64(at[0]), int64(at[1])))
		if err != nil || !bytes.Equal(got, want[at[0]:at[1]]) {
			t.Errorf("%v: %d bytes, %v", at, len(got), err)
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	piece := bytes.Repeat([]byte("\r\n--a boundary x"), 2048)
	var s scanner
	s.reset("a-boundary-of-some-length")
	b.SetBytes(int64(len(piece)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.feed(piece); err != nil {
			b.Fatal(err)
		}
	}
}
