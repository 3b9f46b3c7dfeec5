package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// evaluations are what eval may be asked for.
var evaluations = []struct {
	name string
	run  func(ctx context.Context, args []string) error
}{
	{"compress", evalCompressCommand},
	{"route", evalRouteCommand},
	{"cascade", evalCascadeCommand},
}

// evalCommand measures the quality of a part of the gateway on a file.
func evalCommand(ctx context.Context, args []string) error {
	known := make([]string, 0, len(evaluations))
	for _, e := range evaluations {
		if len(args) > 0 && args[0] == e.name {
			return e.run(ctx, args[1:])
		}
		known = append(known, e.name)
	}
	return fmt.Errorf("eval: say what: %s", strings.Join(known, ", "))
}

// eachLine decodes every line of a file of JSON Lines, plain or in gzip, and
// passes it on.
func eachLine[T any](ctx context.Context, name string, visit func(row *T) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	plain := bufio.NewReaderSize(f, 64<<10)
	var r io.Reader = plain
	if magic, _ := plain.Peek(2); string(magic) == "\x1f\x8b" {
		if r, err = gzip.NewReader(plain); err != nil {
			return fmt.Errorf("cannot read %s: %w", name, err)
		}
	}
	lines := json.NewDecoder(r)
	for n := 1; ctx.Err() == nil; n++ {
		var row T
		if err := lines.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot read row %d of %s: %w", n, name, err)
		}
		if err := visit(&row); err != nil {
			return fmt.Errorf("row %d of %s: %w", n, name, err)
		}
	}
	return ctx.Err()
}

// writeLines makes a file of the JSON Lines that fill writes.
func writeLines(name string, fill func(lines *json.Encoder) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if err := fill(lines); err != nil {
		return err
	}
	return w.Flush()
}
