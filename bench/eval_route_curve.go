package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// keywords is the router that everybody writes first.
var keywords = regexp.MustCompile(`(?i)\b(prove|derive|explain why|step by step|analy[sz]e|design|implement|debug|refactor|optimi[sz]e|architecture|algorithm|complex)\b`)

// curve is one line of a drawing.
type curve struct {
	name, color, dash string
	by                func(r *ranked) float64
}

// curves are what a drawing shows, the best last.
var curves = []curve{
	{"keywords", "#b0722a", "2 3", func(r *ranked) float64 { return r.keywords }},
	{"length", "#6b7280", "6 3", func(r *ranked) float64 { return r.length }},
	{"oracle", "#9ca3af", "1 3", func(r *ranked) float64 { return r.strong - r.weak }},
	{"prior", "#1d4ed8", "", func(r *ranked) float64 { return r.ours }},
}

// The drawing's frame, in pixels.
const (
	frameLeft, frameTop, frameSize = 52.0, 34.0, 300.0
	frameWidth, frameHeight        = 500, 390
)

// draw writes an SVG for all outcomes and for each source into dir.
func draw(dir string, streams []streamOf) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range streams {
		s := &streams[i]
		if strings.ContainsAny(s.name, " ,") {
			continue // a part of a source
		}
		if err := os.WriteFile(filepath.Join(dir, "route-"+s.name+".svg"), s.svg(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// svg draws the share of the premium model's gain that is recovered against the
// share of requests that it gets.
func (s *streamOf) svg() []byte {
	b := fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%g" y="20" font-size="14">%s, %d requests</text>
<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#d1d5db"/>
<line x1="%g" y1="%g" x2="%g" y2="%g" stroke="#d1d5db" stroke-dasharray="4 4"/>
`, frameWidth, frameHeight, frameLeft, s.name, len(s.rows), frameLeft, frameTop, frameSize, frameSize,
		frameLeft, frameTop+frameSize, frameLeft+frameSize, frameTop)
	for tick := 0.0; tick <= 1; tick += 0.25 {
		b = fmt.Appendf(b, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%g</text><text x=\"%g\" y=\"%g\" text-anchor=\"end\">%g</text>\n",
			frameLeft+tick*frameSize, frameTop+frameSize+16, tick, frameLeft-6, frameTop+(1-tick)*frameSize+4, tick)
	}
	b = fmt.Appendf(b, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">share of requests for the premium model</text>\n", frameLeft+frameSize/2, frameTop+frameSize+36)
	b = fmt.Appendf(b, "<text transform=\"translate(14 %g) rotate(-90)\" text-anchor=\"middle\">share of its gain</text>\n", frameTop+frameSize/2)
	for i, c := range curves {
		order := s.order(c.by)
		b = fmt.Appendf(b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-dasharray=\"%s\" points=\"%s\"/>\n", c.color, c.dash, s.points(order))
		y := frameTop + 14 + 18*float64(len(curves)-1-i)
		b = fmt.Appendf(b, "<line x1=\"%g\" y1=\"%g\" x2=\"%g\" y2=\"%g\" stroke=\"%s\" stroke-width=\"1.6\" stroke-dasharray=\"%s\"/><text x=\"%g\" y=\"%g\">%s %.3f</text>\n",
			frameLeft+frameSize+12, y-4, frameLeft+frameSize+36, y-4, c.color, c.dash, frameLeft+frameSize+42, y, c.name, area(s.rows, order))
	}
	return append(b, "</svg>\n"...)
}

// points are a hundred points of a curve, cut off above the frame.
func (s *streamOf) points(order []int) string {
	const most = 100
	var b strings.Builder
	total, sum, next := s.gain(), 0.0, 0
	for n := 0; n <= len(order); n++ {
		if n*most >= next*len(order) {
			y := max(-0.1, min(1.08, sum/total))
			fmt.Fprintf(&b, "%.1f,%.1f ", frameLeft+float64(n)/float64(len(order))*frameSize, frameTop+(1-y)*frameSize)
			next++
		}
		if n < len(order) {
			sum += s.rows[order[n]].strong - s.rows[order[n]].weak
		}
	}
	return strings.TrimSpace(b.String())
}
