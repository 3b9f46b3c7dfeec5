package neutral

// Embedding is a call for embeddings.
type Embedding struct {
	Model string
	// Inputs are texts; Tokens are arrays of token ids as they stand, in the
	// places where Inputs has none. One of the two is set.
	Inputs [][]byte
	Tokens [][]byte
	// Dimensions is a raw number or nil. Base64: the client wants little-endian
	// 32-bit floats in base64.
	Dimensions []byte
	Base64     bool
	User       string
	Extra      []Member
}

// Vectors is the answer to an Embedding: one vector for each input, in order.
type Vectors struct {
	ID, Model string
	Vectors   []Vector
	Usage     Usage
}

// Vector is one embedding in either form; AppendFloats and AppendPacked turn
// one into the other.
type Vector struct {
	Floats []byte // a raw JSON array of numbers
	Packed []byte // little-endian 32-bit floats in base64
}
