# docs/local.mk
EXTRA_DIST += docs/disk-format.md docs/protocol.md
