package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

var errURL = errors.New("not a URL")

// parseURL reads Config.URL. No error has a part of it that may be a secret.
func parseURL(text string) (*goredis.UniversalOptions, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the Redis URL: %w", errURL)
	}
	d := &dialer{network: "tcp"}
	o := &goredis.UniversalOptions{Dialer: d.dial, Username: u.User.Username()}
	o.Password, _ = u.User.Password()
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "rediss":
		// Nodes may announce themselves by addresses that no certificate has.
		d.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
		o.Addrs = []string{hostPort(u)}
	case "redis":
		o.Addrs = []string{hostPort(u)}
	case "unix":
		d.network, o.Addrs, db = "unix", []string{u.Path}, ""
	default:
		return nil, errors.New("cannot read the Redis URL: its scheme is none of redis, rediss and unix")
	}
	if err := setQuery(o, d, u, db); err != nil {
		return nil, fmt.Errorf("cannot read the Redis URL: %w", err)
	}
	return o, nil
}

func hostPort(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "6379"
	}
	return net.JoinHostPort(host, port)
}

// setQuery reads the query; db is the database that the path names.
func setQuery(o *goredis.UniversalOptions, d *dialer, u *url.URL, db string) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("its query is malformed")
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "db":
			db = value
		case "addr":
			o.Addrs = slices.Concat(o.Addrs, values)
		case "master_name":
			o.MasterName = value
		case "cluster":
			o.IsClusterMode = value == "true"
		case "skip_verify":
			if d.tls == nil {
				return errors.New("skip_verify is for rediss")
			}
			d.tls.InsecureSkipVerify = value == "true" // the operator asks for it
		case "sentinel_username":
			o.SentinelUsername = value
		case "sentinel_password":
			o.SentinelPassword = value
		default:
			return fmt.Errorf("unknown parameter %q", name)
		}
	}
	if db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return errors.New("its database is not a number")
		}
	}
	return checkOptions(o, d)
}

// checkOptions refuses what makes no sense together.
func checkOptions(o *goredis.UniversalOptions, d *dialer) error {
	cluster := o.MasterName == "" && (o.IsClusterMode || len(o.Addrs) > 1)
	switch {
	case d.network == "unix" && (o.Addrs[0] == "" || cluster || o.MasterName != ""):
		return errors.New("a unix URL is the path of one server's socket")
	case o.IsClusterMode && o.MasterName != "":
		return errors.New("cluster and master_name exclude each other")
	case cluster && o.DB > 0:
		return errors.New("a cluster has only database 0")
	}
	for _, addr := range o.Addrs {
		if _, _, err := net.SplitHostPort(addr); d.network == "tcp" && err != nil {
			return errors.New("an address is not host:port")
		}
	}
	return nil
}
