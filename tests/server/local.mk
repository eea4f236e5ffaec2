# tests/server/local.mk
include tests/server/core/local.mk
include tests/server/storage/local.mk
