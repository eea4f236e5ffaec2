# tests/zk/local.mk
