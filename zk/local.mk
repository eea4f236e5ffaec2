# zk/local.mk
