// Package corpus holds no code, only tests: recorded exchanges with many
// providers go through every dialect. CORPORA names the directory of
// recordings, of any number of files below it:
//
//	CORPORA=dir go test ./translate/corpus -v
//
// Three forms are read: cassettes (*.yaml with interactions of a request and a
// response), answers (*.json below a directory __fixtures__) and streams (the
// same with .chunks.txt, an event a line, or .sse). What a recording is, is
// told by its URL and its shape, never by the name of its file.
package corpus
