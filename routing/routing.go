// Package routing decides, and does nothing else: it has no I/O, no clock and
// no goroutine. A Prior tells from a text how hard it seems, a Learner bends
// that to the outcomes of one stream, and a Cascade verifies cheap answers and
// escalates.
//
// # The prior
//
// How hard a request seems is the prior's guess, from the text alone, of what
// the premium model would gain over the cheap one. It is a linear model on
// hashed words and pairs of words and on the shape of the text, fitted by
// `go run ./bench train route` on public outcomes. Two things are known of it:
// off its distribution its words say nothing, so where few of them are known
// only the shape counts; and prompts alone cannot save much without loss, so a
// cheap answer is verified (see Cascade).
package routing
