package fetch

import "time"

// Config says what may be fetched for callers. The zero value fetches nothing.
type Config struct {
	// Enabled fetches the images and PDFs that a request names by URL, where
	// its provider takes bytes only. Otherwise such a request is refused.
	Enabled bool `yaml:"enabled"`
	// HTTP allows http:// besides https://.
	HTTP bool `yaml:"http"`
	// MaxBytes is the most bytes of one file; 0 is 10 MiB. All files of a
	// request together may have 32 MiB.
	MaxBytes int64 `yaml:"max_bytes" unit:"bytes" min:"1" max:"33554432"`
	// Timeout bounds all fetches of a request together; 0 is 10 s.
	Timeout time.Duration `yaml:"timeout" min:"1ms" max:"10m"`
	// Hosts are the only hosts that are asked, such as img.example.com, or
	// *.example.com for all below it; none means any.
	Hosts []string `yaml:"hosts" pattern:"^(\\*\\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"`
	// Ports are asked besides 80 and 443.
	Ports []int `yaml:"ports" min:"1" max:"65535"`
	// Networks are CIDR blocks that may be asked although they are not public,
	// such as 10.20.0.0/16. The address of a cloud's metadata service has to
	// be named alone, as a block of one.
	Networks []string `yaml:"networks"`
}

const (
	defaultMaxBytes = 10 << 20
	defaultTimeout  = 10 * time.Second
)

// withDefaults fills in what zero means.
func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c
}
