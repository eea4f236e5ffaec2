# tests/client/local.mk
