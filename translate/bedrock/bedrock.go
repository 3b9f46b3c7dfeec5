// Package bedrock speaks Amazon Bedrock's Converse and ConverseStream, in
// which every family of models is asked in one form. What only one family
// knows (thinking, top_k) travels in additionalModelRequestFields.
//
// A call is signed (AWS Signature Version 4) or carries a Bedrock API key. A
// stream is made of binary frames with checksums.
//
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
package bedrock

import (
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// name is the dialect's, and the Origin of what only its models understand.
const name = "bedrock"

// Dialect writes requests to Bedrock and reads its answers. It may be used by
// many goroutines.
type Dialect struct {
	signer *v4.Signer // keeps the signing keys of the day
}

// New returns the dialect.
func New() *Dialect { return &Dialect{signer: v4.NewSigner()} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return name }

// Embeds reports that Converse has no embeddings: those models are invoked
// each in a form of its own.
func (*Dialect) Embeds() bool { return false }

// AppendEmbedding refuses every call, as Embeds says.
func (*Dialect) AppendEmbedding(dst []byte, _ *neutral.Embedding, _ *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	return dst, nil, neutral.Unsupported("model", "Embeddings cannot be had from a provider of the %s dialect.", name)
}

// ReadVectors takes nothing for an answer, as Embeds says.
func (*Dialect) ReadVectors([]byte, *neutral.Vectors) *translate.Error {
	return translate.Errorf(translate.ProviderBadResponse, "", "The provider has no embeddings.")
}
