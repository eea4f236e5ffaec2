# server/local.mk
