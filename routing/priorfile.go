package routing

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
)

// priorMagic begins a file of weights. It changes with the features.
const priorMagic = "gateway prior 1\n"

//go:embed prior.bin
var priorFile []byte

// DefaultPrior is the one that the gateway is built with.
var DefaultPrior = sync.OnceValue(func() *Prior {
	p, err := ReadPrior(priorFile)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return p
})

// ReadPrior reads what Append wrote.
func ReadPrior(data []byte) (*Prior, error) {
	const head = len(priorMagic) + 4*(2+3*int(shapes))
	if len(data) != head+1<<gramBits || string(data[:len(priorMagic)]) != priorMagic {
		return nil, errors.New("routing: this is no prior of this version")
	}
	p := &Prior{grams: make([]int8, 1<<gramBits)}
	rest := data[len(priorMagic):]
	for _, figure := range p.figures() {
		*figure = math.Float32frombits(binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
		if f := float64(*figure); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("routing: a weight of the prior is %g", f)
		}
	}
	for i, b := range rest {
		p.grams[i] = int8(b)
	}
	return p, nil
}

// Append appends the weights to dst, half a megabyte at most.
func (p *Prior) Append(dst []byte) []byte {
	dst = append(dst, priorMagic...)
	for _, figure := range p.figures() {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(*figure))
	}
	for _, weight := range p.grams {
		dst = append(dst, byte(weight))
	}
	return dst
}

// figures are all weights but those of words.
func (p *Prior) figures() []*float32 {
	all := []*float32{&p.scale, &p.bias}
	for _, s := range []*shape{&p.mean, &p.deviation, &p.rate} {
		for i := range s {
			all = append(all, &s[i])
		}
	}
	return all
}
