# server/api/local.mk
