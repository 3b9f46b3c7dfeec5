package routing

import "testing"

// TestStream has a tier that fails noticed, and used again when it is better.
func TestStream(t *testing.T) {
	s := Stream{Loss: 0.01}
	serve := func(n int, agreedOf10 int) (low int) {
		for i := range n {
			tier, probe := s.Start(0, 2)
			if tier == 0 {
				low++
				s.Observe(0, i*7%10 < agreedOf10, false)
			} else {
				s.Observe(1, true, false)
			}
			if probe && tier != 0 {
				t.Errorf("a probe of tier %d", tier)
			}
		}
		return low
	}
	if low := serve(300, 9); low != 300 {
		t.Errorf("a good tier is used for %d of 300", low)
	}
	if low := serve(300, 2); low > 80 || low < 10 {
		t.Errorf("a tier that has become bad is used for %d of 300", low)
	}
	if low := serve(3000, 10); low < 300 {
		t.Errorf("a tier that has become good again is used for %d of 3000", low)
	}
	if tier, _ := s.Start(0, 2); tier != 0 {
		t.Errorf("at the end it starts at tier %d", tier)
	}
	var fresh Stream
	for range 100 {
		fresh.Observe(0, false, false)
		fresh.Observe(1, false, true)
		fresh.Observe(2, false, false)
		fresh.Observe(9, false, false)
	}
	if tier, _ := fresh.Start(0, 2); tier != 2 {
		t.Errorf("starts at tier %d, want the top", tier)
	}
}

// TestStream_Above holds a tier of one model to what a higher one says of it.
func TestStream_Above(t *testing.T) {
	f := func(objections int, want bool) {
		t.Helper()
		s := Stream{Loss: 0.01}
		for i := range 40 {
			if i < enough && !s.Curious(1) {
				t.Errorf("not asked about answer %d", i)
			}
			s.Observe(1, i >= objections, true)
		}
		if s.weak(1) != want {
			t.Errorf("%d objections to 40: weak is %v", objections, s.weak(1))
		}
		asked := 0
		for range 100 {
			if s.Curious(1) {
				asked++
			}
		}
		if asked != 100/sampling {
			t.Errorf("asked about %d of 100", asked)
		}
	}
	f(0, false)
	f(4, true)
	f(30, true)
}

// TestStream_Trusts goes without checks once there is nothing to be found, and
// goes on to look now and then.
func TestStream_Trusts(t *testing.T) {
	f := func(wrongOf100, want int) {
		t.Helper()
		s := Stream{Loss: 0.01}
		for i := range 100 {
			if i < plenty && s.Trusts(0) {
				t.Errorf("trusted after %d answers", i)
			}
			s.Observe(0, i*37%100 >= wrongOf100, false)
		}
		trusted := 0
		for range 100 {
			if s.Trusts(0) {
				trusted++
			}
		}
		if trusted != want {
			t.Errorf("%d of 100 wrong: trusted %d of 100 times, want %d", wrongOf100, trusted, want)
		}
	}
	f(0, 100-100/sampling)
	f(5, 0)
	f(60, 0)
}
