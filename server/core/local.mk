# server/core/local.mk
