# tests/common/local.mk
