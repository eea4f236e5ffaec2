# net/local.mk
