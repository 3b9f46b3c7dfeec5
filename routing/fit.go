package routing

import (
	"math"
	"slices"
)

// Example is one outcome to fit a Prior to.
type Example struct {
	Text []byte
	// Gain is how much better the premium model's answer was than the cheap
	// one's, -1 to 1.
	Gain float64
}

const (
	// ridge keeps the weights small: what a word has to prove.
	ridge = 60
	// shapeStep is the length of a standard deviation of a figure of the shape
	// beside that of a word.
	shapeStep = 0.05
	// seldom is how many examples must have a word for it to count.
	seldom    = 2
	fitRounds = 80
)

// Fit returns the Prior that fits the examples best: a ridge regression,
// solved by conjugate gradients. It is deterministic.
func Fit(examples []Example) *Prior {
	p := &Prior{grams: make([]int8, 1<<gramBits)}
	d := newDesign(p, examples)
	target := make([]float64, len(examples))
	for i, e := range examples {
		target[i] = e.Gain
	}
	w := d.solve(target)
	p.take(w)
	return p
}

// design is the examples as rows of features: words, shape, and the bias.
type design struct {
	grams [][]uint32 // slots
	share []float64  // what each of them counts
	shape [][shapes]float64
}

const (
	shapeAt = 1 << gramBits
	biasAt  = shapeAt + int(shapes)
	columns = biasAt + 1
)

func newDesign(p *Prior, examples []Example) *design {
	d := &design{}
	all := make([]shape, len(examples))
	seen := make([]int, 1<<gramBits)
	for i, e := range examples {
		slots, count := gramsOf(e.Text)
		all[i] = count.shape(len(e.Text))
		d.grams = append(d.grams, slots)
		for _, slot := range slots {
			seen[slot]++
		}
	}
	for i, slots := range d.grams {
		d.grams[i] = slices.DeleteFunc(slots, func(slot uint32) bool { return seen[slot] < seldom })
		d.share = append(d.share, 1/math.Sqrt(float64(max(len(d.grams[i]), 1))))
	}
	p.measure(all)
	for i := range all {
		var row [shapes]float64
		for j := range row {
			if j != shapeCode { // see codeGain
				row[j] = shapeStep * float64(p.standard(&all[i], j))
			}
		}
		d.shape = append(d.shape, row)
	}
	return d
}

// gramsOf is what guess looks up.
func gramsOf(text []byte) (slots []uint32, count counter) {
	var grams gramSet
	count = grams.read(text, func(slot uint32) { slots = append(slots, slot) })
	return slots, count
}

// measure notes mean and deviation of the shapes.
func (p *Prior) measure(all []shape) {
	for j := range p.mean {
		var sum, squares float64
		for i := range all {
			f := float64(all[i][j])
			sum += f
			squares += f * f
		}
		n := float64(max(len(all), 1))
		mean := sum / n
		p.mean[j] = float32(mean)
		p.deviation[j] = float32(math.Sqrt(max(squares/n-mean*mean, 1e-6)))
	}
}

// apply is the rows times w.
func (d *design) apply(w []float64) []float64 {
	out := make([]float64, len(d.grams))
	for i := range out {
		sum := 0.0
		for _, slot := range d.grams[i] {
			sum += w[slot]
		}
		sum *= d.share[i]
		for j, f := range d.shape[i] {
			sum += f * w[shapeAt+j]
		}
		out[i] = sum + w[biasAt]
	}
	return out
}

// transpose is the columns times r.
func (d *design) transpose(r []float64) []float64 {
	out := make([]float64, columns)
	for i, f := range r {
		for _, slot := range d.grams[i] {
			out[slot] += f * d.share[i]
		}
		for j, g := range d.shape[i] {
			out[shapeAt+j] += f * g
		}
		out[biasAt] += f
	}
	return out
}

// solve minimises the squared error plus ridge times the squared weights, the
// bias excepted.
func (d *design) solve(target []float64) []float64 {
	w := make([]float64, columns)
	residual := d.transpose(target)
	direction := append([]float64(nil), residual...)
	norm := dot(residual, residual)
	for range fitRounds {
		if norm < 1e-12 {
			break
		}
		image := d.transpose(d.apply(direction))
		for j := range image[:biasAt] {
			image[j] += ridge * direction[j]
		}
		step := norm / dot(direction, image)
		for j := range w {
			w[j] += step * direction[j]
			residual[j] -= step * image[j]
		}
		next := dot(residual, residual)
		for j := range direction {
			direction[j] = residual[j] + next/norm*direction[j]
		}
		norm = next
	}
	return w
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// take rounds the weights to what a Prior keeps. A word that was met is never
// rounded to one that was not.
func (p *Prior) take(w []float64) {
	largest := 0.0
	for _, f := range w[:shapeAt] {
		largest = max(largest, math.Abs(f))
	}
	if largest == 0 {
		largest = 1
	}
	p.scale = float32(largest / 127)
	for i, f := range w[:shapeAt] {
		rounded := math.Round(f / largest * 127)
		if rounded == 0 && f != 0 {
			rounded = math.Copysign(1, f)
		}
		p.grams[i] = int8(rounded)
	}
	for j := range p.rate {
		p.rate[j] = float32(shapeStep * w[shapeAt+j])
	}
	p.bias = float32(w[biasAt])
}
