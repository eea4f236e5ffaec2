# What the machine allows, one thing at a time.
variants=(limit)
note limit "MB/s; us for round-trip and sync-4k; ns a record for encode and decode"
run_limit() { measure limit - 1 loopback,sendfile,round-trip,append-64k,append-1m,sync-4k,sync-1m,sync-many,crc32c,encode,decode "$limits" --json "$dir"; }
