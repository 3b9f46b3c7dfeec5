package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is the sort of a task.
type Kind string

// Difficulty is how hard a task is: Easy, Medium or Hard. A model of skill 0 is right on most easy tasks, one of
// skill 1 up to medium, and one of skill 2 nearly always.
type Difficulty int

// Difficulties.
const (
	Easy Difficulty = iota
	Medium
	Hard
)

func (d Difficulty) String() string { return [...]string{"easy", "medium", "hard"}[d] }

// kinds are those of all tasks.
var kinds = []Kind{"arithmetic", "sort", "lookup", "count", "code"}

// Task is a question with an answer that can be checked by program.
type Task struct {
	// Prompt is the question in full. It starts with a mark in brackets by which a simulator knows the task again,
	// also inside a longer text.
	Prompt     string
	Kind       Kind
	Difficulty Difficulty

	question
}

// question is what a maker makes: what to ask, what is right, and what one may say that is wrong: models that err do
// not all err alike.
type question struct {
	ask, right string
	wrong      []string
	check      func(answer string) bool
}

// Tasks returns n tasks, the same for the same seed, evenly spread over kinds and difficulties.
func Tasks(seed uint64, n int) []Task {
	tasks := make([]Task, n)
	for i := range tasks {
		tasks[i] = newTask(kinds[i%len(kinds)], Difficulty(i/len(kinds)%3), uint32(mix(seed, uint64(i))))
	}
	return tasks
}

// Check reports whether an answer is right. It looks at what the answer ends with, so words around it do no harm.
func (t Task) Check(answer string) bool { return t.check(strings.TrimSpace(answer)) }

func newTask(kind Kind, d Difficulty, id uint32) Task {
	r := random(mix(uint64(id), uint64(d)))
	makers := map[Kind]func(*random, Difficulty) question{
		"arithmetic": arithmetic, "sort": sorting, "lookup": lookup, "count": counting, "code": coding,
	}
	t := Task{Kind: kind, Difficulty: d, question: makers[kind](&r, d)}
	t.Prompt = fmt.Sprintf("[task %s %s %08x] %s", kind, d, id, t.ask)
	return t
}

var taskMark = regexp.MustCompile(`\[task (arithmetic|sort|lookup|count|code) (easy|medium|hard) ([0-9a-f]{8})\] `)

// findTask returns the last task whose whole prompt is in the text.
func findTask(text string) (Task, bool) {
	marks := taskMark.FindAllStringSubmatch(text, -1)
	for _, m := range slices.Backward(marks) {
		id, _ := strconv.ParseUint(m[3], 16, 32)
		d := slices.Index([]string{"easy", "medium", "hard"}, m[2])
		if t := newTask(Kind(m[1]), Difficulty(d), uint32(id)); strings.Contains(text, t.Prompt) {
			return t, true
		}
	}
	return Task{}, false
}

// skills has the chance of a right answer by skill and difficulty.
var skills = [3][3]float64{
	{0.97, 0.35, 0.08},
	{0.99, 0.95, 0.40},
	{0.995, 0.99, 0.97},
}

// answer returns the right answer or the wrong one, as the skill has it.
func (t Task) answer(seed uint64, skill int) string {
	draw := random(mix(seed, hash([]byte(t.Prompt)), uint64(skill)))
	if draw.chance() < skills[skill][t.Difficulty] {
		return t.right
	}
	return t.wrong[draw.below(len(t.wrong))]
}

func arithmetic(r *random, d Difficulty) question {
	a, b := r.between(12, 99), r.between(12, 99)
	ask, result := fmt.Sprintf("%d + %d", a, b), a+b
	switch d {
	case Medium:
		c := r.between(100, 999)
		ask, result = fmt.Sprintf("%d * %d + %d", a, b, c), a*b+c
	case Hard:
		c, e := r.between(1000, 9999), r.between(101, 997)
		ask, result = fmt.Sprintf("(%d * %d - %d) * %d", a*10, b, c, e), (a*10*b-c)*e
	}
	return numeric("Compute "+ask+".", result, 10)
}

func counting(r *random, d Difficulty) question {
	letters := "aeiourstl"
	word := make([]byte, []int{8, 20, 60}[d])
	for i := range word {
		word[i] = letters[r.below(len(letters))]
	}
	letter := word[r.below(len(word))]
	n := strings.Count(string(word), string(letter))
	return numeric(fmt.Sprintf("How many times does the letter %q occur in %q?", string(letter), word), n, 1)
}

var integer = regexp.MustCompile(`-?\d+`)

// numeric is a question for one number, the last in the answer. Those who err are a few steps above it.
func numeric(ask string, right, step int) question {
	var wrong []string
	for i := range 9 {
		wrong = append(wrong, strconv.Itoa(right+(i+1)*step))
	}
	return question{
		ask: ask + " Answer with the number only.", right: strconv.Itoa(right), wrong: wrong,
		check: func(answer string) bool {
			all := integer.FindAllString(strings.ReplaceAll(answer, ",", ""), -1)
			return len(all) > 0 && all[len(all)-1] == strconv.Itoa(right)
		},
	}
}

