package main

// appKey is the key of the only caller of a keyed gateway.
const appKey = "app-key-0123456789abcdef"

// keyed makes a gateway ask for a key.
const keyed = "keys: [{id: app, key: " + appKey + ", tenant: acme, project: shop}]\n"
