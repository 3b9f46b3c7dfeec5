// Package spell finds the word that was meant.
package spell

import "strings"

// Closest returns the one of words that word was probably meant to be, by the
// fewest edits and whatever its case, or "" when none is near.
func Closest(word string, words []string) string {
	best, least := "", 1+max(1, len(word)/3)
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w), least); w != "" && d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of edits between a and b (insert, delete, replace,
// swap neighbours), or limit when it is no less.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := prev[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], prev2[j-1]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return min(prev[len(b)], limit)
}
