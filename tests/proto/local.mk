# tests/proto/local.mk
