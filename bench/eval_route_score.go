package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
)

// ranked is an outcome with the scores of those who rank it.
type ranked struct {
	source, group, kind string
	weak, strong        float64
	ours, length        float64
	keywords            float64
}

// judge prints how well the scores rank the outcomes of a file: APGR is the
// area under the share of the premium model's gain that is recovered by giving
// it the requests with the highest scores (Ong and others, RouteLLM, 2024);
// 0.5 is what chance gives. Beside it stand length as the score, and the 95 %
// interval of the difference (paired bootstrap, 1,000 draws, a fixed seed).
//
// Where curves is set, it is the directory that the drawings go to.
func (r *router) judge(ctx context.Context, in, curves string, w io.Writer) error {
	var rows []ranked
	err := eachLine(ctx, in, func(o *outcome) error {
		rows = append(rows, ranked{
			source: o.Source, group: o.Group, kind: o.Kind, weak: o.WeakOK, strong: o.StrongOK,
			ours: float64(r.score(o)), length: float64(len(o.Prompt)),
			keywords: float64(len(keywords.FindAllString(o.Prompt, -1))),
		})
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "| stream | requests | cheap | premium | APGR | length | difference, 95 % | saved at 1 / 2 / 5 % loss |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- |")
	streams := streamsOf(rows)
	for i := range streams {
		streams[i].print(w)
	}
	r.costs(w)
	if curves == "" {
		return nil
	}
	return draw(curves, streams)
}

// streamOf is some of the outcomes.
type streamOf struct {
	name string
	rows []ranked
}

// leastGain is how much better the premium model must be on a stream for its
// ranking to mean anything, and leastRows how many requests there must be.
const (
	leastGain = 0.05
	leastRows = 90
)

// streamsOf is all, each source, its unseen groups, and each large group.
func streamsOf(rows []ranked) (streams []streamOf) {
	add := func(name string, has func(r *ranked) bool) {
		s := streamOf{name: name}
		for i := range rows {
			if has(&rows[i]) {
				s.rows = append(s.rows, rows[i])
			}
		}
		if len(s.rows) >= leastRows && s.gain() >= leastGain*float64(len(s.rows)) {
			streams = append(streams, s)
		}
	}
	var sources, groups []string
	for i := range rows {
		sources, groups = append(sources, rows[i].source), append(groups, rows[i].source+" "+rows[i].group)
	}
	slices.Sort(sources)
	slices.Sort(groups)
	add("all", func(*ranked) bool { return true })
	for _, source := range slices.Compact(sources) {
		add(source, func(r *ranked) bool { return r.source == source })
		add(source+", unseen groups", func(r *ranked) bool { return r.source == source && r.kind == "ood" })
	}
	for _, group := range slices.Compact(groups) {
		add(group, func(r *ranked) bool { return r.source+" "+r.group == group })
	}
	return streams
}

func (s *streamOf) gain() (sum float64) {
	for i := range s.rows {
		sum += s.rows[i].strong - s.rows[i].weak
	}
	return sum
}

func (s *streamOf) print(w io.Writer) {
	var weak, strong float64
	for i := range s.rows {
		weak, strong = weak+s.rows[i].weak, strong+s.rows[i].strong
	}
	n := float64(len(s.rows))
	ours, length := func(r *ranked) float64 { return r.ours }, func(r *ranked) float64 { return r.length }
	low, high := s.interval(ours, length)
	order := s.order(ours)
	fmt.Fprintf(w, "| %s | %d | %.1f %% | %.1f %% | %.3f | %.3f | %+.3f to %+.3f | %.0f / %.0f / %.0f %% |\n",
		s.name, len(s.rows), 100*weak/n, 100*strong/n, area(s.rows, order), area(s.rows, s.order(length)), low, high,
		100*s.saved(order, 0.01), 100*s.saved(order, 0.02), 100*s.saved(order, 0.05))
}

// order is the rows with the highest scores first; ties stay in their order.
func (s *streamOf) order(by func(r *ranked) float64) []int {
	order := make([]int, len(s.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(by(&s.rows[b]), by(&s.rows[a])) })
	return order
}

// area is the APGR of an order.
func area(rows []ranked, order []int) float64 {
	var sum, under float64
	for _, i := range order {
		g := rows[i].strong - rows[i].weak
		under += sum + g/2
		sum += g
	}
	return under / sum / float64(len(order))
}

// saved is the share of the calls that the cheap model may have while the
// premium model's share of right answers falls by no more than the given part.
func (s *streamOf) saved(order []int, loss float64) float64 {
	var strong, right float64
	for i := range s.rows {
		strong, right = strong+s.rows[i].strong, right+s.rows[i].weak
	}
	least := len(order)
	if right >= (1-loss)*strong {
		least = 0
	}
	for n, i := range order {
		right += s.rows[i].strong - s.rows[i].weak
		if right >= (1-loss)*strong {
			least = min(least, n+1)
		}
	}
	return 1 - float64(least)/float64(len(order))
}

// interval is the 95 % interval of the difference of two scores' APGR.
func (s *streamOf) interval(a, b func(r *ranked) float64) (low, high float64) {
	const draws = 1000
	random := rand.New(rand.NewPCG(1, 2))
	orders := [2][]int{s.order(a), s.order(b)}
	times := make([]float64, len(s.rows))
	var differences []float64
	for range draws {
		clear(times)
		for range s.rows {
			times[random.IntN(len(times))]++
		}
		if d := weighed(s.rows, orders[0], times) - weighed(s.rows, orders[1], times); !math.IsNaN(d) && !math.IsInf(d, 0) {
			differences = append(differences, d)
		}
	}
	slices.Sort(differences)
	return differences[len(differences)*25/1000], differences[min(len(differences)*975/1000, len(differences)-1)]
}

// weighed is the APGR of a sample that has each row so many times.
func weighed(rows []ranked, order []int, times []float64) float64 {
	var sum, under, n float64
	for _, i := range order {
		g := times[i] * (rows[i].strong - rows[i].weak)
		under += times[i]*sum + times[i]*g/2
		sum += g
		n += times[i]
	}
	return under / sum / n
}
