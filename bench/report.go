package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the whole result of a run, as it is written to bench/results.
type report struct {
	Name     string        `json:"name"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Command  string        `json:"command"`
	Rounds   int           `json:"rounds"`
	Machine  machine       `json:"machine"`
	Verdicts []verdict     `json:"verdicts"`
	Samples  []sample      `json:"samples"`
}

// column is a figure of the table of medians.
type column struct {
	title  string
	of     func(sample) float64
	format string
}

var columns = []column{
	{"CPU-µs a request", cpuPerAnswer, "%.1f"},
	{"requests a s", rps, "%.0f"},
	{"CPU-µs a chunk", cpuPerChunk, "%.1f"},
	{"p50 µs", p50, "%.0f"},
	{"p99 µs", p99, "%.0f"},
	{"first chunk p50 µs", firstChunk, "%.0f"},
	{"first chunk p99 µs", firstChunkP99, "%.0f"},
	{"extra calls %", extra, "%.2f"},
	{"sent late p50 µs", func(s sample) float64 { return s.Late }, "%.0f"},
	{"open streams", func(s sample) float64 { return float64(s.Streams) }, "%.0f"},
	{"KiB a stream", streamKiB, "%.1f"},
	{"RSS MiB", rss, "%.1f"},
	{"ms to first 200", readyMs, "%.0f"},
	{"failures", func(s sample) float64 { return float64(s.failed()) }, "%.0f"},
}

// verdictTable has a header row and one row for each budget.
func (r *report) verdictTable() [][]string {
	rows := [][]string{{"budget", "scenario", "median", "min..max", "must", "goal", "unit", "verdict"}}
	for _, v := range r.Verdicts {
		sign := "<= "
		if v.AtLeast {
			sign = ">= "
		}
		middle, spread, goal := "-", "-", "-"
		if v.Rounds > 0 {
			middle, spread = figure(v.Median), figure(v.Min)+".."+figure(v.Max)
		}
		if v.Goal != 0 {
			goal = sign + figure(v.Goal)
		}
		result := map[string]string{"goal": "met (goal)", "must": "met", "missed": "MISSED"}[v.Result]
		if result == "" {
			result = v.Result
		}
		rows = append(rows, []string{v.What, v.Scenario, middle, spread, sign + figure(v.Must), goal, v.Unit, result})
	}
	return rows
}

// medianTable has the medians of a scenario's figures, a row for each system.
func (r *report) medianTable(sc scenario) [][]string {
	title := []string{"system"}
	used := make([]column, 0, len(columns))
	for _, c := range columns {
		for _, s := range r.Samples {
			if s.Scenario == sc.name && (c.of(s) != 0 || c.title == "failures") {
				used, title = append(used, c), append(title, c.title)
				break
			}
		}
	}
	rows := [][]string{title}
	for _, system := range sc.systems {
		var figures [][]float64
		for _, s := range r.Samples {
			if s.Scenario != sc.name || s.System != system {
				continue
			}
			one := make([]float64, len(used))
			for i, c := range used {
				one[i] = c.of(s)
			}
			figures = append(figures, one)
		}
		if len(figures) > 0 {
			rows = append(rows, medianRow(system, used, figures))
		}
	}
	return rows
}

func medianRow(system string, used []column, figures [][]float64) []string {
	row := []string{system}
	for i, c := range used {
		one := make([]float64, len(figures))
		for k := range figures {
			one[k] = figures[k][i]
		}
		text := fmt.Sprintf(c.format, median(one))
		if median(one) == 0 && c.title != "failures" {
			text = "-"
		}
		row = append(row, text)
	}
	return row
}

// figure writes a number with the digits that mean something.
func figure(f float64) string {
	if f < 0 {
		return "-" + figure(-f)
	}
	switch {
	case f == 0:
		return "0"
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

// write prints the report, its tables as aligned text or as Markdown.
func (r *report) write(w io.Writer, table func(io.Writer, [][]string)) {
	fmt.Fprintf(w, "# Benchmark %s\n\n%s\n%s, %d rounds, took %v\n\n", r.Name, r.Machine, r.Command, r.Rounds, r.Took.Round(time.Second))
	fmt.Fprintf(w, "Budgets of docs/performance.md: medians over the rounds, each figure taken within one round.\n"+
		"F is fasthttp's bare proxy.\n\n")
	table(w, r.verdictTable())
	for _, sc := range scenarios() {
		if rows := r.medianTable(sc); len(rows) > 1 {
			fmt.Fprintf(w, "\n## %s: %s\n\n", sc.name, sc.what)
			table(w, rows)
		}
	}
	for _, s := range r.Samples {
		if s.failed() > 0 {
			fmt.Fprintf(w, "\nround %d, %s, %s: failures %v, the first: %s\n", s.Round+1, s.Scenario, s.System, s.Failures, s.Example)
		}
	}
}

func textTable(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // what w cannot take is the next writer's error
}

func markdownTable(w io.Writer, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

// save writes the report as Name.json and Name.md into dir.
func (r *report) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	all, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	var text bytes.Buffer
	r.write(&text, markdownTable)
	base := filepath.Join(dir, r.Name)
	if err := os.WriteFile(base+".json", append(all, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+".md", text.Bytes(), 0o644)
}
