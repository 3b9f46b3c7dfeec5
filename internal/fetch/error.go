package fetch

import "fmt"

// Class is why a URL was not fetched.
type Class uint8

// The classes.
const (
	TooMany     Class = iota + 1 // more URLs than a request may have
	Malformed                    // not a URL that is fetched: scheme, credentials, spelling
	Forbidden                    // a host or a port that the configuration does not let in
	Private                      // no public address, or no address at all
	Redirect                     // too many redirects, or one from https to http
	Unreachable                  // no connection, no TLS, or a broken answer
	Timeout                      // not there in time
	Status                       // a status other than 200
	TooLarge                     // over a limit
	Encoded                      // compressed, although that was not asked for
	WrongType                    // none of the types that are accepted
	Empty                        // no bytes
)

// Error says which URL of a request was not fetched and why. Its text is fit
// for whoever sent the URL: it has neither the URL nor an address nor anything
// that a server has said but its status. What it wraps is for the log only.
type Error struct {
	// Index is the URL's in the list, from 0.
	Index  int
	Class  Class
	Status int // of Class Status

	cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Class == Status {
		return fmt.Sprintf("its server answered with the status %d", e.Status)
	}
	return classTexts[e.Class]
}

// Unwrap implements errors.Unwrap.
func (e *Error) Unwrap() error { return e.cause }

func because(class Class, cause error) *Error { return &Error{Class: class, cause: cause} }

// classTexts say the same of a name that does not exist and of one with a
// private address: they must not tell which names there are inside.
var classTexts = [...]string{
	TooMany:     fmt.Sprintf("a request may have at most %d of them", maxURLs),
	Malformed:   "it is not a URL that can be fetched",
	Forbidden:   "its host or port is not allowed",
	Private:     "its host has no public address",
	Redirect:    "it is redirected too often, or away from https",
	Unreachable: "its server cannot be reached, or broke off",
	Timeout:     "it did not arrive in time",
	TooLarge:    "it is too large",
	Encoded:     "its server answered with a content encoding",
	WrongType:   "it has none of the types that are accepted",
	Empty:       "it is empty",
}