func sorting(r *random, d Difficulty) question {
	numbers := make([]int, []int{4, 10, 25}[d])
	for i := range numbers {
		numbers[i] = i*40 + r.between(0, 39) - 300 // all different, so that a swap is wrong
	}
	right := join(numbers)
	var wrong []string
	for i := range len(numbers) - 1 {
		numbers[i], numbers[i+1] = numbers[i+1], numbers[i]
		wrong = append(wrong, join(numbers))
		numbers[i], numbers[i+1] = numbers[i+1], numbers[i]
	}
	for i := range numbers {
		j := r.below(i + 1)
		numbers[i], numbers[j] = numbers[j], numbers[i]
	}
	return question{
		ask:   "Sort these numbers in ascending order: " + join(numbers) + ". Answer with the numbers only, separated by commas.",
		right: right, wrong: wrong,
		check: func(answer string) bool {
			return strings.Join(integer.FindAllString(lastLine(answer), -1), ", ") == right
		},
	}
}

func join(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

var (
	things = []string{"valve", "bolt", "spring", "gear", "washer", "bearing", "cable", "switch", "sensor", "pump", "filter", "gasket"}
	rooms  = []string{"attic", "barn", "cellar", "dock", "garage", "hall", "kiosk", "loft", "shed", "tower", "vault", "yard"}
)

// lookup asks where a part lies; the hard one takes two steps.
func lookup(r *random, d Difficulty) question {
	rows := []int{3, 8, 12}[d]
	shift := r.below(len(rooms))
	room := func(i int) string { return rooms[(i*5+shift)%len(rooms)] }
	var table strings.Builder
	for i := range rows {
		fmt.Fprintf(&table, "- the %s lies in the %s\n", things[i], room(i))
	}
	i := r.below(rows)
	ask := fmt.Sprintf("Where does the %s lie?", things[i])
	if d == Hard {
		j := (i + r.between(1, rows-1)) % rows
		ask = fmt.Sprintf("The %s is where you find a note that says: go to where the %s lies. Where does the note send you?", things[j], things[i])
	}
	right := room(i)
	var wrong []string
	for j := 1; j < rows; j++ {
		wrong = append(wrong, room((i+j)%rows))
	}
	return question{
		ask:   "Given:\n" + table.String() + ask + " Answer with one word.",
		right: right, wrong: wrong,
		check: func(answer string) bool {
			fields := strings.Fields(strings.ToLower(lastLine(answer)))
			return len(fields) > 0 && strings.Trim(fields[len(fields)-1], ".,!*`'\"") == right
		},
	}
}

// coding asks for a small Go function and tries it out.
func coding(r *random, d Difficulty) question {
	x, y := r.between(2, 9), r.between(3, 40)
	ask := fmt.Sprintf("a times %d plus b", x)
	right := fmt.Sprintf("func f(a, b int) int {\n\treturn a*%d + b\n}", x)
	wrong := fmt.Sprintf("func f(a, b int) int {\n\treturn a + %d*b\n}", x)
	value := func(a, b int) int { return a*x + b }
	switch d {
	case Medium:
		ask = fmt.Sprintf("the absolute difference of a and b, plus %d", y)
		right = fmt.Sprintf("func f(a, b int) int {\n\tif a < b {\n\t\treturn b - a + %d\n\t}\n\treturn a - b + %d\n}", y, y)
		wrong = fmt.Sprintf("func f(a, b int) int {\n\treturn a - b + %d\n}", y)
		value = func(a, b int) int { return max(a-b, b-a) + y }
	case Hard:
		ask = fmt.Sprintf("a limited to the range from -%d to %d, minus the remainder of b divided by %d if b is positive", y, y, x)
		right = fmt.Sprintf("func f(a, b int) int {\n\ta = min(max(a, -%d), %d)\n\tif b > 0 {\n\t\ta = a - b%%%d\n\t}\n\treturn a\n}", y, y, x)
		wrong = fmt.Sprintf("func f(a, b int) int {\n\treturn min(max(a, -%d), %d) - b%%%d\n}", y, y, x)
		value = func(a, b int) int {
			a = min(max(a, -y), y)
			if b > 0 {
				a -= b % x
			}
			return a
		}
	}
	return question{
		ask:   "Write a Go function `func f(a, b int) int` that returns " + ask + ". Use no loops. Answer with the code only.",
		right: right, wrong: []string{wrong},
		check: func(answer string) bool { return sameFunction(answer, value) },
	}
}

func lastLine(text string) string {
	text = strings.TrimRight(text, "` \n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}
