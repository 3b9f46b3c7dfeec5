package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

const (
	ollamaURL  = "http://127.0.0.1:11434"
	ollamaWait = 300 * time.Millisecond
)

// ollamaModels asks a local Ollama what it serves; none when none answers.
func ollamaModels() (names []string) {
	ctx, cancel := context.WithTimeout(context.Background(), ollamaWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ollamaURL+"/api/tags", nil)
	if err != nil {
		return nil
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	var list struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&list) != nil {
		return nil
	}
	for _, m := range list.Models {
		names = append(names, m.Name)
	}
	return names
}
