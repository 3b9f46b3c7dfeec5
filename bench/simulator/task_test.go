package simulator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTasks(t *testing.T) {
	tasks, again := Tasks(3, 600), Tasks(3, 601)
	kinds := map[string]int{}
	for i, task := range tasks {
		kinds[fmt.Sprint(task.Kind, task.Difficulty)]++
		if !task.Check(task.right) || slices.ContainsFunc(task.wrong, task.Check) || task.Check("") || task.Check("I do not know.") {
			t.Fatalf("%s\nright %q: %v, wrong %q", task.Prompt, task.right, task.Check(task.right), task.wrong)
		}
		if again[i].Prompt != task.Prompt {
			t.Fatalf("task %d is %q and %q", i, task.Prompt, again[i].Prompt)
		}
		found, ok := findTask("Earlier turns [task x]. " + task.Prompt + "\nThink first.")
		if !ok || found.right != task.right {
			t.Fatalf("not found again: %s", task.Prompt)
		}
	}
	for kind, n := range kinds {
		if n != 40 {
			t.Errorf("%d tasks of %s", n, kind)
		}
	}
	if Tasks(4, 1)[0].Prompt == tasks[0].Prompt {
		t.Error("another seed makes no difference")
	}
	if _, ok := findTask(tasks[0].Prompt[:40] + "5 and something else"); ok {
		t.Error("a mark without its question is taken for a task")
	}
}

func TestTask_Check(t *testing.T) {
	task := func(kind Kind) Task { return newTask(kind, Easy, 1) }
	f := func(kind Kind, answer string, want bool) {
		t.Helper()
		if got := task(kind).Check(answer); got != want {
			t.Errorf("%s: %q is %v", task(kind).Prompt, answer, got)
		}
	}
	number, sorted, place, code := task("arithmetic").right, task("sort").right, task("lookup").right, task("code").right
	f("arithmetic", "First 3, then 4: the answer is **"+number+"**.", true)
	f("arithmetic", number+"1", false)
	f("sort", "Sorted:\n"+sorted+"\n", true)
	f("sort", sorted+", 9999", false)
	f("lookup", "It lies in the "+place+".", true)
	f("lookup", "nowhere", false)
	f("code", "Here it is:\n```go\n"+code+"\n```\nDone.", true)
	f("code", "```go\nfunc f(a, b int) int {\n\tfor {\n\t}\n}\n```", false)
	f("code", "func f(a, b int) int { return a / b }", false)
	f("code", "func f(a int) int { return a }", false)
	f("code", "func f(a, b int", false)
}

// Skill 0 is right on easy tasks, skill 1 up to medium ones, skill 2 nearly always; and always in the same cases.
func TestTask_Skill(t *testing.T) {
	s := start(t, Config{Seed: 5})
	c := dial(t, s)
	var right, all [3][3]int
	for _, task := range Tasks(9, 300) {
		for skill := range 3 {
			answer := func() string {
				c.request(post("/v1/chat/completions", string(mustJSON(map[string]any{
					"model":    fmt.Sprintf("sim-l%d", skill),
					"messages": []any{map[string]any{"role": "user", "content": task.Prompt}},
				}))))
				_, body := c.ok()
				return contentOf(t, body)
			}
			first := answer()
			if second := answer(); second != first {
				t.Fatalf("%q and %q", first, second)
			}
			all[skill][task.Difficulty]++
			if task.Check(first) {
				right[skill][task.Difficulty]++
			}
		}
	}
	bounds := [3][3][2]int{ // per cent
		{{90, 100}, {20, 50}, {0, 20}},
		{{95, 100}, {88, 100}, {25, 55}},
		{{95, 100}, {95, 100}, {90, 100}},
	}
	for skill := range 3 {
		for d := range 3 {
			share := 100 * right[skill][d] / all[skill][d]
			if b := bounds[skill][d]; share < b[0] || share > b[1] {
				t.Errorf("skill %d is right on %d %% of the %s tasks, want %v", skill, share, Difficulty(d), b)
			}
		}
	}
}

func TestSameFunction(t *testing.T) {
	f := func(source string, want bool) {
		t.Helper()
		if got := sameFunction(source, func(a, b int) int { return max(a, b) - 2 }); got != want {
			t.Errorf("%q is %v", source, got)
		}
	}
	f("func f(a, b int) int { return max(a, b) - 2 }", true)
	f("func f(x, y int) int {\n\tif !(x < y) {\n\t\tx -= 2\n\t\treturn x\n\t} else {\n\t\treturn -2 + y\n\t}\n}", true)
	f("func f(a, b int) int {\n\tc := a\n\tif b > c && b != a || false2 {\n\t\tc = b\n\t}\n\treturn c - 2\n}", false)
	f("func f(a, b int) int {\n\tc := a\n\tif b > c {\n\t\tc = b\n\t}\n\treturn c - 4/2\n}", true)
	f("func f(a, b int) int { if a > b { return a - 2 } }", false)
	f("func f(a, b int) int { return os.Exit(1) }", false)
	f("func f(a, b int) int { return a, b }", false)
	f("func f(a, b int) int { a, b = b, a; return a }", false)
	f("no code", false)
}

func TestRandom_mix(t *testing.T) {
	got := []uint64{mix(), mix(1), mix(1, 2), mix(2, 1), mix(1, 2)}
	if got[2] != got[4] || got[2] == got[3] || got[1] == got[2] {
		t.Errorf("got %v", got)
	}
	// Answers must not change between versions: they are in golden files of others.
	if diff := cmp.Diff("PxsioK", letters(42, 6)); diff != "" {
		t.Error(diff)
	}
}
