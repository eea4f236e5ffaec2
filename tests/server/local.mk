# tests/server/local.mk
