# tests/server/local.mk
include tests/server/storage/local.mk
