package neutral

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func pack(floats ...float32) []byte {
	var raw []byte
	for _, f := range floats {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return []byte(base64.StdEncoding.EncodeToString(raw))
}

func TestEdge156_VectorsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		floats := make([]float32, n)
		for i := range floats {
			for f := math.NaN(); math.IsNaN(f) || math.IsInf(f, 0); {
				floats[i] = math.Float32frombits(random.Uint32())
				f = float64(floats[i])
			}
		}
		packed := pack(floats...)
		text := (&Vector{Packed: packed}).AppendFloats(nil)
		var wide []float64
		if err := json.Unmarshal(text, &wide); err != nil || len(wide) != n {
			t.Fatalf("%s: %v", text, err)
		}
		if got := (&Vector{Floats: text}).AppendPacked(nil); string(got) != string(packed) {
			t.Fatalf("%v: %s is %s, was %s", floats, text, got, packed)
		}
	}
}

func TestVector(t *testing.T) {
	floats := func(v Vector, want string) {
		t.Helper()
		if got := string(v.AppendFloats([]byte("x"))); got != "x"+want {
			t.Errorf("%+v: got %s, want %s", v, got, want)
		}
	}
	floats(Vector{Floats: []byte("[0.10, 1e-9]")}, "[0.10, 1e-9]")
	floats(Vector{Packed: pack(0.1, -2, 1e-7, 3e38, 16777216)}, "[0.1,-2,1e-07,3e+38,1.6777216e+07]")
	floats(Vector{Packed: pack(float32(math.Inf(1)), 1, float32(math.NaN()))}, "[null,1,null]")
	floats(Vector{Packed: []byte("AACAPw")}, "[1]")
	floats(Vector{Packed: []byte("AACAPwAAgD8AAIA/AACAPw==")}, "[1,1,1,1]")
	floats(Vector{Packed: []byte("AACAPwAAgD8AAIA/****")}, "[1,1,1]")
	floats(Vector{}, "[]")

	packed := func(v Vector, want string) {
		t.Helper()
		if got := string(v.AppendPacked([]byte("x"))); got != "x"+want {
			t.Errorf("%+v: got %s, want %s", v, got, want)
		}
	}
	packed(Vector{Packed: []byte("AACAPw==")}, "AACAPw==")
	packed(Vector{Floats: []byte(" [1, 1.0,1e0 ,null,-3]")}, string(pack(1, 1, 1, 0, -3)))
	packed(Vector{Floats: []byte("[0.1]")}, string(pack(0.1)))
	packed(Vector{Floats: []byte("[]")}, "")
}
