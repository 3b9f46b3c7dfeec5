package memory

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

func TestResponses(t *testing.T) {
	s := NewResponses(1<<20, time.Hour)
	body := []byte(`{"id":"resp_1"}`)
	s.PutResponse("a", "resp_1", store.Response{Input: []byte("[]"), Body: body})
	body[2] = 'X' // the store has its own copy
	if got, ok := s.Response("a", "resp_1"); !ok || string(got.Body) != `{"id":"resp_1"}` || string(got.Input) != "[]" {
		t.Errorf("%v %+v", ok, got)
	}
	if _, ok := s.Response("b", "resp_1"); ok || s.DeleteResponse("b", "resp_1") {
		t.Error("another tenant has it")
	}
	s.PutResponse("a", "resp_1", store.Response{Body: []byte("{}")})
	if got, _ := s.Response("a", "resp_1"); string(got.Body) != "{}" || s.oldest.Len() != 1 {
		t.Errorf("it is not replaced: %+v", got)
	}
	if !s.DeleteResponse("a", "resp_1") || s.DeleteResponse("a", "resp_1") || s.bytes != 0 || len(s.entries) != 0 {
		t.Errorf("it is not gone: %d bytes, %d entries", s.bytes, len(s.entries))
	}
}

func TestResponsesBound(t *testing.T) {
	const size = entryOverhead + 1 + 2 + 100
	s := NewResponses(3*size, time.Hour)
	for k := range 5 {
		s.PutResponse("t", fmt.Sprintf("r%d", k), store.Response{Body: make([]byte, 100)})
		if s.bytes > s.limit {
			t.Fatalf("%d bytes of %d", s.bytes, s.limit)
		}
	}
	for k := range 5 {
		if _, ok := s.Response("t", fmt.Sprintf("r%d", k)); ok != (k >= 2) {
			t.Errorf("r%d: %v", k, ok)
		}
	}
	s.PutResponse("t", "r4", store.Response{Body: make([]byte, 4*size)})
	if _, ok := s.Response("t", "r4"); ok {
		t.Error("the one that it replaces is still there")
	}
}

func TestResponsesExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewResponses(1<<20, time.Hour)
		s.PutResponse("t", "old", store.Response{Body: nil})
		time.Sleep(30 * time.Minute)
		s.PutResponse("t", "new", store.Response{Body: nil})
		time.Sleep(30 * time.Minute)
		if _, ok := s.Response("t", "old"); ok {
			t.Error("the old one is still there")
		}
		if _, ok := s.Response("t", "new"); !ok || s.oldest.Len() != 1 {
			t.Error("the new one is not there")
		}
		time.Sleep(30 * time.Minute)
		if s.DeleteResponse("t", "new") || s.bytes != 0 {
			t.Error("the new one is still there")
		}
	})
}

func TestResponsesConcurrent(t *testing.T) {
	s := NewResponses(64<<10, time.Hour)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			tenant := string(rune('a' + w%2))
			for k := range 200 {
				id := fmt.Sprint(k % 20)
				s.PutResponse(tenant, id, store.Response{Body: []byte(tenant)})
				if got, ok := s.Response(tenant, id); ok && string(got.Body) != tenant {
					t.Errorf("tenant %s gets %s", tenant, got.Body)
				}
				s.DeleteResponse(tenant, id)
			}
		})
	}
	wg.Wait()
	if s.bytes != 0 {
		t.Errorf("%d bytes are left", s.bytes)
	}
}
