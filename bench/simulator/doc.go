// Package simulator plays language-model providers over real HTTP on loopback: for a gateway without a provider,
// for tests, and as the upstream of benchmarks. The path chooses the API, all of them streaming and not:
//
//	/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models   OpenAI
//	/v1/responses                                                      OpenAI's Responses; nothing is stored
//	/v1/messages, /v1/messages/count_tokens, /v1/models                Anthropic
//	/v1beta/models/{m}:generateContent, :streamGenerateContent         Gemini: with alt=sse events that end in CRLF,
//	  :countTokens, :embedContent, :batchEmbedContents, /v1beta/models   without it one JSON array
//	/model/{m}/converse, /model/{m}/converse-stream                    Bedrock, in binary frames
//	/v2/chat, /v2/embed                                                Cohere
//	/api/chat, /api/embed, /api/tags                                   Ollama, in lines of JSON
//	/openai/deployments/{m}/..., /openai/v1/...                        Azure: chat/completions, completions,
//	                                                                     embeddings, responses
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
// with a short text that says "[simulated sim-l0]", and how many images and files it was given.
//
// It calls a tool when tool_choice forces it, when the user's message names the tool, or when it has the word "tool" in
// it; two tools that are named are called in parallel. To tools' results it answers "The tool returned: ...", with
// " | " between several. It generates what a JSON schema asks for, thinks when the request asks for thoughts in its
// API's way, and stops at stop sequences and limits. What else it does, the faults below say: refusal, filter,
// preamble, cached-tokens and so on. A prompt asks for them with a mark in its text, such as "[sim refusal]"; of
// several marks the last one counts.
//
// # Requests
//
// Requests are checked as strictly as the APIs do: fields that are unknown, missing, there twice, of a wrong type or out
// of range, whose turn it is, whether tools' results are complete and where they belong, whether thoughts and their
// signatures are as they were given out. What is wrong is answered with 400 and the API's own error. Bedrock and Ollama
// ignore unknown fields in truth; here no API does. OpenAI's chat completions take everything unless a fault says
// "strict", for many speak that dialect in their own way, and completions and embeddings always do.
//
// With Config.Keys, Bedrock takes a bearer token or a signature; the signature is verified if the key is "id:secret".
//
// # Misbehaviour
//
// What goes wrong is said by a spec: faults with commas between them, such as "latency=200ms,tokens=50,status=429".
// A request gets the faults of Config.Faults, of the current Step of Script, of the path's prefix
// (base URL http://127.0.0.1:1234/~latency=200ms/v1, percent-encoded where needed), of the header X-Sim, of the
// model's suffix ("sim-l0!reset-mid-stream"), and of the prompt's last mark ("[sim status=429]"), the later ones on top.
// The answer names the model without its suffix.
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
//	slow-tail=F:D       wait D longer in this share of all requests, 0 to 1, chosen by the seed: slow-tail=0.05:2s
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
//	thinking            thoughts, asked for or not
//	refusal             the model will not answer, in the API's way of saying so
//	filter              the provider's filter steps in: before the answer (Gemini, Azure) or in the middle of it
//	preamble            a text before tools' calls
//
// Requests of OpenAI's chat completions:
//
//	strict              unknown fields and whatever else OpenAI refuses: 400
//	mistral             as Mistral does, which knows fewer fields and wants ids of 9 characters: 422
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
