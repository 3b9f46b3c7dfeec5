package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tally counts what went well, by provider and direction.
type tally struct {
	name  string
	rows  map[string]*share
	known map[string]int
}

type share struct{ good, known, failed int }

func newTally(name string) *tally {
	return &tally{name: name, rows: map[string]*share{}, known: map[string]int{}}
}

// add counts a result. A failure that is of no known class fails the test.
func (c *tally) add(t *testing.T, row string, x *exchange, err error) {
	t.Helper()
	s := c.rows[row]
	if s == nil {
		s = &share{}
		c.rows[row] = s
	}
	if err == nil {
		s.good++
		return
	}
	for i := range knownClasses {
		if k := &knownClasses[i]; k.has(x, err) {
			s.known++
			c.known[k.name]++
			return
		}
	}
	s.failed++
	t.Errorf("%s#%d: %s: %v", x.where, x.index, row, err)
}

// report prints the shares.
func (c *tally) report(t *testing.T) {
	t.Helper()
	var b strings.Builder
	var all share
	for _, row := range slices.Sorted(maps.Keys(c.rows)) {
		s := c.rows[row]
		fmt.Fprintf(&b, "%-90s %4d of %4d\n", row, s.good, s.good+s.known+s.failed)
		all.good, all.known, all.failed = all.good+s.good, all.known+s.known, all.failed+s.failed
	}
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		fmt.Fprintf(&b, "known: %-83s %4d\n", name, c.known[name])
	}
	t.Logf("%s: %d of %d, %d of known classes\n%s", c.name, all.good, all.good+all.known+all.failed, all.known, &b)
	if len(c.rows) > 0 && all.good == 0 {
		t.Errorf("none of the %s went well", c.name)
	}
}
