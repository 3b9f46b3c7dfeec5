package simulator

import "hash/fnv"

// random is a splitmix64 sequence: the same numbers from the same seed in every version of everything.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number in 0..n-1; n is small, so the bias does not matter.
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// between returns a number in low..high.
func (r *random) between(low, high int) int { return low + r.below(high-low+1) }

// chance returns a number in 0..1, 1 excluded.
func (r *random) chance() float64 { return float64(r.next()>>11) / (1 << 53) }

// mix makes one seed of several.
func mix(seeds ...uint64) uint64 {
	var r random
	for _, seed := range seeds {
		r ^= random(seed)
		r = random(r.next())
	}
	return uint64(r)
}

func hash(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

// letters returns n letters and digits made of the seed.
func letters(seed uint64, n int) string {
	const all = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	r := random(seed)
	b := make([]byte, n)
	for i := range b {
		b[i] = all[r.below(len(all))]
	}
	return string(b)
}
