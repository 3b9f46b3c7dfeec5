package neutral

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Three floats are twelve bytes, and sixteen letters of base64 without a
// remainder.
const (
	packedBytes   = 12
	packedLetters = 16
)

// AppendFloats appends v as a raw JSON array of numbers: the shortest that are
// the same 32-bit floats, or Floats as it stands. What is no number is null;
// broken base64 ends the array.
func (v *Vector) AppendFloats(dst []byte) []byte {
	if v.Floats != nil {
		return append(dst, v.Floats...)
	}
	dst = append(dst, '[')
	packed := bytes.TrimRight(v.Packed, "=")
	for first := true; len(packed) > 0; {
		var buf [packedBytes]byte
		part := packed[:min(len(packed), packedLetters)]
		packed = packed[len(part):]
		n, err := base64.RawStdEncoding.Decode(buf[:], part)
		for i := 0; i+4 <= n; i += 4 {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendFloat(dst, math.Float32frombits(binary.LittleEndian.Uint32(buf[i:])))
		}
		if err != nil {
			break
		}
	}
	return append(dst, ']')
}

func appendFloat(dst []byte, f float32) []byte {
	wide := float64(f)
	if math.IsNaN(wide) || math.IsInf(wide, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, wide, 'g', -1, 32)
}

// AppendPacked appends v in base64, without quotes: each number as the nearest
// 32-bit float, or Packed as it stands.
func (v *Vector) AppendPacked(dst []byte) []byte {
	if v.Packed != nil {
		return append(dst, v.Packed...)
	}
	var buf [packedBytes]byte
	n := 0
	a := translate.Elements(v.Floats)
	for a.Next() {
		// Out of range gives an infinity, and null is read as 0.
		f, _ := strconv.ParseFloat(string(a.Value()), 32)
		binary.LittleEndian.PutUint32(buf[n:], math.Float32bits(float32(f)))
		if n += 4; n == packedBytes {
			dst = base64.StdEncoding.AppendEncode(dst, buf[:])
			n = 0
		}
	}
	return base64.StdEncoding.AppendEncode(dst, buf[:n])
}
