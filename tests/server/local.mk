# tests/server/local.mk
include tests/server/core/local.mk
include tests/server/storage/local.mk
include tests/server/codec/local.mk
include tests/server/broker/local.mk
include tests/server/api/local.mk
include tests/server/runtime/local.mk
