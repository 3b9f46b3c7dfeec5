package configs

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What a number, a size, a duration and a price look like. The JSON Schema
// uses the same patterns.
const (
	intPattern      = `^-?[0-9]{1,18}$`
	bytesPattern    = `^[0-9]{1,15}(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$`
	durationPattern = `^([0-9]{1,12}(\.[0-9]{1,9})?(ns|us|µs|ms|s|m|h))+$`
	usdPattern      = `^[0-9]{1,7}(\.[0-9]{1,12})?$`
	variablePattern = `^[A-Za-z_][A-Za-z0-9_]{0,127}$`
)

var (
	intText      = regexp.MustCompile(intPattern)
	bytesText    = regexp.MustCompile(bytesPattern)
	durationText = regexp.MustCompile(durationPattern)
	usdText      = regexp.MustCompile(usdPattern)
	variableName = regexp.MustCompile(variablePattern)
)

// maxUSD is the highest price of a million tokens that is believed.
const maxUSD = 1_000_000

var byteUnits = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// expand replaces ${NAME} and ${NAME:-default} in text and turns $${ into ${.
// missing are the variables without a value and without a default; they are
// replaced by nothing. An error says what is wrong with the text, without
// quoting it.
func expand(text string, env func(string) (string, bool)) (out string, missing []string, err error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), missing, nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		inside, rest, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			return "", nil, errors.New("${ without its }; write $${ for a plain ${")
		}
		name, fallback, optional := strings.Cut(inside, ":-")
		if !variableName.MatchString(name) {
			return "", nil, errors.New("${...} needs the name of an environment variable: letters, digits and _; write $${ for a plain ${")
		}
		value, set := env(name)
		switch {
		case optional && value == "":
			value = fallback
		case !set && !optional:
			missing = append(missing, name)
		}
		b.WriteString(value)
		text = rest
	}
}

// parseBytes reads a size: a number and a unit.
func parseBytes(text string) (int64, error) {
	if !bytesText.MatchString(text) {
		return 0, fmt.Errorf("must be a size such as 32MiB, 16KiB, 1GB or a whole number of bytes%s", sizeHint(text))
	}
	digits := strings.TrimRight(text, "BKMGTi")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := byteUnits[text[len(digits):]]
	if err != nil || n > math.MaxInt64/unit {
		return 0, errors.New("is too large a size")
	}
	return n * unit, nil
}

// sizeHint corrects the case of a unit, as in 32mb.
func sizeHint(text string) string {
	number := strings.TrimRight(text, "BKMGTibkmgt ")
	for unit := range byteUnits {
		if unit != "" && number != "" && strings.EqualFold(strings.TrimSpace(text[len(number):]), unit) && bytesText.MatchString(number+unit) {
			return fmt.Sprintf("; units are written %s", unit)
		}
	}
	return ""
}

// parseDuration reads a duration such as 1h or 1m30s.
func parseDuration(text string) (time.Duration, error) {
	if !durationText.MatchString(text) {
		return 0, errors.New("must be a duration with its unit, such as 500ms, 30s or 1h30m")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("is too long a duration")
	}
	return d, nil
}

// parseUSD reads a price in USD per million tokens and returns nano-dollars a
// token, rounded up, without passing through a float.
func parseUSD(text string) (int64, error) {
	if !usdText.MatchString(text) {
		return 0, errors.New("must be USD per million tokens, written as a plain decimal such as 0.25")
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, _ := strconv.ParseInt(whole, 10, 64)
	if n >= maxUSD && (n > maxUSD || strings.Trim(fraction, "0") != "") {
		return 0, fmt.Errorf("must be at most %d USD per million tokens", maxUSD)
	}
	fraction += "000"
	thousandths, _ := strconv.ParseInt(fraction[:3], 10, 64)
	n = n*1000 + thousandths
	if strings.Trim(fraction[3:], "0") != "" {
		n++
	}
	return n, nil
}

// parseInt reads a whole number.
func parseInt(text string) (int64, error) {
	if !intText.MatchString(text) {
		return 0, errors.New("must be a whole number")
	}
	return strconv.ParseInt(text, 10, 64)
}
