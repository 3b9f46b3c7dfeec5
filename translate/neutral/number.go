package neutral

import (
	"errors"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Clamp returns the raw number within [low, high]: itself, byte for byte,
// where it lies there, and nil for nil.
func Clamp(raw []byte, low, high float64) []byte {
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange): // which has the nearest n
		return raw
	case n < low:
		n = low
	case n > high:
		n = high
	default:
		return raw
	}
	return strconv.AppendFloat(nil, n, 'f', -1, 64)
}

// Int is the raw number as an integer, 0 when absent or not one. Zero decimals
// (100.0) are allowed, exponents are not.
func Int(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok {
		return 0
	}
	return n
}
