# docs/local.mk
EXTRA_DIST += docs/disk-format.md
