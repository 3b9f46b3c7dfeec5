package translate

import (
	"bytes"
	"strconv"
)

// Int returns the JSON number raw when it is a whole one of at most 18
// digits. Zero decimals (100.0) are allowed, exponents are not.
func Int(raw []byte) (int64, bool) {
	digits, negative := bytes.CutPrefix(raw, []byte{'-'})
	var n int64
	for i, c := range digits {
		switch {
		case c == '.' && i > 0:
			return signed(n, negative), len(bytes.Trim(digits[i+1:], "0")) == 0
		case c-'0' > 9 || i >= 18:
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return signed(n, negative), len(digits) > 0
}

func signed(n int64, negative bool) int64 {
	if negative {
		return -n
	}
	return n
}

// AppendUSD appends nano billionths of a dollar as an exact decimal number of
// dollars without trailing zeros: 12500 is 0.0000125.
func AppendUSD(dst []byte, nano int64) []byte {
	const unit = 1_000_000_000
	whole, rest := nano/unit, nano%unit
	if nano < 0 {
		dst = append(dst, '-')
		whole, rest = -whole, -rest
	}
	dst = strconv.AppendInt(dst, whole, 10)
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for scale := int64(unit / 10); rest > 0; scale /= 10 {
		dst = append(dst, byte('0'+rest/scale))
		rest %= scale
	}
	return dst
}

// ParseUSD reads an amount as AppendUSD writes it, at most a billion dollars.
// ok is false for anything else, also for a negative one. Digits beyond a
// billionth are cut.
func ParseUSD(text []byte) (nano int64, ok bool) {
	const digits, most = 9, 1_000_000_000
	whole, rest, dotted := bytes.Cut(text, []byte("."))
	if len(whole) == 0 || len(whole) > digits+1 || dotted && len(rest) == 0 {
		return 0, false
	}
	for i := range len(whole) + max(digits, len(rest)) {
		digit := byte('0')
		switch {
		case i < len(whole):
			digit = whole[i]
		case i-len(whole) < len(rest):
			digit = rest[i-len(whole)]
		}
		if digit < '0' || digit > '9' {
			return 0, false
		}
		if i < len(whole)+digits {
			nano = nano*10 + int64(digit-'0')
		}
	}
	return nano, nano >= 0 && nano <= most*most // it may have wrapped
}
