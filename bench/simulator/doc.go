// Package simulator plays language-model providers over real HTTP on loopback: for a gateway without a provider,
// for tests, and as the upstream of benchmarks. It speaks OpenAI's chat completions, completions, embeddings and
// models, and Anthropic's messages, count_tokens and models, streaming and not.
//
// Same seed and same request bytes give the same answer bytes, ids and times included.
//
// # Models
//
//	sim-l0, sim-l1, sim-l2       chat, completions, messages, embeddings; three levels of skill
//	sim-embed                    an embedding model; texts that share words are near each other
//	bench-<size>                 a JSON answer of exactly that size: bench-1k, bench-32k, bench-1m, bench-700
//	bench-stream-<n>x<bytes>     a stream of n events with that many bytes of text: bench-stream-100x64
//	bench-stream-<n>x<bytes>-<t> the same, t before each event, at most 1s: bench-stream-100x64-10ms
//
// The bench- models send prebuilt bytes, one write for an answer or an event, and allocate nothing, as long as the
// model stands in the first 8 KiB of the body, and no faults, keys or records are asked for.
//
// A sim- model answers a prompt of Tasks right or wrong, depending on seed, prompt and skill, and any other prompt
// with a short text that says "[simulated sim-l0]". It calls a tool when tool_choice forces it, when the user's message
// names the tool, or when it has the word "tool" in it; it generates what a JSON schema asks for.
//
// # Misbehaviour
//
// What goes wrong is said by a spec: faults with commas between them, such as "latency=200ms,tokens=50,status=429".
// A request gets the faults of Config.Faults, of the current Step of Script, of the path's prefix
// (base URL http://127.0.0.1:1234/~latency=200ms/v1, percent-encoded where needed), of the header X-Sim, and of the
// model's suffix ("sim-l0!reset-mid-stream"), the later ones on top. The answer names the model without its suffix.
// A spec that is not understood is answered with 400 and the code bad_fault.
//
// Durations are Go's (200ms), sizes are bytes or have a unit (64KiB, 20MiB, 10GiB); K counts events from the start
// of a stream, and is the middle where it is not given. In JSON answers K is 0 for the head, 1 for half the body.
//
// Control:
//
//	ok                  forget the faults so far
//	p=F                 all of it happens only to this share of requests or connections, 0 to 1, by the seed
//
// Connections, in Config.Faults and Script only:
//
//	accept-silence      accept, then nothing
//	accept-close        accept, then FIN
//	accept-reset        accept, then RST
//	accept-garbage      bytes that are no HTTP, before any request
//	flap[=D]            up and down in turns of D (100ms): while down, requests are reset, and with Config.Faults also
//	                    connections as soon as they are accepted
//
// Instead of an answer:
//
//	silence             nothing, until the client closes
//	close               FIN without a byte
//	reset               RST without a byte
//	garbage             bytes that are no HTTP, then FIN
//	close-on-reuse      FIN without a byte, if the connection has carried a request before
//	reset-on-reuse      the same with RST
//	no-read[=D]         the body is not read and nothing is said for D (30s), then RST
//	early[=N]           status N (413) before the body is read, FIN, and after a second RST
//
// Before the answer:
//
//	latency=D           wait D
//	interim[=N]         an informational answer N (103) first
//
// How it travels:
//
//	slow-headers[=D]    the head byte by byte, D (1s) after each
//	chunk-delay=D       D between events
//	split[=N]           every write has N (1) bytes; the kernel may still join some
//	split-delay=D       D (100us) after each of them, to keep them apart
//	headers-stall       the head, then nothing
//	stall-mid-stream[=K] K events, then nothing; half a JSON body
//	reset-mid-stream[=K] the same, then RST
//	fin-mid-stream[=K]  the same, then FIN
//	in-event            the three before: cut inside the next event
//	half-close          all of it, then FIN one way, until the client closes
//	silent-close        all of it, then FIN without "Connection: close"
//	conn-close          all of it, with "Connection: close", then FIN
//	idle-close=D        FIN when the connection has been idle for D
//
// Framing:
//
//	framing=F           length, chunked, or close (neither: the body ends with the connection)
//	long-length[=N]     Content-Length is N (10) too long, FIN after the body
//	short-length[=N]    Content-Length is N (10) too short; the connection stays open
//	smuggle             a second answer right behind; the connection stays open
//	dup-length          a second, different Content-Length
//	cl-te               Content-Length and Transfer-Encoding
//	bad-chunk           a chunk size that is no number in the middle
//	no-last-chunk       FIN in place of the last chunk
//
// Header fields and encodings:
//
//	gzip                gzipped, asked for or not
//	gzip-bomb[=S]       gzipped line ends, S (10GiB) when unpacked, before the answer
//	encoding=X          Content-Encoding X on bytes that are not
//	dup-encoding        gzipped once, Content-Encoding twice
//	content-type=X      another Content-Type
//	junk-headers        Set-Cookie, hop-by-hop fields and others that a gateway must not pass on
//	huge-header[=S]     a field of S (64KiB)
//	date=X              a Date: now, past or future, by ten years
//
// Status:
//
//	status=N            N; from 400 with an error in the vendor's shape, below with the answer
//	overloaded          503 of OpenAI, 529 of Anthropic
//	redirect[=N]        N (302) with a Location
//	location=URL        that one
//	body-anyway         a body also with 204 and 304
//	retry-after=V       V as it is, date:D for an HTTP date D from now, past for one an hour ago
//	retry-after-ms=V    that field
//	ratelimit-reset=D   the vendor's fields of a used-up limit
//	error-shape=X       vendor, bare, detail, message, string, array, int-code, azure, text, empty
//	error-type=X        the error's type, also of error-event: overloaded_error
//	echo-key            the error has the credential of the request in it, in body and header
//
// Bodies:
//
//	html                an HTML page
//	bad-json            JSON cut off
//	empty               no byte
//	error-200           an error object with status 200
//	sse                 a stream, asked for or not
//	json                no stream, asked for or not
//	huge[=S]            S of text in a JSON body (100MiB) or in one event (20MiB), made as it is sent
//	tokens=N            N tokens of text, an event each
//	utf8                text with characters of 2 to 4 bytes
//	finish=X            that finish reason; none for null
//	usage=X             none: no usage; last: in the last event that has choices; every: in every event; always:
//	                    as though asked for
//	cached-tokens=N     N of the prompt's tokens come from a cache
//	reasoning-tokens=N  N tokens of reasoning on top
//
// Streams:
//
//	error-event[=K]     an error event after K (0) events, and no more
//	bad-event[=K]       an event of broken JSON
//	bad-line[=K]        a line that is no field, with bytes that are no UTF-8
//	done=X              the last event ([DONE], message_stop): none, twice, trailing (more after it), spaces
//	azure               Azure's first event, without choices, id and model
//	eol=X               lf, crlf, cr
//	bom                 a byte order mark first
//	comments            a comment before each event
//	fields              id, retry and unknown fields
//	multi-line          each event's data in two lines
//	no-space            "data:" without the space
//	no-final-blank      the last event ends with the stream, without an empty line
//
// TLS faults are chosen by Config.TLS; a port that refuses connections is made by Server.Down.
package simulator
